//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// inotifyScript says what a process of Python gets for each line: an error, or ok.
const inotifyScript = `
import ctypes, errno, sys
libc = ctypes.CDLL(None, use_errno=True)
for line in sys.stdin:
    fd = libc.inotify_init1(0)
    if fd >= 0:
        fd = libc.inotify_add_watch(fd, b"/", 0x100)
    print("ok" if fd >= 0 else errno.errorcode[ctypes.get_errno()], flush=True)
`

// A process in the namespace has no inotify instance, or no watch, until the limit is raised.
func TestInotifyUsedUp(t *testing.T) {
	t.Parallel()
	if err := fcntlProgram.missing(); err != nil {
		t.Skip(err)
	}
	for file, refusal := range map[string]string{"max_inotify_instances": "EMFILE", "max_inotify_watches": "ENOSPC"} {
		l := &inotifyLimit{file: file}
		undo, err := l.setup(nil)
		if err != nil {
			t.Skip(err)
		}
		defer undo()
		cmd := exec.Command(python, "-c", inotifyScript)
		l.in.enter(cmd)
		s := startShell(t, cmd)
		if got := s.do(""); got != refusal {
			t.Errorf("%s 0: %s", file, got)
		}
		must(t, l.set(8))
		if got := s.do(""); got != "ok" {
			t.Errorf("%s 8: %s", file, got)
		}
		cmd = exec.Command(python, "-c", inotifyScript)
		if got := startShell(t, cmd).do(""); got != "ok" {
			t.Errorf("outside: %s", got)
		}
	}
}

// A burst overflows the queue of an inotify instance that is not read.
func TestInotifyQueueOverflows(t *testing.T) {
	t.Parallel()
	n, err := queueLength()
	if err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	must(t, err)
	defer unix.Close(fd)
	_, err = unix.InotifyAddWatch(fd, dir, unix.IN_CREATE|unix.IN_DELETE|unix.IN_MOVED_FROM|unix.IN_MOVED_TO)
	must(t, err)
	must(t, burst(filepath.Join(dir, "burst.lock"), n, func() bool { return false }))
	reports := make([]byte, (n+2)*(unix.SizeofInotifyEvent+16))
	got, err := unix.Read(fd, reports)
	must(t, err)
	overflow := fmt.Sprintf("%c%c%c%c", 0, 0x40, 0, 0) // IN_Q_OVERFLOW, little-endian
	if !strings.Contains(string(reports[:got]), overflow) {
		t.Errorf("no overflow in %d bytes of reports", got)
	}
}

// A plan has only one fault that puts processes into a namespace.
func TestOneNamespace(t *testing.T) {
	t.Parallel()
	m, err := parseMix("")
	must(t, err)
	for round := range 500 {
		n := 0
		for _, f := range newPlan(rand.Uint64(), round, m).faults {
			if f.entersNamespace {
				n++
			}
		}
		if n > 1 {
			t.Fatalf("round %d has %d such faults", round, n)
		}
	}
}
