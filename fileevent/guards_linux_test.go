package fileevent

import (
	"path/filepath"
	"testing"

	"github.com/fsync-lock/fsync/internal/testproc"
	"golang.org/x/sys/unix"
)

// reportsOf watches a file. The function that it returns returns the kernel's reports since its
// last call.
func reportsOf(t *testing.T, path string, mask uint32) func() string {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	if err != nil {
		t.Skip("other programs of this user have taken all inotify instances")
	}
	t.Cleanup(func() { unix.Close(fd) })
	if _, err := unix.InotifyAddWatch(fd, path, mask); err != nil {
		t.Fatal(err)
	}
	return func() (reports string) {
		var buffer [4096]byte
		for {
			n, err := unix.Read(fd, buffer[:])
			if n <= 0 || err != nil {
				return reports
			}
			reports += string(buffer[:n])
		}
	}
}

// A look on a network file system opens the directory, which makes the client ask the server.
func TestNetworkLooksOpenTheDirectory(t *testing.T) {
	t.Parallel()
	dir := bindViews(t, 1)[0]
	opened := reportsOf(t, dir, unix.IN_OPEN)
	e, auto := New(filepath.Join(dir, "ready")), New(filepath.Join(dir, "ready"), AutoReset())
	for what, look := range map[string]func() (bool, error){
		"IsSet":   e.IsSet,
		"WaitFor": func() (bool, error) { return e.WaitFor(1) },
		"a try":   func() (bool, error) { return auto.WaitFor(0) },
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
	opened := reportsOf(t, e.Path(), unix.IN_OPEN)
	if got := info(t, e); got != (Info{Set: true}) {
		t.Errorf("Info() = %+v", got)
	}
	if opened() != "" {
		t.Error("the FIFO has been opened")
	}
}
