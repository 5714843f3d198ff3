package cwd

import (
	"errors"
	"io/fs"
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// The process may no longer search its working directory. It has not left the directory, so
// the error is not ErrMoved.
func TestPathInAClosedDirectory(t *testing.T) {
	dir := t.TempDir()
	d := begin(t, dir, "file")
	must(t, os.Chmod(dir, 0))
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if os.Geteuid() == 0 { // file systems take this thread for another user
		unix.Setfsuid(65534)
		defer unix.Setfsuid(0)
	}
	if name, err := d.Path("file"); !errors.Is(err, fs.ErrPermission) || errors.Is(err, ErrMoved) {
		t.Errorf("%q, %v", name, err)
	}
}
