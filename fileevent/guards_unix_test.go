//go:build unix

package fileevent

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/internal/file"
	"github.com/fsync-lock/fsync/internal/testproc"
	"github.com/fsync-lock/fsync/internal/watch"
)

// A new file may get the inode of the last one in the same tick of the clock. So the ID in the
// record must tell the two apart. The test changes only the ID in the tombstone.
func TestTombstoneInTheSameInode(t *testing.T) {
	t.Parallel()
	m, before, text := cleared(t)
	text[idAt] ^= 1
	must(t, os.WriteFile(m.tombstonePath(), text, 0o644))
	if now, err := m.tombstone(); err != nil || !now.differs(before) || now.differs(now) {
		t.Errorf("%v after %v: %v", now, before, err)
	}
}

// The tombstone has no ID, because touch(1) made the marker. Two pulses in the same tick of
// the file system's clock could make another tombstone that looks the same, where an inode is
// used again at once (ext4):
//
//	waiter                      others
//	                            touch, Clear: the tombstone has inode 1
//	read the tombstone
//	                            touch, Clear: inode 2, and 1 is free
//	                            touch, Clear: inode 1
//	look: no marker
//
// So the wait begins when the tick is over. Linux 6.13 and later give these files different
// times; so the test checks that the wait begins late enough.
func TestPulsesInOneTick(t *testing.T) {
	t.Parallel()
	e := New(markerPath(t))
	pulse := func() {
		must(t, os.WriteFile(e.Path(), nil, 0o644))
		must(t, e.Clear())
	}
	pulse()
	e.hook = once(looking, func() {
		if v, err := e.marker.tombstone(); err != nil || v.ambiguous(time.Now()) {
			t.Errorf("the tombstone is ambiguous: %v, %v", v, err)
		}
		pulse()
		pulse()
	})
	if set, err := e.WaitFor(time.Millisecond); !set || err != nil {
		t.Errorf("WaitFor = %v, %v", set, err)
	}
}

// A pulse comes while a wait begins, because the tombstone looks like a later one. The wait
// returns, and does not begin after the pulse.
func TestPulseWhileTheTombstoneIsYoung(t *testing.T) {
	t.Parallel()
	before := version{exists: true, ino: 1, born: time.Now().Add(tick)} // it is young for a while
	reads := 0
	now, err := settled(func() (version, error) {
		if reads++; reads == 1 {
			return before, nil
		}
		return version{exists: true, ino: 2, born: before.born}, nil
	})
	if err != nil || now != before || reads != 2 {
		t.Errorf("%v after %v and %d reads, %v", now, before, reads, err)
	}
}

// If Set can write only a part of its record, it leaves an empty marker.
func TestRecordInPart(t *testing.T) {
	t.Parallel()
	path := markerPath(t)
	role := testproc.RoleCmd("agent", path, "note="+strings.Repeat("x", 3000))
	cmd := exec.Command("sh", append([]string{"-c", `ulimit -f 1; exec "$0" "$@"`}, role.Args...)...)
	cmd.Env = role.Env
	agent := testproc.StartCmd(t, cmd)
	agent.Expect("ready")
	ask(t, agent, "set", "ok")
	if info, err := os.Stat(path); err != nil || info.Size() != 0 {
		t.Errorf("the marker: %v, %v", info, err)
	}
}

// A wait that comes too late to take an event does not change the directory.
func TestLateTakerChangesNothing(t *testing.T) {
	t.Parallel()
	m := splitMarker(markerPath(t))
	m.network = true
	if taken, err := m.take(); taken || err != nil {
		t.Fatalf("take() = %v, %v", taken, err)
	}
	if left, err := os.ReadDir(m.dir); err != nil || len(left) > 0 {
		t.Errorf("there is %v, %v", left, err)
	}
}

// Another process has cleared one of two events. WaitAll takes nothing until that event is set
// again, although the other event has just been set again.
func TestWaitAllWaitsForWhatIsGone(t *testing.T) {
	t.Parallel()
	dir, takes := t.TempDir(), 0
	events := []*Event{New(filepath.Join(dir, "a"), AutoReset()), New(filepath.Join(dir, "b"), AutoReset())}
	must(t, events[0].Set(), events[1].Set())
	events[0].hook = func(s step) {
		if s == took {
			takes++
			must(t, New(events[1].Path()).Clear())
		}
	}
	w := &waitForAll{missing: 2}
	must(t, w.begin(events, func(*Event) watch.Interest { return watch.Appear }))
	w.chooseTakes()
	// First all conditions; then the event that was put back; then the one that was cleared.
	for _, changed := range [][]int{{0, 1}, {0}, {1}} {
		if over, err := w.step(changed); over || err != nil {
			t.Fatalf("step(%v) = %v, %v", changed, over, err)
		}
	}
	if takes != 1 {
		t.Errorf("taken %d times", takes)
	}
	isSet(t, events[0], true)
}

