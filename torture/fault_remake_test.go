//go:build linux

package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// inode returns the inode of the file at a path, through links.
func inode(t *testing.T, path string) uint64 {
	t.Helper()
	var st unix.Stat_t
	must(t, unix.Stat(path, &st))
	return st.Ino
}

// Each fault leaves another directory at the path.
func TestReplacedDirectories(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(r *round, at string) error{
		"removed":     func(_ *round, at string) error { return removeAndMake(at) },
		"renamed":     func(r *round, at string) error { return r.renameAndMake(at) },
		"replaced":    func(_ *round, at string) error { return replaceEmpty(at) },
		"linked anew": func(r *round, _ string) error { return relink(r.objects()) },
		"exchanged": func(r *round, at string) error {
			before := inode(t, at)
			for range 100 { // some of them exchange once, others several times
				if err := r.exchange(rand.New(rand.NewPCG(1, rand.Uint64()))); err != nil || inode(t, at) != before {
					return err
				}
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &round{dir: t.TempDir(), over: make(chan struct{})}
			close(r.over)
			must(t, makeEventDirs(r.objects()))
			at := filepath.Join(r.objects(), byLink, reborn)
			must(t, os.Mkdir(filepath.Join(at, ".fsync"), 0o755))
			must(t, os.WriteFile(filepath.Join(at, "a.event"), nil, 0o666))
			open, err := os.Open(at) // otherwise the next directory may get the same inode
			must(t, err)
			defer open.Close()
			before := inode(t, at)
			must(t, change(r, filepath.Join(r.objects(), places[0], reborn)))
			if inode(t, at) == before {
				t.Error("the same directory is at the path")
			}
		})
	}
}

// On the file system with the slow clock, a new file may get the inode and the time of the
// last one, and a process without the capabilities of root may not read the directory.
func TestOldTimes(t *testing.T) {
	t.Parallel()
	d := &oldDisk{}
	if err := d.impossible(); err != nil {
		t.Skip(err)
	}
	r := &round{dir: t.TempDir()}
	must(t, makeEventDirs(r.objects()))
	undo, err := d.setup(r)
	must(t, err)
	defer undo()
	path := filepath.Join(r.objects(), oldDir, "a.event")
	same := false
	for range 1000 {
		var ids [2]identity
		for i := range ids {
			must(t, os.WriteFile(path, nil, 0o666))
			ids[i], err = identify(path)
			must(t, err)
			must(t, os.Remove(path))
		}
		same = same || ids[0] == ids[1]
	}
	if !same {
		t.Error("no two files have the same inode and time")
	}
}

// A process that watches a directory has a watch.
func TestWatchCount(t *testing.T) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	must(t, err)
	defer unix.Close(fd)
	before := watchCount()
	_, err = unix.InotifyAddWatch(fd, t.TempDir(), unix.IN_CREATE)
	must(t, err)
	if after := watchCount(); after != before+1 {
		t.Errorf("%d watches after %d", after, before)
	}
}
