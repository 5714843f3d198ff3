package cwd

import (
	"errors"
	"io/fs"
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// A working directory that the user may not search any more was not left.
func TestPathInAClosedDirectory(t *testing.T) {
	dir := t.TempDir()
	d := begin(t, dir, "file")
	must(t, os.Chmod(dir, 0))
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if os.Geteuid() == 0 { // this thread is another user to the file systems
		unix.Setfsuid(65534)
		defer unix.Setfsuid(0)
	}
	if name, err := d.Path("file"); !errors.Is(err, fs.ErrPermission) || errors.Is(err, ErrMoved) {
		t.Errorf("%q, %v", name, err)
	}
}
