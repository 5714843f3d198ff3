//go:build unix

package fileevent

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Another process removes the new marker each time before Set renames it. Set gives up, and
// the event is still set.
func TestRenewalInVain(t *testing.T) {
	t.Parallel()
	e, tries := New(markerPath(t)), 0
	drafts := filepath.Join(filepath.Dir(e.Path()), ".fsync.*")
	must(t, e.Set())
	e.hook = func(s step) {
		if s == renewing {
			tries++
			for _, draft := range must2(filepath.Glob(drafts)) {
				must(t, os.Remove(draft))
			}
		}
	}
	if err := e.Set(); !errors.Is(err, fs.ErrNotExist) || tries != maxAttempts+1 {
		t.Errorf("Set = %v after %d tries", err, tries)
	}
	isSet(t, e, true)
}

// An event that cannot be renewed is set all the same. An error that says more than that is
// returned.
func TestNotRenewed(t *testing.T) {
	t.Parallel()
	e := New(markerPath(t))
	for err, fails := range map[error]bool{
		nil:              false,
		fs.ErrPermission: false,
		syscall.EROFS:    false,
		syscall.EIO:      true,
	} {
		got := e.notRenewed(err)
		if named := (*fs.PathError)(nil); (got != nil) != fails || fails && (!errors.As(got, &named) || !errors.Is(got, err)) {
			t.Errorf("%v becomes %v", err, got)
		}
	}
}

// If the new marker may not be made beside the tombstones, it is made beside the marker.
func TestRenewalBesideTheMarker(t *testing.T) {
	t.Parallel()
	path := filepath.Join(openDir(t, 0o777), "ready")
	owner := startAgentAs(t, path, 65534, 65534)
	ask(t, owner, "pulse", "ok")
	must(t, os.Chmod(filepath.Join(filepath.Dir(path), ".fsync"), 0o755))
	other := startAgentAs(t, path, 65533, 65533)
	ask(t, owner, "set", "ok")
	before := must2(New(path).Info())
	ask(t, other, "set", "ok")
	if now := must2(New(path).Info()); now.PID != other.PID() || before.PID != owner.PID() {
		t.Errorf("set by %+v, then by %+v", before, now)
	}
	if left := must2(filepath.Glob(filepath.Join(filepath.Dir(path), ".fsync.*"))); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}
