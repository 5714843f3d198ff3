package fileevent

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/fsync-lock/fsync/internal/testproc"
)

// pathsOfOneMarker returns two paths of one marker. The first is of the form link/../ready, and
// would be the path of another marker if it were cleaned.
func pathsOfOneMarker(t *testing.T) (unclean, clean string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("Windows cleans paths itself")
	}
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "far", "away"), 0o755), os.Mkdir(filepath.Join(dir, "near"), 0o755))
	must(t, os.Symlink(filepath.Join(dir, "far", "away"), filepath.Join(dir, "near", "link")))
	return dir + "/near/link/../ready", filepath.Join(dir, "far", "ready")
}

// Clear does not clean the path: it finds the marker and moves it in the same directory.
func TestTombstonePathIsNotCleaned(t *testing.T) {
	t.Parallel()
	unclean, clean := pathsOfOneMarker(t)
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
	for _, sub := range []string{"releases/42", "releases/shared", "app"} {
		must(t, os.MkdirAll(filepath.Join(dir, sub), 0o755))
	}
	must(t, os.Symlink("../releases/42", filepath.Join(dir, "app", "current")))
	t.Chdir(filepath.Join(dir, "app", "current")) // sets PWD
	pulseEnds(t, New("../shared/ready"), New(filepath.Join(dir, "releases", "shared", "ready")))
}

// pulseEnds fails the test unless a pulse of e ends a wait for w that is about to sleep.
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

// A wait with AutoReset takes each of the links once.
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

// Two files with the same ID are from the same Set.
func TestOneIDIsOneSet(t *testing.T) {
	t.Parallel()
	m, before, text := cleared(t)
	must(t, os.WriteFile(m.path+".copy", text, 0o644))
	must(t, os.Rename(m.path+".copy", m.tombstonePath()))
	if now, err := m.tombstone(); err != nil || now.differs(before) {
		t.Errorf("%v after %v: %v", now, before, err)
	}
}

// Tidy has moved the last tombstone aside when a look begins, and then puts it back. The look
// finds an archived one, reads again, and finds the last one: in its place, or archived by
// another Tidy.
func TestTombstoneIsPutBackDuringALook(t *testing.T) {
	t.Parallel()
	archived, last := version{exists: true, id: "archived"}, version{exists: true, id: "last"}
	next := func(reads *[]version) func() version {
		return func() (now version) {
			now, *reads = (*reads)[0], (*reads)[1:]
			return now
		}
	}
	for _, c := range []struct {
		tombstones, archives []version
		want                 version
	}{
		{[]version{last}, nil, last},
		{[]version{{}, last}, []version{archived}, last},
		{[]version{{}, {}}, []version{archived, archived}, archived},
		{[]version{{}, {}, {}}, []version{archived, last, last}, last},
		{[]version{{}, {}, last}, []version{last, archived}, last},
		{[]version{{}}, []version{{}}, version{}},
	} {
		tombstone := next(&c.tombstones)
		got, err := lastOf(func() (version, error) { return tombstone(), nil }, next(&c.archives))
		if got != c.want || err != nil || len(c.tombstones)+len(c.archives) > 0 {
			t.Errorf("%+v, %v, want %+v", got, err, c.want)
		}
	}
}