// All waits take in the same order, whatever paths they use.
func TestTakesAreSorted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	events := []*Event{New(filepath.Join(dir, "b"), AutoReset()), New(filepath.Join(dir, "a"), AutoReset())}
	w := &waitForAll{missing: 2}
	must(t, w.begin(events, func(*Event) watch.Interest { return watch.Appear }))
	w.chooseTakes()
	if !slices.Equal(w.takes, []int{1, 0}) {
		t.Errorf("b, a are taken in the order %v", w.takes)
	}
}

// The last look before the deadline is not shared. The look of another wait may be too old, for
// example if the directory was replaced and no notification has come since.
func TestLastLookIsNotShared(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "parent", "dir")
	must(t, os.MkdirAll(dir, 0o755))
	path := filepath.Join(dir, "ready")
	done := doze(t, path, forever)
	e := New(path)
	e.hook = once(sleeping, func() {
		parent := filepath.Dir(dir)
		must(t, os.Rename(parent, parent+".old"), os.MkdirAll(dir, 0o755), New(path).Set())
	})
	if ok, err := e.WaitFor(50 * time.Millisecond); !ok || err != nil {
		t.Errorf("WaitFor() = %v, %v", ok, err)
	}
	ends(t, done)
}

// A touch of a marker that has a record renews nothing.
func TestTouchRenewsNoRecord(t *testing.T) {
	t.Parallel()
	path := markerPath(t)
	setYesterday(t, path)
	must(t, os.Chtimes(path, time.Now(), time.Now()))
	if set, err := New(path, MaxAge(time.Hour)).WaitFor(0); set || err != nil {
		t.Errorf("WaitFor = %v, %v", set, err)
	}
}

// A wait whose context has ended makes no look, so it does not find that the event is set, or
// clear.
func TestEndedBeforeTheWait(t *testing.T) {
	t.Parallel()
	set, clear := New(markerPath(t)), New(markerPath(t))
	must(t, set.Set())
	w, err := clear.Watch()
	must(t, err, clear.Set())
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for name, call := range map[string]func() error{
		"Wait":      func() error { return set.Wait(ctx) },
		"WaitAny":   func() error { _, err := WaitAny(ctx, set); return err },
		"WaitAll":   func() error { return WaitAll(ctx, set) },
		"WaitClear": func() error { return New(markerPath(t)).WaitClear(ctx) },
		"Next":      func() error { return w.Next(ctx) },
	} {
		if err := call(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s = %v", name, err)
		}
	}
}

// One of two events to take is cleared before the other one is set. WaitAll does not try to
// take them before the first is set again.
func TestWaitAllLooksAgain(t *testing.T) {
	t.Parallel()
	dir, tries := t.TempDir(), 0
	events := []*Event{New(filepath.Join(dir, "a"), AutoReset()), New(filepath.Join(dir, "b"), AutoReset())}
	must(t, events[0].Set())
	events[0].hook = func(s step) {
		if s == taking {
			tries++
		}
	}
	w := &waitForAll{missing: 2}
	must(t, w.begin(events, func(*Event) watch.Interest { return watch.Appear }))
	w.chooseTakes()
	step := func(want bool, changed ...int) {
		t.Helper()
		if over, err := w.step(changed); over != want || err != nil {
			t.Fatalf("step(%v) = %v, %v", changed, over, err)
		}
	}
	step(false, 0, 1)
	must(t, New(events[0].Path()).Clear())
	step(false, 0)
	must(t, events[1].Set())
	step(false, 1)
	if tries > 0 {
		t.Error("it tries to take an event that is clear")
	}
	must(t, events[0].Set())
	step(true, 0)
}

// If another process removes DIR/.fsync again and again, Clear still clears the event.
func TestClearBesideARemover(t *testing.T) {
	t.Parallel()
	e := New(markerPath(t))
	stop, stopped := make(chan struct{}), make(chan struct{})
	defer func() { close(stop); <-stopped }()
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				os.Remove(e.marker.tombstonePath())
				os.Remove(filepath.Dir(e.marker.tombstonePath()))
			}
		}
	}()
	for range 300 {
		must(t, e.Set(), e.Clear())
		isSet(t, e, false)
	}
}

// A directory is in the place of the tombstone. Clear fails and says so, and the event is
// still set.
func TestDirectoryInThePlaceOfTheTombstone(t *testing.T) {
	t.Parallel()
	e := New(markerPath(t))
	must(t, e.Set(), os.MkdirAll(e.marker.tombstonePath(), 0o755))
	if err := e.Clear(); !errors.Is(err, fs.ErrInvalid) || !strings.Contains(err.Error(), e.marker.tombstonePath()) {
		t.Errorf("Clear = %v", err)
	}
	isSet(t, e, true)
}

