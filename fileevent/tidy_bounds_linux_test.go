package fileevent

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/fsync-lock/fsync/internal/testproc"
	"golang.org/x/sys/unix"
)

// Tidy moves maxTidy tombstones, and not one more.
func TestTidyOfMany(t *testing.T) {
	t.Parallel()
	needAttributes(t)
	for n, left := range map[int]int{maxTidy: 0, maxTidy + 1: 1} {
		dir := t.TempDir()
		events := eventsIn(dir, n)
		testproc.BetweenForks(func() { // a child that is just being started would share the lock of a Clear
			for _, e := range events {
				pulse(t, e)
			}
			events[0].Tidy()
		})
		if files := must2(os.ReadDir(dir)); len(files) != left {
			t.Errorf("%d tombstones: %v is left", n, files)
		}
	}
}

// Tidy does nothing while another process tidies, and on a network file system.
func TestTidyStaysOut(t *testing.T) {
	t.Parallel()
	needAttributes(t)
	e := New(markerPath(t))
	far := e.marker
	far.network = true
	testproc.BetweenForks(func() {
		pulse(t, e)
		far.tidy()
		f := must2(os.Open(filepath.Dir(e.marker.tombstonePath())))
		defer f.Close()
		must(t, unix.Flock(int(f.Fd()), unix.LOCK_EX))
		e.Tidy()
		if v := must2(versionOf(e.marker.tombstonePath())); !v.exists {
			t.Error("the tombstone is gone")
		}
		must(t, unix.Flock(int(f.Fd()), unix.LOCK_UN))
		e.Tidy()
	})
	tidied(t, filepath.Dir(e.Path()))
	if v := e.marker.archived(e.marker.tombstoneName()); !v.exists {
		t.Error("there is no attribute")
	}
	if v := far.archived(far.tombstoneName()); v.exists {
		t.Errorf("on a network file system: %+v", v)
	}
}

// A tombstone that another process has removed is gone.
func TestRemovalOfWhatIsGone(t *testing.T) {
	t.Parallel()
	m := splitMarker(markerPath(t))
	if !m.removeArchived(m.tombstonePath(), version{exists: true}) {
		t.Error("a missing tombstone is not gone")
	}
}

// Other text than that of an attribute is no tombstone.
func TestOtherAttributes(t *testing.T) {
	t.Parallel()
	if v := parseAttribute("1 2 3 4 0123456789abcdef"); !v.exists {
		t.Fatalf("%+v", v)
	}
	for _, text := range []string{"", "1 2 3 4", "x 2 3 4 ", "1 x 3 4 ", "1 2 x 4 ", "1 2 3 x ", "1 2 3 4 short"} {
		if v := parseAttribute(text); v != (version{}) {
			t.Errorf("%q: %+v", text, v)
		}
	}
}

// A tombstone that was moved aside is older than one that a Clear has left meanwhile.
func TestPutBackBesideALaterOne(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	old, path := filepath.Join(dir, "old"), filepath.Join(dir, "path")
	for _, later := range []string{"", "later"} {
		must(t, os.WriteFile(old, []byte("old"), 0o644))
		want := "old"
		if later != "" {
			must(t, os.WriteFile(path, []byte(later), 0o644))
			want = later
		}
		putBack(old, path)
		if text := must2(os.ReadFile(path)); string(text) != want {
			t.Errorf("it is the one %q, want %q", text, want)
		}
		if _, err := os.Lstat(old); err == nil {
			t.Error("the one that was moved aside is left")
		}
	}
}
