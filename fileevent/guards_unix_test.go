//go:build unix

package fileevent

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

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
	if err != nil || now != before {
		t.Errorf("%v after %v, %v", now, before, err)
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
