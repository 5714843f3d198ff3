package fileevent

import (
	"encoding/binary"
	"path/filepath"
	"slices"
	"testing"

	"github.com/fsync-lock/fsync/internal/testproc"
	"golang.org/x/sys/unix"
)

// A look on a network file system opens the directory, which makes the client ask the server.
func TestNetworkLooksOpenTheDirectory(t *testing.T) {
	t.Parallel()
	dir := bindViews(t, 1)[0]
	opened := testproc.ReportsOf(t, unix.IN_OPEN, dir)
	e, auto := New(filepath.Join(dir, "ready")), New(filepath.Join(dir, "ready"), AutoReset())
	for what, look := range map[string]func() (bool, error){
		"IsSet":   e.IsSet,
		"WaitFor": func() (bool, error) { return e.WaitFor(1) },
		"a try":   func() (bool, error) { return auto.WaitFor(0) },
		"Watch":   func() (bool, error) { _, err := e.Watch(); return false, err },
	} {
		opened()
		if ok, err := look(); ok || err != nil {
			t.Fatal(what, ok, err)
		}
		if opened() == "" {
			t.Errorf("%s has not opened the directory", what)
		}
	}
}

// A Watch reads the marker before the tombstone. In the other order, a Clear between the two
// reads would hide the marker, and Next would later take the Set before the Watch for a new one.
func TestWatchReadsTheMarkerFirst(t *testing.T) {
	t.Parallel()
	e := New(filepath.Join(t.TempDir(), "ready"))
	pulse(t, e)
	if err := e.Set(); err != nil {
		t.Fatal(err)
	}
	opened := testproc.ReportsOf(t, unix.IN_OPEN, e.Path(), e.marker.tombstonePath())
	if _, err := e.Watch(); err != nil {
		t.Fatal(err)
	}
	var order []uint32 // 1 is the marker, 2 the tombstone
	for reports := []byte(opened()); len(reports) > 0; reports = reports[unix.SizeofInotifyEvent:] {
		order = append(order, binary.NativeEndian.Uint32(reports))
	}
	if !slices.Equal(order, []uint32{1, 2}) {
		t.Errorf("it has opened the files in the order %v", order)
	}
}

// If the disk has no room for the first tombstone, Clear removes the marker.
func TestFirstClearOnAFullDisk(t *testing.T) {
	t.Parallel()
	e := New(filepath.Join(testproc.Tmpfs(t, "nr_inodes=2"), "ready")) // the directory and the marker
	pulse(t, e)
	isSet(t, e, false)
}

// A device or a FIFO is not opened, because that can have effects.
func TestInfoOpensRegularFilesOnly(t *testing.T) {
	t.Parallel()
	e := New(markerPath(t))
	must(t, unix.Mkfifo(e.Path(), 0o644))
	opened := testproc.ReportsOf(t, unix.IN_OPEN, e.Path())
	if got := info(t, e); got != (Info{Set: true}) {
		t.Errorf("Info() = %+v", got)
	}
	if opened() != "" {
		t.Error("the FIFO has been opened")
	}
}

// A Watch does not open a device or a FIFO either.
func TestWatchOpensRegularFilesOnly(t *testing.T) {
	t.Parallel()
	e := New(markerPath(t))
	must(t, unix.Mkfifo(e.Path(), 0o644))
	opened := testproc.ReportsOf(t, unix.IN_OPEN, e.Path())
	if _, err := e.Watch(); err != nil {
		t.Fatal(err)
	}
	if opened() != "" {
		t.Error("the FIFO has been opened")
	}
}
