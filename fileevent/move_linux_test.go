package fileevent

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/fsync-lock/fsync/internal/testproc"
	"golang.org/x/sys/unix"
)

// Clear has moved a marker that has several names. Just then, a hard link to it sets the event
// again. Clear has cleared the event once, and does not clear it a second time.
func TestLinkedWhileClearing(t *testing.T) {
	t.Parallel()
	m := splitMarker(markerPath(t))
	must(t, os.WriteFile(m.path+".template", nil, 0o644), os.Link(m.path+".template", m.path))
	must(t, m.clear(must2(m.clearable()), func(from, to string) error {
		return errors.Join(os.Rename(from, to), os.Link(to, from))
	}))
	isSet(t, New(m.path), true)
}

// Clear finds that the marker is a hard link to the tombstone. Before Clear removes it, another
// process clears the event and sets it again. Clear clears the later Set, too, and leaves its
// trace: a Watch sees it, and waits that looked meanwhile look again.
func TestSetWhileALinkIsCleared(t *testing.T) {
	t.Parallel()
	e := New(markerPath(t))
	pulse(t, e)
	must(t, os.Link(e.marker.tombstonePath(), e.Path()))
	w := watchOf(t, e)
	reports, overtaken := testproc.ReportsOf(t, unix.IN_CREATE, filepath.Dir(e.Path())), false
	must(t, e.marker.clear(must2(e.marker.clearable()), func(from, to string) error {
		if !overtaken {
			overtaken = true
			must(t, os.Remove(e.Path()), e.Set())
		}
		return os.Rename(from, to)
	}))
	isSet(t, e, false)
	seen(t, w, "the later Set")
	if !strings.Contains(reports(), ".fsync.") {
		t.Error("the waits were not notified")
	}
	if left := must2(filepath.Glob(filepath.Join(filepath.Dir(e.Path()), ".fsync", "*.taken"))); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}

// Clear has moved a hard link to the tombstone to its unique name. Now another process sets the
// event and clears it. Clear does not put the former tombstone in the place of that one: a Watch
// sees the pulse.
func TestPulseWhileALinkIsCleared(t *testing.T) {
	t.Parallel()
	e := New(markerPath(t))
	pulse(t, e)
	must(t, os.Link(e.marker.tombstonePath(), e.Path()))
	w := watchOf(t, e)
	overtaken := false
	must(t, e.marker.clear(must2(e.marker.clearable()), func(from, to string) error {
		err := os.Rename(from, to)
		if !overtaken && strings.HasSuffix(to, ".taken") {
			overtaken = true
			pulse(t, e)
		}
		return err
	}))
	if !overtaken {
		t.Error("Clear has not used a unique name")
	}
	isSet(t, e, false)
	seen(t, w, "the pulse")
	unseen(t, w, "nothing more")
	if left := must2(filepath.Glob(filepath.Join(filepath.Dir(e.Path()), ".fsync", "*.taken"))); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}

// A child process that is just being started has a copy of the descriptor with the lock that
// keeps others from tidying. When the Clear is over, the lock is free nevertheless.
func TestLockOfTheSidecarInAChild(t *testing.T) {
	t.Parallel()
	needAttributes(t)
	e := New(markerPath(t))
	pulse(t, e)
	var copies []int
	must(t, e.marker.withSidecar(func() error {
		copies = copiesOf(t, filepath.Dir(e.marker.tombstonePath()))
		return nil
	}))
	defer func() {
		for _, fd := range copies {
			unix.Close(fd)
		}
	}()
	if len(copies) == 0 {
		t.Fatal("no descriptor with the lock")
	}
	tidy(e)
	tidied(t, filepath.Dir(e.Path()))
}

// copiesOf copies the descriptors of this process that are open for the path.
func copiesOf(t *testing.T, path string) (copies []int) {
	t.Helper()
	for _, fd := range must2(os.ReadDir("/proc/self/fd")) {
		if target, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && target == path {
			copies = append(copies, must2(unix.FcntlInt(uintptr(must2(strconv.Atoi(fd.Name()))), unix.F_DUPFD_CLOEXEC, 0)))
		}
	}
	return copies
}

// Another process calls Tidy before each rename of a Clear. Tidy does not remove DIR/.fsync
// again when the Clear has made it again, and tidies when the Clear is over.
func TestClearBesideTidy(t *testing.T) {
	t.Parallel()
	needAttributes(t)
	e := New(markerPath(t))
	pulse(t, e)
	must(t, e.Set())
	renames := 0
	must(t, e.marker.clear(must2(e.marker.clearable()), func(from, to string) error {
		renames++
		tidy(e)
		return os.Rename(from, to)
	}))
	isSet(t, e, false)
	if renames != 2 {
		t.Errorf("%d renames", renames)
	}
	tidy(e)
	tidied(t, filepath.Dir(e.Path()))
}

// The same for a Set that leaves a notice. The Set has made DIR/.fsync, and Tidy comes before
// the rename.
func TestNoticeBesideTidy(t *testing.T) {
	t.Parallel()
	needAttributes(t)
	e := New(markerPath(t))
	must(t, e.marker.withSidecar(func() error {
		tidy(e)
		_, err := os.Stat(filepath.Dir(e.marker.tombstonePath()))
		return err
	}))
	tidy(e)
	tidied(t, filepath.Dir(e.Path()))
}
