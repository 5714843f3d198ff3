package fileevent

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/internal/acl"
	"github.com/fsync-lock/fsync/internal/fskind"
	"github.com/fsync-lock/fsync/internal/testproc"
	"golang.org/x/sys/unix"
)

// needAttributes skips a test if users cannot give attributes to directories.
func needAttributes(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Setxattr(dir, "user.fsync.test", []byte("1"), 0); err != nil || !acl.ReadableByAll(dir) || fskind.Of(dir).Network {
		t.Skip("directories have no attributes of users here: ", err)
	}
}

// tidy tidies while this process starts no other one: until its execve(2), that process would
// share the lock of a Clear, and Tidy would do nothing.
func tidy(e *Event) { testproc.BetweenForks(e.Tidy) }

// tidied fails the test if there is a file in the directory.
func tidied(t *testing.T, dir string) {
	t.Helper()
	if left := must2(os.ReadDir(dir)); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}

// Tidy removes the tombstone of touch(1), which has no ID. A Set that is still going on then
// makes its file, in the same tick of the clock and maybe with the inode of the tombstone. A
// wait that begins now sees the pulse of that Set.
func TestTidyOfATombstoneWithoutID(t *testing.T) {
	t.Parallel()
	needAttributes(t)
	for range 10 { // on a busy machine, a tick may pass before Tidy has begun
		e := New(markerPath(t))
		must(t, os.WriteFile(e.Path(), nil, 0o644))
		must(t, e.Clear())
		tidy(e)
		if v := e.marker.archived(e.marker.tombstoneName()); !v.exists || v.ambiguous(time.Now()) {
			t.Fatalf("the archived tombstone is missing or ambiguous: %v", v)
		}
		f := must2(e.marker.draft(0o644))
		e.record(f)
		must(t, f.Close())
		e.hook = once(looking, func() {
			must(t, os.Rename(f.Name(), e.Path()))
			must(t, e.Clear())
		})
		if set, err := e.WaitFor(time.Millisecond); !set || err != nil {
			t.Fatalf("WaitFor = %v, %v", set, err)
		}
	}
}

// A Clear and a Tidy leave nothing behind, and each pulse wakes every waiter, once.
func TestTidyLosesNoPulse(t *testing.T) {
	t.Parallel()
	needAttributes(t)
	inEveryMode(t, func(t *testing.T, how mode) {
		path := markerPath(t)
		e := New(path)
		w := watchOf(t, e)
		setter := startAgent(t, path)
		waiters := startAgents(t, 3, path, how)
		hour := startAgents(t, 1, path, how, "hour")
		all := append(waiters, hour...)
		for range 20 {
			asleep(t, all, "wait")
			ask(t, setter, "pulse", "ok")
			tidy(e)
			tidied(t, filepath.Dir(path))
			expect(t, all, "ok")
			seen(t, w, "pulse")
		}
		asleep(t, all, "wait")
		for _, a := range all {
			a.Silent()
		}
	})
}

// A process that polls sees a pulse whose tombstone Tidy has moved.
func TestTidyWhereManyPoll(t *testing.T) {
	t.Parallel()
	needAttributes(t)
	path := markerPath(t)
	a := polling.startAgent(t, path, "50")
	for range 3 {
		ask(t, a, "wait", "asleep")
		e := eventsIn(filepath.Dir(path), 50)[7]
		pulse(t, e)
		tidy(e)
		a.Expect("7")
	}
}

// archivedPulse sets and clears an event. The attribute has the version of the tombstone, which
// is still there, as in the middle of Tidy.
func archivedPulse(t *testing.T) (path string, m marker, archived version) {
	t.Helper()
	needAttributes(t)
	path = markerPath(t)
	m = splitMarker(path)
	pulse(t, New(path))
	return path, m, must2(m.archive(filepath.Base(m.tombstonePath())))
}

// A Clear comes after Tidy has archived a tombstone and before Tidy removes it. The new
// tombstone stays, and a Watch sees it once.
func TestTidyIsOvertaken(t *testing.T) {
	t.Parallel()
	path, m, archived := archivedPulse(t)
	e := New(path)
	w := watchOf(t, e)
	done := doze(t, path, forever)
	pulse(t, e)
	ends(t, done)
	before := must2(m.tombstone())
	if m.removeArchived(m.tombstonePath(), archived) {
		t.Error("the tombstone of another Clear was removed")
	}
	if now := must2(m.tombstone()); now.archived || now.differs(before) {
		t.Errorf("%+v is there instead of %+v", now, before)
	}
	seen(t, w, "pulse")
	tidyUnseen(t, e, w, "tidied")
}

