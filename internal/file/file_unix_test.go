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

// The description of a closed file is an error that names the file.
func TestClosedFile(t *testing.T) {
	t.Parallel()
	f := must(os.Open(t.TempDir()))
	f.Close()
	for name, describe := range map[string]func(*os.File) (file.Info, error){"Of": file.Of, "BirthOf": file.BirthOf} {
		var of *fs.PathError
		if info, err := describe(f); !errors.As(err, &of) || of.Path != f.Name() || info != (file.Info{}) {
			t.Errorf("%s: %+v, %v", name, info, err)
		}
	}
}

// Only an open fails because of a lease; a lock call returns the same error if the lock is
// held. A link in the place of a file is told from other files.
func TestErrorsOfAnOpen(t *testing.T) {
	t.Parallel()
	open := func(err error) error { return &fs.PathError{Op: "open", Path: "file", Err: err} }
	for _, c := range []struct {
		err          error
		leased, link bool
	}{
		{nil, false, false},
		{open(unix.EWOULDBLOCK), true, false},
		{unix.EWOULDBLOCK, false, false},
		{open(unix.ENOENT), false, false},
		{open(unix.ELOOP), false, true},
		{open(unix.EMLINK), false, true}, // FreeBSD
	} {
		if leased, link := file.IsLeased(c.err), file.IsLink(c.err); leased != c.leased || link != c.link {
			t.Errorf("%v: leased %v, link %v", c.err, leased, link)
		}
	}
}
