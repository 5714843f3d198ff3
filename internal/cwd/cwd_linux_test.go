package cwd

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/fsync-lock/fsync/internal/testproc"
)

// The process may no longer search its working directory. It has not left the directory, so
// the error is not ErrMoved.
func TestPathInAClosedDirectory(t *testing.T) {
	dir := t.TempDir()
	d := begin(t, dir, "file")
	must(t, os.Chmod(dir, 0))
	t.Cleanup(func() { os.Chmod(dir, 0o755) })
	testproc.Unprivileged(func() {
		if name, err := d.Path("file"); !errors.Is(err, fs.ErrPermission) || errors.Is(err, ErrMoved) {
			t.Errorf("%q, %v", name, err)
		}
		if name, _, err := At("file"); name != "file" || !errors.Is(err, fs.ErrPermission) {
			t.Errorf("At = %q, %v", name, err)
		}
		if name := Abs("file"); name != "file" {
			t.Errorf("Abs = %q", name)
		}
	})
}

// The process may not search a directory above its working directory. So it cannot use
// absolute paths.
func TestAbsBelowAClosedDirectory(t *testing.T) {
	above := t.TempDir()
	dir := filepath.Join(above, "dir")
	must(t, os.Mkdir(dir, 0o755))
	d := begin(t, dir, "file")
	must(t, os.Chmod(above, 0))
	t.Cleanup(func() { os.Chmod(above, 0o755) })
	testproc.Unprivileged(func() {
		if d.Abs("file") != "file" || Abs("file") != "file" {
			t.Errorf("Abs = %q and %q", d.Abs("file"), Abs("file"))
		}
		if name := Name("file"); name != d.path+"/file" {
			t.Errorf("Name = %q", name)
		}
	})
}

// The working directory is removed. Only paths in it are in a removed directory.
func TestRemoved(t *testing.T) {
	former, elsewhere := filepath.Join(t.TempDir(), "former"), filepath.Join(t.TempDir(), "elsewhere")
	must(t, os.Mkdir(former, 0o755), os.Mkdir(elsewhere, 0o755))
	stays := begin(t, former, "file")
	gone := begin(t, elsewhere, "file")
	if gone.Removed("file") {
		t.Error("a directory that exists was removed")
	}
	must(t, os.RemoveAll(elsewhere))
	for _, c := range []struct {
		what    string
		dir     Dir
		path    string
		removed bool
	}{
		{"in it", gone, "file", true},
		{"in it", gone, "a/b", true},
		{"beside it", gone, "../file", false},
		{"an absolute path", gone, "/file", false},
		{"in the former one", stays, "file", false},
		{"an absolute path at first", Dir{}, "/file", false},
	} {
		if got := c.dir.Removed(c.path); got != c.removed {
			t.Errorf("%s, %s: Removed = %v", c.what, c.path, got)
		}
	}
	if name := Name("file"); name != "file" {
		t.Errorf("Name = %q, but the directory has no name", name)
	}
	t.Chdir("/")
}
