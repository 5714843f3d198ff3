package file_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/internal/file"
	"github.com/fsync-lock/fsync/internal/testproc"
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

// The time of birth is that of statx(2), and zero if the file system does not keep it, as proc
// does not.
func TestBirthIsTheKernels(t *testing.T) {
	t.Parallel()
	for _, path := range []string{t.TempDir(), "/proc/self"} {
		var st unix.Statx_t
		if err := unix.Statx(unix.AT_FDCWD, path, 0, unix.STATX_BTIME, &st); err != nil {
			t.Skip(err)
		}
		var want time.Time
		if st.Mask&unix.STATX_BTIME != 0 {
			want = time.Unix(st.Btime.Sec, int64(st.Btime.Nsec))
		}
		if got := must(file.StatBirth(path)).Born; !got.Equal(want) {
			t.Errorf("%s was born at %v, want %v", path, got, want)
		}
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

// Unleased returns the error of a lease that is not given up, after a tenth of a second.
func TestLeaseThatStays(t *testing.T) {
	t.Parallel()
	leased, tries, start := &fs.PathError{Op: "open", Path: "file", Err: unix.EWOULDBLOCK}, 0, time.Now()
	err := file.Unleased(func() error { tries++; return leased })
	if took := time.Since(start); err != error(leased) || tries < 2 || took < 100*time.Millisecond {
		t.Errorf("%v after %d tries and %v", err, tries, took)
	}
}

// Read does not open a FIFO: its writers would take this process for a reader.
func TestReadOpensNoFIFO(t *testing.T) {
	t.Parallel()
	fifo := filepath.Join(t.TempDir(), "fifo")
	watch, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	if err != nil {
		t.Skip("other programs of this user have taken all inotify instances")
	}
	defer unix.Close(watch)
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Skip(err)
	}
	if _, err := unix.InotifyAddWatch(watch, fifo, unix.IN_OPEN); err != nil {
		t.Fatal(err)
	}
	if _, _, err := file.Read(fifo, 0, 1); !errors.Is(err, fs.ErrInvalid) {
		t.Error(err)
	}
	if n, err := unix.Read(watch, make([]byte, 4096)); err != unix.EAGAIN {
		t.Errorf("it was opened: %d, %v", n, err)
	}
}

// Read returns the error of an open or a read that fails.
func TestReadFails(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	write(t, path, "text")
	// The user may reach the file, and not open it.
	must(0, errors.Join(os.Chmod(filepath.Dir(filepath.Dir(path)), 0o755), os.Chmod(filepath.Dir(path), 0o755), os.Chmod(path, 0)))
	testproc.Unprivileged(func() {
		if text, _, err := file.Read(path, 0, 4); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("without permission: %q, %v", text, err)
		}
	})
	const speed = "/sys/class/net/lo/speed" // the loopback device has none
	if _, err := os.ReadFile(speed); !errors.Is(err, unix.EINVAL) {
		t.Skipf("reading %s: %v", speed, err)
	}
	if text, _, err := file.Read(speed, 0, 4); len(text) > 0 || !errors.Is(err, unix.EINVAL) {
		t.Errorf("a read that fails: %q, %v", text, err)
	}
}
