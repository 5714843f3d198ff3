//go:build unix

package cwd

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/fsync-lock/fsync/internal/testproc"
)

var must = testproc.Must

// begin makes a file in dir, goes to dir, and returns the Dir of its path.
func begin(t *testing.T, dir, path string) Dir {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(dir, path), nil, 0o644))
	t.Chdir(dir)
	name, d, err := At(path)
	if name != path || err != nil {
		t.Fatalf("At(%q) = %q, %v", path, name, err)
	}
	return d
}

// leads fails the test unless the path leads to the file.
func leads(t *testing.T, name, file string) {
	t.Helper()
	got, err := os.Stat(name)
	must(t, err)
	want, err := os.Stat(file)
	must(t, err)
	if !os.SameFile(got, want) {
		t.Errorf("%s does not lead to %s", name, file)
	}
}

// A path leads to its file while the program goes to another directory, unless the former
// directory is renamed.
func TestPathStaysWhereItBegan(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	d := begin(t, dir, "file")
	if name, err := d.Path("file"); name != "file" || err != nil || !d.Still(name) {
		t.Errorf("in the directory: %q, %v", name, err)
	}
	t.Chdir(elsewhere)
	must(t, os.WriteFile("file", nil, 0o644))
	if d.Still("file") {
		t.Error("in another directory, the path is said to lead to the same file")
	}
	name, err := d.Path("file")
	must(t, err)
	leads(t, name, filepath.Join(dir, "file"))
	if !d.Still(name) {
		t.Errorf("%s no longer leads to the file", name)
	}
	leads(t, d.Abs("file"), filepath.Join(dir, "file"))

	must(t, os.Rename(dir, dir+".old"))
	must(t, os.Mkdir(dir, 0o755))
	if d.Still(name) {
		t.Errorf("%s is said to lead to the same file, but leads to another directory", name)
	}
	if name, err := d.Path("file"); !errors.Is(err, ErrMoved) {
		t.Errorf("the former directory was renamed: %q, %v", name, err)
	}
	if again, err := d.Path(name); again != name || err != nil {
		t.Errorf("an absolute path: %q, %v", again, err)
	}
	if name := d.Abs("file"); name != "file" {
		t.Errorf("there is no absolute path, but Abs = %q", name)
	}
	must(t, os.Remove(dir))
	must(t, os.Rename(dir+".old", dir))
	name, err = d.Path("file")
	must(t, err)
	leads(t, name, filepath.Join(dir, "file"))
}

// The working directory is renamed.
func TestRenamed(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "dir")
	must(t, os.Mkdir(dir, 0o755))
	d := begin(t, dir, "file")
	must(t, os.Rename(dir, filepath.Join(top, "other")))
	if name, err := d.Path("file"); name != "file" || err != nil {
		t.Errorf("Path = %q, %v", name, err)
	}
	for _, name := range []string{d.Abs("file"), Abs("./file"), Name("file")} {
		leads(t, name, filepath.Join(top, "other", "file"))
		if !filepath.IsAbs(name) {
			t.Errorf("%s is not absolute", name)
		}
	}
	t.Chdir(top)
}

// $PWD contains a symbolic link, which then leads to another directory.
func TestLinkedDirectory(t *testing.T) {
	top := t.TempDir()
	for _, dir := range []string{"1", "2"} {
		must(t, os.Mkdir(filepath.Join(top, dir), 0o755))
	}
	link := filepath.Join(top, "cur")
	must(t, os.Symlink(filepath.Join(top, "1"), link))
	d := begin(t, link, "file")
	must(t, os.Remove(link))
	must(t, os.Symlink(filepath.Join(top, "2"), link))
	for _, name := range []string{Name("file"), Abs("file"), d.Abs("file")} {
		leads(t, name, filepath.Join(top, "1", "file"))
	}
}

func TestNames(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	t.Chdir(dir)
	for path, want := range map[string]string{
		"a": "/a", "./a": "/a", ".//./a": "/a", "a/": "/a", ".": "", "./": "", "a/b": "/a/b", "a/../b": "/a/../b", "../a": "/../a", "..a": "/..a",
	} {
		for _, got := range []string{Name(path), Abs(path)} {
			if got != dir+want {
				t.Errorf("%s: %s, want %s", path, got, dir+want)
			}
		}
	}
	for path, want := range map[string]string{"/a": "/a", "/a/": "/a", "/a/../b": "/a/../b"} {
		if name, d, err := At(path); name != path || d != (Dir{}) || err != nil || d.Key(path) != path || !d.Still(path) {
			t.Errorf("At(%s) = %s, %v, %v", path, name, d, err)
		}
		if name, abs := Name(path), Abs(path); name != want || abs != want {
			t.Errorf("Name(%s) = %s, Abs(%s) = %s", path, name, path, abs)
		}
	}
}

// The Dir of an absolute path changes no path.
func TestAbsolutePath(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/a/../b", "a"} {
		if name, err := (Dir{}).Path(path); name != path || err != nil {
			t.Errorf("Path(%s) = %s, %v", path, name, err)
		}
		if key := (Dir{}).Key(path); key != path {
			t.Errorf("Key(%s) = %s", path, key)
		}
	}
	if key := (Dir{relative: true}).Key("/a"); key != "/a" {
		t.Errorf("Key(/a) = %s", key)
	}
}

func TestJoin(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]string{
		{"/d", "a", "/d/a"}, {"/d", ".//a/", "/d/a/"}, {"/d", "./../a", "/d/../a"}, {"/d", ".", "/d"}, {"/d", "./", "/d"}, {"/", "a", "/a"}, {"/", ".", "/"},
	} {
		if got := join(c[0], c[1]); got != c[2] {
			t.Errorf("join(%s, %s) = %s, want %s", c[0], c[1], got, c[2])
		}
	}
	if got := Join("/d/../e//", "a"); got != "/d/../e/a" {
		t.Errorf("Join = %s", got)
	}
}

func TestKeys(t *testing.T) {
	d := begin(t, t.TempDir(), "file")
	other := begin(t, t.TempDir(), "file")
	if d.Key("file") == other.Key("file") {
		t.Error("two directories have one key")
	}
	if again := begin(t, ".", "file"); again.Key("file") != other.Key("file") {
		t.Error("one directory has two keys")
	}
}
