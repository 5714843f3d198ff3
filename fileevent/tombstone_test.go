package fileevent

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/fsync-lock/fsync/internal/testproc"
)

// Clear moves the marker to the directory where the kernel finds it, not to where a cleaned
// path leads.
func TestTombstonePathIsNotCleaned(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows cleans paths itself")
	}
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "far", "away"), 0o755))
	must(t, os.MkdirAll(filepath.Join(dir, "near"), 0o755))
	must(t, os.Symlink(filepath.Join(dir, "far", "away"), filepath.Join(dir, "near", "link")))
	unclean, clean := dir+"/near/link/../ready", filepath.Join(dir, "far", "ready")
	must(t, New(unclean).Set())
	if err := New(unclean).Clear(); err != nil {
		t.Errorf("Clear() = %v", err)
	}
	must(t, New(clean).Clear())
	pulseEnds(t, New(unclean), New(clean))
}

// A relative path works in a working directory whose $PWD is a symbolic link.
func TestRelativePathInALinkedDirectory(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows cleans paths itself")
	}
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "releases", "42"), 0o755))
	must(t, os.MkdirAll(filepath.Join(dir, "releases", "shared"), 0o755))
	must(t, os.MkdirAll(filepath.Join(dir, "app"), 0o755))
	must(t, os.Symlink("../releases/42", filepath.Join(dir, "app", "current")))
	t.Chdir(filepath.Join(dir, "app", "current")) // sets PWD
	pulseEnds(t, New("../shared/ready"), New(filepath.Join(dir, "releases", "shared", "ready")))
}

// pulse fails the test unless a pulse of e ends a wait for w that is asleep.
func pulseEnds(t *testing.T, w, e *Event) {
	t.Helper()
	w.hook = once(sleeping, func() { pulse(t, e) })
	if ok, err := w.WaitFor(testproc.Patience / 4); !ok || err != nil {
		t.Errorf("the pulse is lost: %v, %v", ok, err)
	}
}

// rename(2) does nothing if both names are one file.
func TestClearOfALinkedMarker(t *testing.T) {
	t.Parallel()
	e := New(markerPath(t))
	must(t, os.WriteFile(e.Path()+".template", nil, 0o644))
	for range 2 {
		must(t, os.Link(e.Path()+".template", e.Path()))
		must(t, e.Clear())
		isSet(t, e, false)
	}
}

// The same for a wait that takes the event: it takes each link once.
func TestTakeOfALinkedMarker(t *testing.T) {
	t.Parallel()
	e := New(markerPath(t), AutoReset())
	must(t, os.WriteFile(e.Path()+".template", nil, 0o644))
	for range 2 {
		must(t, os.Link(e.Path()+".template", e.Path()))
		for _, want := range []bool{true, false} {
			if taken, err := e.WaitFor(0); taken != want || err != nil {
				t.Errorf("taken %v, %v, want %v", taken, err, want)
			}
		}
	}
}

// cleared sets and clears an event, and returns its tombstone.
func cleared(t *testing.T) (m marker, now version, text []byte) {
	t.Helper()
	m = splitMarker(markerPath(t))
	pulse(t, New(m.path))
	return m, must2(m.tombstone()), must2(os.ReadFile(m.tombstonePath()))
}

// Two versions with the same ID are of the same Set, whatever their file is.
func TestOneIDIsOneSet(t *testing.T) {
	t.Parallel()
	m, before, text := cleared(t)
	must(t, os.WriteFile(m.path+".copy", text, 0o644))
	must(t, os.Rename(m.path+".copy", m.tombstonePath()))
	if now, err := m.tombstone(); err != nil || now.differs(before) {
		t.Errorf("%v after %v: %v", now, before, err)
	}
}

// Tidy has moved the tombstone aside when a look reads it, and then puts it back. The look
// finds the archived one first, but does not take that for the last.
func TestTombstoneIsPutBackDuringALook(t *testing.T) {
	t.Parallel()
	archived, last := version{exists: true, id: "archived"}, version{exists: true, id: "last"}
	var reads []version
	read := func() (now version, err error) {
		now, reads = reads[0], reads[1:]
		return now, nil
	}
	for _, c := range []struct {
		reads    []version
		archived version
		want     version
	}{
		{[]version{last}, archived, last},
		{[]version{{}, last}, archived, last},
		{[]version{{}, {}}, archived, archived},
		{[]version{{}}, version{}, version{}},
	} {
		reads = c.reads
		if got, err := lastOf(read, func() version { return c.archived }); got != c.want || err != nil {
			t.Errorf("%+v, %v, want %+v", got, err, c.want)
		}
	}
}
