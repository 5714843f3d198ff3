//go:build unix

package sidecar

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Another file in the place of ours is neither written to nor waited for.
func TestOverwriteNoOtherFile(t *testing.T) {
	t.Parallel()
	blank, mine := make([]byte, 16), []byte("mine, and longer than a file of ours")
	for what, put := range map[string]func(victim, path string) error{
		"link":        os.Symlink,
		"second name": func(victim, path string) error { must(t, os.Truncate(victim, 4)); return os.Link(victim, path) },
		"longer":      func(victim, path string) error { return os.Rename(victim, path) },
		"FIFO":        func(_, path string) error { return syscall.Mkfifo(path, 0o666) },
		"directory":   func(victim, path string) error { return os.Symlink(filepath.Dir(victim), filepath.Dir(path)) },
	} {
		dir := t.TempDir()
		f, victim := New(dir+"/", "file", blank), filepath.Join(dir, "file")
		must(t, os.WriteFile(victim, mine, 0o644))
		if what == "directory" {
			must(t, os.Truncate(victim, 4))
		} else {
			must(t, os.Mkdir(filepath.Join(dir, Dir), 0o755))
		}
		must(t, put(victim, f.Path()))
		if what == "FIFO" { // somebody reads, so that it can be opened
			r, err := os.OpenFile(f.Path(), os.O_RDONLY|OpenFlags, 0)
			must(t, err)
			defer r.Close()
		}
		if err := f.Overwrite([]byte("ours"), 0); err == nil {
			t.Errorf("%s: written to", what)
		}
		for _, path := range []string{victim, f.Path()} {
			if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
				continue
			}
			if text, err := os.ReadFile(path); err == nil && !bytes.HasPrefix(text, mine[:4]) {
				t.Errorf("%s: the file is now %q", what, text)
			}
		}
	}
}

// If many processes make the directory at the same time, none fails.
func TestMakeTogether(t *testing.T) {
	t.Parallel()
	for range 100 {
		dir := t.TempDir() + "/"
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				if err := Make(dir); err != nil {
					t.Error(err)
				}
				os.WriteFile(filepath.Join(dir, Dir, fmt.Sprint(i)), nil, 0o644)
			})
		}
		wg.Wait()
	}
}

// A directory that another user has moved here gets no permissions.
func TestInheritOfAnotherDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	parent, err := os.Stat(dir)
	must(t, err)
	other := filepath.Join(dir, "other")
	must(t, os.Mkdir(other, 0o700))
	must(t, os.WriteFile(filepath.Join(other, "secret"), nil, 0o600))
	if err := inheritDir(other, dir, parent); err == nil {
		t.Error("it was taken for the new one")
	}
	if info, err := os.Stat(other); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("its permissions: %v, %v", info.Mode(), err)
	}
}

// Others make the directory, use it, and remove it, all the time.
func TestMakeBesideARemover(t *testing.T) {
	t.Parallel()
	dir := t.TempDir() + "/"
	stop, stopped := make(chan struct{}), make(chan struct{})
	defer func() { close(stop); <-stopped }()
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
			}
			os.Mkdir(dir+Dir, 0o777)
			os.WriteFile(dir+Dir+"/file", nil, 0o666)
			os.Remove(dir + Dir + "/file")
			os.Remove(dir + Dir)
		}
	}()
	for range 3000 {
		if err := Make(dir); err != nil {
			t.Fatal(err)
		}
	}
}
