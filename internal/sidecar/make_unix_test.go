//go:build unix

package sidecar

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/fsync-lock/fsync/internal/testproc"
)

var must = testproc.Must

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

// A directory that another user has put in the place of the new one gets no permissions.
func TestInheritOfAnotherDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	parent, err := os.Stat(dir)
	must(t, err)
	other := filepath.Join(dir, "other")
	must(t, os.Mkdir(other, 0o700))
	must(t, os.WriteFile(filepath.Join(other, "secret"), nil, 0o600))
	if err := inherit(other, dir, parent); err == nil {
		t.Error("it was taken for the new directory")
	}
	if info, err := os.Stat(other); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("its permissions: %v, %v", info.Mode(), err)
	}
}

// Make succeeds while the directory is made, used and removed all the time.
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