// The marker is a hard link to the former tombstone, and has no other name. rename(2) does
// nothing then.
func TestClearOfALinkToTheTombstone(t *testing.T) {
	t.Parallel()
	e := New(markerPath(t))
	pulse(t, e)
	if err := os.Link(e.marker.tombstonePath(), e.Path()); err != nil {
		t.Skip("no hard links: ", err)
	}
	must(t, e.Clear())
	isSet(t, e, false)
}

// The longest names have tombstones with readable names, as far as those fit.
func TestTombstoneNames(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 245)
	if got := (marker{name: long}).tombstoneName(); got != long+tombstoneSuffix {
		t.Errorf("of 245 bytes: %s", got)
	}
	one, two := marker{name: long + "1"}.tombstoneName(), marker{name: long + "2"}.tombstoneName()
	if len(one+aside) > 255 || one == two || !strings.HasSuffix(one, tombstoneSuffix) {
		t.Errorf("of 246 bytes: %s and %s", one, two)
	}
}

// A version says whether the content was read, and has the best time that there is.
func TestVersionOfAFile(t *testing.T) {
	t.Parallel()
	e := New(markerPath(t))
	must(t, os.WriteFile(e.Path(), []byte("text"), 0o644))
	if v, err := versionOf(e.Path()); err != nil || !v.exists || !v.read || v.id != "" {
		t.Errorf("of another text: %+v, %v", v, err)
	}
	must(t, os.Remove(e.Path()), e.Set())
	if v, err := versionOf(e.Path()); err != nil || !v.read || len(v.id) != idSize {
		t.Errorf("of a record: %+v, %v", v, err)
	}
	if v, err := versionOf(filepath.Dir(e.Path())); err != nil || !v.exists || v.read {
		t.Errorf("of a directory: %+v, %v", v, err)
	}
	changed := time.Unix(7, 0)
	if v := identify(file.Info{Exists: true, ModTime: changed}); !v.born.Equal(changed) {
		t.Errorf("without a time of birth: %+v", v)
	}
	if v := identify(file.Info{Exists: true, ModTime: changed, Born: time.Unix(8, 0)}); v.born.Equal(changed) {
		t.Errorf("with a time of birth: %+v", v)
	}
}

// Only a file without an ID that is younger than a tick is ambiguous.
func TestAmbiguousVersions(t *testing.T) {
	t.Parallel()
	now := time.Now()
	young := version{exists: true, born: now.Add(-tick)}
	known, old := young, young
	known.id, old.born = "0123456789abcdef", now.Add(-tick-1)
	for what, c := range map[string]struct {
		v    version
		want bool
	}{
		"a young file":    {young, true},
		"with an ID":      {known, false},
		"an old file":     {old, false},
		"no file":         {version{born: now}, false},
		"the near future": {version{exists: true, born: now.Add(tick)}, true},
	} {
		if c.v.ambiguous(now) != c.want || (versions{marker: c.v}).ambiguous(now) != c.want || (versions{tombstone: c.v}).ambiguous(now) != c.want || (versions{notice: c.v}).ambiguous(now) != c.want {
			t.Errorf("%s: ambiguous = %v, want %v", what, !c.want, c.want)
		}
	}
}

// A Watch of a path that the system refuses fails, and does not wait for ever.
func TestWatchOfANameThatIsTooLong(t *testing.T) {
	t.Parallel()
	e := New(filepath.Join(t.TempDir(), strings.Repeat("x", 300)))
	if _, err := e.marker.versions(versions{}); !errors.Is(err, syscall.ENAMETOOLONG) {
		t.Errorf("versions: %v", err)
	}
}

// The error of a path says what is wrong with it.
func TestEmptyPath(t *testing.T) {
	t.Parallel()
	if err := New("").Set(); !errors.Is(err, fs.ErrInvalid) || !strings.Contains(err.Error(), "cannot be empty") {
		t.Errorf("Set = %v", err)
	}
}

// A wait does not take a directory that is in the place of the marker, as Clear does not.
func TestTakeOfADirectory(t *testing.T) {
	t.Parallel()
	e := New(markerPath(t), AutoReset())
	pulse(t, e) // so that there is a place for the tombstone
	must(t, os.Remove(e.marker.tombstonePath()), os.Mkdir(e.Path(), 0o755))
	if taken, err := e.WaitFor(0); taken || err == nil {
		t.Errorf("WaitFor = %v, %v", taken, err)
	}
	isSet(t, e, true)
}

// DIR/.fsync is removed with the new marker in it, just before Set renames the new marker. Set
// begins again, so a Watch sees it.
func TestRenewalBeginsAgain(t *testing.T) {
	t.Parallel()
	e := New(markerPath(t))
	pulse(t, e)
	must(t, e.Set())
	w, err := e.Watch()
	must(t, err)
	e.hook = once(renewing, func() { must(t, os.RemoveAll(filepath.Dir(e.marker.tombstonePath()))) })
	must(t, e.Set())
	if seen, err := w.setSinceLast(); !seen || err != nil {
		t.Errorf("the Watch has seen it: %v, %v", seen, err)
	}
}
