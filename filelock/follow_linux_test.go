package filelock_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/testproc"
	"golang.org/x/sys/unix"
)

// link creates a symbolic link, and returns its path.
func link(t *testing.T, to, path string) string {
	t.Helper()
	must(t, os.Symlink(to, path))
	return path
}

// Without the option AnyFile, a Lock refuses links and devices.
func TestAnyFileIsAnOption(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	refused := map[string]string{link(t, "file", filepath.Join(dir, "link")): "a symbolic link"}
	device := filepath.Join(dir, "null") // not /dev/null, which other programs use
	if err := syscall.Mknod(device, syscall.S_IFCHR|0o666, 1<<8|3); err == nil {
		refused[device] = "a device"
	}
	for path, kind := range refused {
		if _, err := filelock.New(path).TryAcquire(); !errors.Is(err, fs.ErrInvalid) || !strings.Contains(err.Error(), kind) {
			t.Errorf("%s: %v", path, err)
		}
		mustTry(t, filelock.New(path, filelock.AnyFile()), true)
	}
}

// A file has one gate, and one list of holders and waiters, whatever links lead to it.
func TestLinksToOneFile(t *testing.T) {
	needsWaiters(t)
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "a.lock")
	first := link(t, "a.lock", filepath.Join(dir, "link"))
	second := link(t, filepath.Join(dir, "link"), filepath.Join(t.TempDir(), "second"))
	holder, l := filelock.New(second, filelock.AnyFile()), filelock.New(first, filelock.AnyFile())
	mustAcquire(t, holder)
	if holder.Path() != second {
		t.Errorf("Path = %s", holder.Path())
	}
	result := acquire(l)
	awaitWaiters(t, path, 1)
	if gone(gateOf(path)) || !gone(gateOf(first)) || !gone(gateOf(second)) {
		t.Error("the gate is not beside the file")
	}
	for _, same := range []*filelock.Lock{holder, l, filelock.New(path)} {
		holders, err := same.Holders()
		waiters, waitErr := same.Waiters()
		if err != nil || waitErr != nil || len(filelock.GroupByHold(holders)) != 1 || len(waiters) != 1 {
			t.Errorf("%s: holders %v, %v, waiters %v, %v", same.Path(), holders, err, waiters, waitErr)
		}
	}
	if err := filelock.AcquireAll(background, l, filelock.New(path)); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("AcquireAll of one file: %v", err)
	}
	mustRelease(t, holder)
	mustGet(t, result)
	mustTry(t, filelock.New(path), false)
	mustRelease(t, l)
}

// If a link changes during a wait, the waiter locks the file to which the link leads now.
func TestLinkLeadsElsewhere(t *testing.T) {
	dir := t.TempDir()
	to := link(t, "first", filepath.Join(dir, "link"))
	t.Chdir(dir) // because the paths below are relative
	holder := filelock.New("first")
	mustAcquire(t, holder)
	l := filelock.New("link", filelock.AnyFile())
	result := acquire(l)
	awaitWaiters(t, filepath.Join(dir, "first"), 1)
	t.Chdir(t.TempDir())
	// In one step, because a waiter that polls would create a file where there is no link.
	must(t, os.Rename(link(t, filepath.Join(dir, "second"), to+".new"), to))
	mustRelease(t, holder)
	mustGet(t, result)
	mustTry(t, filelock.New(filepath.Join(dir, "first")), true)
	mustTry(t, filelock.New(filepath.Join(dir, "second")), false)
}

// If a link changes between being followed and the open, Acquire locks the file to which the
// link leads now.
func TestLinkLeadsElsewhereMeanwhile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, second := filepath.Join(dir, "first"), filepath.Join(dir, "second")
	to := link(t, first, filepath.Join(dir, "link"))
	filelock.At(t, filelock.Opening, first, func() {
		if err := os.Remove(to); err != nil {
			t.Error(err)
		}
		link(t, second, to)
	})
	mustTry(t, filelock.New(to, filelock.AnyFile()), true)
	mustTry(t, filelock.New(first), true)
	mustTry(t, filelock.New(second), false)
}

// An open file can be locked by a path like /proc/self/fd/9, even if the file was removed.
func TestOpenFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a")
	f, err := os.Create(path)
	must(t, err)
	defer f.Close()
	open := fmt.Sprintf("/proc/self/fd/%d", f.Fd())
	l := filelock.New(open, filelock.AnyFile())
	mustTry(t, l, true)
	mustTry(t, filelock.New(path), false)
	mustRelease(t, l)
	must(t, os.Remove(path))
	mustTry(t, l, true)
	mustTry(t, filelock.New(path), true)
	mustTry(t, filelock.New(open, filelock.AnyFile()), false)
	if holders, err := l.Holders(); err != nil || len(filelock.GroupByHold(holders)) != 1 || holders[0].Taker != os.Getpid() {
		t.Errorf("holders of a removed file: %v, %v", holders, err)
	}
	mustCheck(t, l, nil, "")
	mustRelease(t, l)
}

// AnyFile allows devices, but no FIFO. A FIFO is not opened, because that has effects on other
// processes, even if it has replaced a file that was locked before.
func TestAnyFileIsNoFIFO(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	known := filelock.New(path, filelock.AnyFile())
	mustTry(t, known, true)
	mustRelease(t, known)
	must(t, os.Remove(path), syscall.Mkfifo(path, 0o666))
	opened := testproc.ReportsOf(t, unix.IN_OPEN, path)
	for _, l := range []*filelock.Lock{known, filelock.New(path, filelock.AnyFile())} {
		if ok, err := l.TryAcquire(); ok || !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("TryAcquire = %v, %v", ok, err)
		}
	}
	if opened() != "" {
		t.Error("the FIFO was opened")
	}
}