// A Set has made its marker with the inode of a tombstone that Tidy has just removed, in the
// same tick of the clock, and has not yet written its ID when Clear and Tidy follow. A wait
// that knows the former tombstone sees that pulse.
func TestTidyOfAReusedInode(t *testing.T) {
	t.Parallel()
	needAttributes(t)
	e := New(markerPath(t))
	m := e.marker
	must(t, os.WriteFile(e.Path(), nil, 0o644), e.Clear())
	former := must2(m.tombstone())
	former.id = "0123456789abcdef"
	must(t, unix.Setxattr(m.directory(), attributeOf(m.tombstoneName()), former.attribute(), 0))
	tidy(e)
	if now := must2(m.tombstone()); !now.differs(former) {
		t.Errorf("%+v is not told from %+v", now, former)
	}
}

// A wait looks while Tidy puts a tombstone back that it had moved aside, and another Tidy
// archives that one. The wait does not find the tombstone before it.
func TestTwoTidiesDuringALook(t *testing.T) {
	t.Parallel()
	path, m, _ := archivedPulse(t)
	before := must2(m.tombstone())
	pulse(t, New(path))
	last := must2(m.tombstone())
	old := m.tombstonePath() + aside
	must(t, os.Rename(m.tombstonePath(), old)) // what removeArchived does first
	var isBack, isTidied sync.Once
	now, err := lastOf(func() (version, error) {
		v, err := versionOf(m.tombstonePath())
		isBack.Do(func() { putBack(old, m.tombstonePath()) })
		return v, err
	}, func() version {
		v := m.archived(m.tombstoneName())
		isTidied.Do(func() { tidy(New(path)) })
		return v
	})
	if err != nil || !now.differs(before) || now.differs(last) {
		t.Errorf("%+v, %v, want %+v", now, err, last)
	}
}

// Tidy puts a later tombstone back, and then notifies the waits: in the other order they could
// look before the tombstone is back.
func TestTidyPutsBackBeforeItNotifies(t *testing.T) {
	t.Parallel()
	path, m, archived := archivedPulse(t)
	pulse(t, New(path))
	dir, tombstones := filepath.Dir(path), filepath.Dir(m.tombstonePath())
	reports := testproc.ReportsOf(t, unix.IN_CREATE|unix.IN_MOVED_TO, dir, tombstones)
	m.removeArchived(m.tombstonePath(), archived)
	got := reports()
	back, notified := strings.LastIndex(got, filepath.Base(m.tombstonePath())+"\x00"), strings.Index(got, ".fsync.")
	if back < 0 || notified < back {
		t.Errorf("the tombstone is back at %d, and the waits are notified at %d: %q", back, notified, got)
	}
}

// A wait that looked while the tombstone was away looks again.
func TestTidyNotifies(t *testing.T) {
	t.Parallel()
	path, m, archived := archivedPulse(t)
	away := m.tombstonePath() + ".away"
	done := doze(t, path, func(e *Event) error {
		asleep := e.hook
		between := once(subscribing, func() { // its first look was before
			pulse(t, New(path))
			must(t, os.Rename(m.tombstonePath(), away)) // what removeArchived does first
		})
		e.hook = func(s step) { between(s); asleep(s) }
		return forever(e)
	})
	select {
	case err := <-done:
		t.Fatalf("woken without a tombstone: %v", err)
	case <-time.After(10 * time.Millisecond):
	}
	must(t, os.Rename(away, m.tombstonePath()))
	created := testproc.ReportsOf(t, unix.IN_CREATE, filepath.Dir(path))
	m.removeArchived(m.tombstonePath(), archived)
	ends(t, done)
	if !strings.Contains(created(), ".fsync.") {
		t.Error("Tidy has not notified the waits; a rescan has woken the wait")
	}
}

// Tidy moves a notice as it moves a tombstone, and loses none.
func TestTidyOfANotice(t *testing.T) {
	t.Parallel()
	needAttributes(t)
	e := New(markerPath(t))
	notice := e.marker.sidecar(e.marker.noticeName())
	must(t, os.WriteFile(e.Path(), []byte("42\n"), 0o644))
	w := watchOf(t, e)
	for range 2 {
		must(t, e.Set())
		tidy(e)
		seen(t, w, "the notice was moved to an attribute")
		must(t, e.Set(), os.Rename(notice, notice+aside)) // a process died in Tidy
		seen(t, w, "the notice was moved aside")
	}
	must(t, e.Set(), e.Clear())
	tidy(e)
	tidied(t, filepath.Dir(e.Path()))
	seen(t, w, "the Set, although Clear and Tidy followed")
}

