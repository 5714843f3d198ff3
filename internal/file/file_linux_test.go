package file_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/fsync-lock/fsync/internal/file"
	"golang.org/x/sys/unix"
)

// A write does not change the time of birth, and the time tells a file from a later one.
func TestBirth(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	write(t, path, "")
	before := must(file.LstatBirth(path))
	if before.Born.IsZero() {
		t.Skip("this file system does not keep the time of birth")
	}
	write(t, path, "content, and a later time of change")
	f := must(os.Open(path))
	defer f.Close()
	for _, same := range []file.Info{must(file.LstatBirth(path)), must(file.StatBirth(path)), must(file.BirthOf(f))} {
		if !same.Is(before) {
			t.Errorf("%+v is taken for another file than %+v", same, before)
		}
	}
	later := before
	later.Born = later.Born.Add(1)
	if later.Is(before) {
		t.Error("a later file with the same ID is taken for the former one")
	}
}

// Unleased waits until the lease on a file has been given up.
func TestLease(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	write(t, path, "text")
	f := must(os.Open(path))
	defer f.Close()
	if _, err := unix.FcntlInt(f.Fd(), unix.F_SETSIG, int(unix.SIGURG)); err != nil {
		t.Fatal(err)
	}
	lease := func(kind int) error {
		_, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, kind)
		return err
	}
	if err := lease(unix.F_WRLCK); err != nil {
		t.Skip(err)
	}
	tries := 0
	err := file.Unleased(func() error {
		if tries++; tries == 3 {
			if err := lease(unix.F_UNLCK); err != nil {
				t.Error(err)
			}
		}
		again, err := os.OpenFile(path, os.O_RDONLY|file.Flags, 0)
		if err == nil {
			again.Close()
		}
		return err
	})
	if err != nil || tries != 3 {
		t.Errorf("%v after %d tries", err, tries)
	}
}
