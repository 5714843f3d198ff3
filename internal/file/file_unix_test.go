//go:build unix

package file_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/fsync-lock/fsync/internal/file"
	"golang.org/x/sys/unix"
)

// Lstat describes a symbolic link, and Stat the file it leads to.
func TestLink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	write(t, path, "text")
	if err := os.Symlink("file", link); err != nil {
		t.Fatal(err)
	}
	at, to := must(file.Lstat(link)), must(file.Stat(link))
	if at.Mode&fs.ModeSymlink == 0 || at.Is(to) || !to.Is(must(file.Lstat(path))) {
		t.Errorf("link %+v, its file %+v", at, to)
	}
	if f, err := file.Open(link, os.O_RDONLY); !file.IsLink(err) {
		t.Errorf("Open of a link: %v, %v", f, err)
	}
	if text, _, err := file.Read(link, 0, 4); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("Read of a link: %q, %v", text, err)
	}
	if err := os.Link(path, filepath.Join(dir, "second")); err != nil {
		t.Skip(err)
	}
	if to = must(file.Stat(link)); to.Links != 2 {
		t.Errorf("%d names, want 2", to.Links)
	}
}

// Modes are the same as in package os, and no call waits for the other end of a FIFO.
func TestModes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fifo, odd := filepath.Join(dir, "fifo"), filepath.Join(dir, "odd")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Skip(err)
	}
	write(t, odd, "")
	if err := os.Chmod(odd, 0o751|fs.ModeSetuid|fs.ModeSetgid); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{fifo, odd, os.DevNull, os.TempDir()} {
		info, want := must(file.Lstat(path)), must(os.Lstat(path))
		if info.Mode != want.Mode() {
			t.Errorf("%s: mode %v, want %v", path, info.Mode, want.Mode())
		}
	}
	if text, _, err := file.Read(fifo, 0, 1); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("Read of a FIFO: %q, %v", text, err)
	}
	must(file.Open(fifo, os.O_RDONLY)).Close()
}

// Each acquisition of a lock and each look at an event calls Lstat. It allocates only a
// copy of the path, which the system call needs.
func TestLstatAllocates(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	write(t, path, "")
	for _, p := range []string{path, path + ".missing"} {
		if n := testing.AllocsPerRun(100, func() { file.Lstat(p) }); n > 1 {
			t.Errorf("%v allocations", n)
		}
	}
}