// A process dies in Tidy after it has moved aside a tombstone that a Clear has just left. A
// wait and a Watch that have not seen this tombstone still see it.
func TestTidyDies(t *testing.T) {
	t.Parallel()
	path, m, _ := archivedPulse(t)
	e := New(path)
	w := watchOf(t, e)
	waiter := New(path)
	waiter.hook = once(subscribing, func() { // its first look was before
		pulse(t, New(path))
		must(t, os.Rename(m.tombstonePath(), m.tombstonePath()+aside)) // what removeArchived does first
	})
	if woken, err := waiter.WaitFor(time.Minute); !woken || err != nil {
		t.Fatal(woken, err)
	}
	seen(t, w, "the pulse")
	tidyUnseen(t, e, w, "tidied")

	pulse(t, e)
	must(t, os.Rename(m.tombstonePath(), m.tombstonePath()+aside))
	pulse(t, e) // leaves a later tombstone beside the one that was moved
	seen(t, w, "later pulses")
	tidyUnseen(t, e, w, "tidied again")
}

// DIR/.fsync is replaced before Tidy has locked it. Then the lock does not keep other processes
// from tidying, so Tidy does nothing.
func TestTidyOfAnotherDirectory(t *testing.T) {
	t.Parallel()
	needAttributes(t)
	e := New(markerPath(t))
	pulse(t, e)
	tombstones := filepath.Dir(e.marker.tombstonePath())
	f := must2(os.Open(tombstones))
	defer f.Close()
	must(t, os.Rename(tombstones, tombstones+".before"))
	pulse(t, e)
	e.marker.tidyIn(f)
	if now := must2(e.marker.tombstone()); !now.exists || now.archived {
		t.Errorf("%+v", now)
	}
}

// A process that is killed while it makes .fsync leaves an empty directory.
func TestTidySweeps(t *testing.T) {
	t.Parallel()
	needAttributes(t)
	e := New(markerPath(t))
	dir := filepath.Dir(e.Path())
	old := time.Now().Add(-time.Hour)
	for name, age := range map[string]time.Time{"0123456789abcdef": old, "f123456789abcdef": old, "fresh6789abcdef0": time.Now(), "backup": old} {
		path := filepath.Join(dir, ".fsync."+name)
		must(t, os.Mkdir(path, 0o700), os.Chtimes(path, age, age))
	}
	pulse(t, e)
	tidy(e)
	var left []string
	for _, file := range must2(os.ReadDir(dir)) {
		left = append(left, file.Name())
	}
	if !slices.Equal(left, []string{".fsync.backup", ".fsync.fresh6789abcdef0"}) {
		t.Errorf("left: %q", left)
	}
}

// Many processes clear and tidy all the time; each Set wakes every waiter. In the
// end nothing is left.
func TestTidyByMany(t *testing.T) {
	t.Parallel()
	needAttributes(t)
	path := markerPath(t)
	clearers := startAgents(t, 3, path, watching)
	asleep(t, clearers, "sweep")
	eachSetWakes(t, path, testproc.Size(100, 40))
	testproc.Until(t, "the event is cleared", func() bool {
		set, err := New(path).IsSet()
		return !set && err == nil
	})
	for _, a := range clearers {
		a.Kill()
	}
	for _, left := range must2(filepath.Glob(filepath.Join(filepath.Dir(path), ".fsync.*"))) {
		must(t, os.Remove(left)) // its process was killed while it made .fsync
	}
	tidy(New(path))
	tidied(t, filepath.Dir(path))
}

// Tidy leaves DIR/.fsync alone if it contains another file, if a user could not
// read the attributes, or if there are too many tombstones.
func TestTidyLeaves(t *testing.T) {
	t.Parallel()
	for what, put := range map[string]func(dir string) error{
		"another file": func(dir string) error { return os.WriteFile(filepath.Join(dir, ".fsync", "other"), nil, 0o644) },
		"search only":  func(dir string) error { return os.Chmod(dir, 0o711) },
		"many": func(dir string) error {
			var errs []error
			for _, e := range eventsIn(dir, 20) {
				errs = append(errs, e.Set(), e.Clear())
			}
			return errors.Join(errs...)
		},
	} {
		e := New(markerPath(t))
		must(t, e.Set(), e.Clear(), put(filepath.Dir(e.Path())))
		before := must2(e.marker.tombstone())
		tidy(e)
		if now := must2(e.marker.tombstone()); !now.exists || now.archived || now.differs(before) {
			t.Errorf("%s: %+v", what, now)
		}
	}
}

// tidyUnseen fails the test unless Tidy removes the sidecar and the Watch sees no Set in that.
func tidyUnseen(t *testing.T, e *Event, w *Watch, what string) {
	t.Helper()
	tidy(e)
	tidied(t, filepath.Dir(e.Path()))
	unseen(t, w, what)
}
