package file_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/fsync-lock/fsync/internal/file"
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
}

// Lstat, Stat, Of and LstatBirth agree with each other and with package os.
func TestInfo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	write(t, path, "text")
	f := must(os.Open(path))
	defer f.Close()
	for _, p := range []string{path, dir} {
		want := must(os.Lstat(p))
		info := must(file.Lstat(p))
		if !info.Exists || info.Mode != want.Mode() || !info.ModTime.Equal(want.ModTime()) || info.Links < 1 || info.ID == (file.ID{}) || !info.Born.IsZero() {
			t.Errorf("%s: %+v, want %v", p, info, want)
		}
		if info.Mode.IsRegular() && (info.Size != 4 || info != must(file.Of(f))) {
			t.Errorf("%s: Lstat returns %+v, and Of another Info", p, info)
		}
		if info != must(file.Stat(p)) {
			t.Errorf("%s: Stat and Lstat differ", p)
		}
		birth := must(file.LstatBirth(p))
		if birth.Born = info.Born; birth != info {
			t.Errorf("%s: LstatBirth returns %+v, want %+v", p, birth, info)
		}
	}
	if a, b := must(file.Lstat(path)), must(file.Lstat(dir)); a.Is(b) || !a.Is(a) {
		t.Error("Is takes a file for its directory, or not for itself")
	}
	if there := (file.Info{Exists: true}); there.Is(file.Info{}) || (file.Info{}).Is(there) {
		t.Error("Is takes a missing file for one that exists")
	}
}

// A missing file is no error. A path that the system refuses is an error.
func TestMissing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "missing")
	for _, look := range []func(string) (file.Info, error){file.Lstat, file.Stat, file.LstatBirth, file.StatBirth} {
		if info, err := look(path); err != nil || info != (file.Info{}) || info.Is(info) {
			t.Errorf("%+v, %v", info, err)
		}
		var of *fs.PathError
		if _, err := look("a\x00b"); !errors.As(err, &of) || of.Path != "a\x00b" {
			t.Errorf("a path with a NUL: %v", err)
		}
	}
	if _, _, err := file.Read(path, 0, 1); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, _, err := file.Read("a\x00b", 0, 1); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Read of a path with a NUL: %v", err)
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	write(t, path, "0123456789")
	for _, c := range []struct {
		offset int64
		max    int
		want   string
	}{{0, 100, "0123456789"}, {0, 4, "0123"}, {2, 4, "2345"}, {8, 100, "89"}, {10, 1, ""}, {20, 1, ""}} {
		text, info, err := file.Read(path, c.offset, c.max)
		if string(text) != c.want || info.Size != 10 || err != nil {
			t.Errorf("Read(%d, %d) = %q, %+v, %v, want %q", c.offset, c.max, text, info, err, c.want)
		}
	}
	if _, _, err := file.Read(filepath.Dir(path), 0, 1); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("a directory: %v", err)
	}
}
