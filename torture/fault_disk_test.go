//go:build linux

package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// diskRound returns a round without processes, whose directory still is on a small disk.
func diskRound(t *testing.T, d *smallDisk) *round {
	if err := d.impossible(); err != nil {
		t.Skip(err)
	}
	m, err := parseMix("small,calm,exclusive,event,semaphore")
	must(t, err)
	r, err := newRound(newPlan(1, 1, m), m, t.TempDir())
	must(t, err)
	undo, err := d.setup(r)
	must(t, err)
	t.Cleanup(undo)
	return r
}

// On a full disk nothing can be written, and with inodes no file can be created, until it is
// emptied.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	r := diskRound(t, &smallDisk{})
	path := filepath.Join(r.objects(), "still", "a.lock")
	write := func() error { return os.WriteFile(path, []byte("text"), 0o666) }
	for _, inodes := range []bool{false, true} {
		empty, err := fill(r.fillPath(), inodes)
		must(t, err)
		if err := write(); !errors.Is(err, unix.ENOSPC) {
			t.Errorf("full, inodes %v: %v", inodes, err)
		}
		must(t, empty())
		must(t, write())
		must(t, os.Remove(path))
	}
	if names, err := os.ReadDir(stillPath(r)); err != nil || len(names) > 0 {
		t.Errorf("outside the namespace: %v, %v", names, err)
	}
}

// While the disk is read-only, no file can be created, and a file that is open for writing
// delays that.
func TestReadOnlyDisk(t *testing.T) {
	t.Parallel()
	d := &smallDisk{}
	r := diskRound(t, d)
	path := filepath.Join(r.objects(), "still", "a.lock")
	f, err := os.Create(path)
	must(t, err)
	if err := d.remountForAWhile(r, time.Hour); err != errMissed {
		t.Errorf("with a file open for writing: %v", err)
	}
	must(t, f.Close())
	struck := make(chan error)
	go func() { struck <- d.remountForAWhile(r, time.Hour) }()
	for err == nil {
		if err = os.Remove(path); err == nil {
			err = os.WriteFile(path, nil, 0o666)
		}
	}
	if !errors.Is(err, unix.EROFS) {
		t.Errorf("read-only: %v", err)
	}
	close(r.over)
	must(t, <-struck)
	must(t, os.WriteFile(path, nil, 0o666))
}
