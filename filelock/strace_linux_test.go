package filelock_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/testproc"
)

// startTampered starts a process in which strace(1) tampers with system calls,
// because the kernel here does not do on demand what it may do.
func startTampered(t testing.TB, how, path string) *testproc.Proc {
	t.Helper()
	return startTamperedRole(t, []string{"-e", "inject=" + how}, "hold", path)
}

func startTamperedRole(t testing.TB, how []string, name string, args ...string) *testproc.Proc {
	t.Helper()
	testproc.Need(t, "strace")
	if out, err := exec.Command("strace", "-qq", "-o", os.DevNull, "-e", "inject=flock:delay_enter=1", "true").CombinedOutput(); err != nil {
		t.Skipf("strace cannot tamper with calls here: %v: %s", err, out)
	}
	cmd := testproc.Below(testproc.RoleCmd(name, args...), append([]string{"strace", "-f", "-qq", "-o", os.DevNull}, how...)...)
	return testproc.StartCmd(t, cmd)
}

func init() { roles["pair"] = pair }

// pair SLOW QUICK: takes both locks, and releases the second when it hears a line.
func pair(args []string) error {
	slow, quick := filelock.New(args[0]), filelock.New(args[1])
	if err := errors.Join(slow.Acquire(background), quick.Acquire(background)); err != nil {
		return err
	}
	if _, err := testproc.Hear(); err != nil {
		return err
	}
	if err := quick.Release(); err != nil {
		return err
	}
	fmt.Println("released")
	_, err := testproc.Hear()
	return err
}

// A record that cannot be written for a long time, because its file system is slow,
// keeps no other hold waiting.
func TestSlowRecordDelaysNoOther(t *testing.T) {
	t.Parallel()
	slow, quick := lockPath(t), lockPath(t)
	write(t, slow, "")
	write(t, quick, "")
	p := startTamperedRole(t, []string{"-P", slow, "-e", "inject=pwrite64:delay_enter=600000000"}, "pair", slow, quick)
	awaitRecord(t, quick)
	if text := content(t, slow); text != "" {
		t.Errorf("nothing was slow: %q", text)
	}
	p.Send("release")
	p.Expect("released")
}

// leaveGate leaves a gate as a crash does. A process that finds it waits, but not
// for long.
func leaveGate(t testing.TB, path string) {
	t.Helper()
	if err := os.WriteFile(gateOf(path), nil, 0o666); err != nil {
		t.Fatal(err)
	}
}

// A blocked flock that a signal interrupts, and that is not restarted, is
// called again.
func TestInterruptedWait(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	leaveGate(t, path)
	p := startTampered(t, "flock:error=EINTR:when=1", path)
	p.Send("acquire")
	p.Expect("acquire")
}

func TestInterruptedTry(t *testing.T) {
	t.Parallel()
	p := startTampered(t, "flock:error=EINTR:when=1", lockPath(t))
	p.Send("try 0s")
	p.Expect("try")
}

// NFS wants a file that is locked exclusively to be open for writing.
func TestLockWantsWriting(t *testing.T) {
	t.Parallel()
	for _, errno := range []string{"EBADF", "EIO"} {
		path := lockPath(t)
		if err := os.WriteFile(path, nil, 0o666); err != nil {
			t.Fatal(err)
		}
		p := startTampered(t, "flock:error="+errno+":when=1", path)
		p.Send("try 0s")
		p.Expect("try")
	}
}

// The kernel's CIFS client says EACCES where others say EWOULDBLOCK.
func TestBusyOverCIFS(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	if err := os.WriteFile(path, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	p := startTampered(t, "flock:error=EACCES:when=1", path)
	p.Send("try 0s")
	p.Expect("busy")
}

// File systems without locks say so in these ways.
func TestNoLocksToBeHad(t *testing.T) {
	t.Parallel()
	for _, errno := range []string{"ENOLCK", "ENOSYS", "EOPNOTSUPP"} {
		p := startTampered(t, "flock:error="+errno, lockPath(t))
		p.Send("try 0s")
		p.Expect("unsupported")
	}
}

// A hold that cannot be released is still held, and can be released later.
func TestReleaseFails(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	p := startTampered(t, "flock:error=EIO:when=2", path)
	p.Send("try 0s")
	p.Expect("try")
	p.Send("release")
	p.Expect("not released")
	mustTry(t, filelock.New(path), false)
	p.Send("release")
	p.Expect("release")
	mustTry(t, filelock.New(path), true)
}

// A waiter that created the lock file itself, and finds it locked by another
// process, has not looked at it yet. It looks before it waits; otherwise it would
// not notice the removal of the file.
func TestWaitForOnesOwnFile(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	leaveGate(t, path)
	p := startTampered(t, "flock:delay_enter=300000", path) // microseconds
	p.Send("acquire")
	testproc.Until(t, "the waiter has made the file", func() bool { return !gone(path) })
	mustTry(t, filelock.New(path), true)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	p.Expect("acquire")
}

// A record is read by one call: with two, the second could go on in another
// record, which was written over the first meanwhile.
func TestRecordIsReadAtOnce(t *testing.T) {
	t.Parallel()
	testproc.Need(t, "strace")
	path, trace := lockPath(t), filepath.Join(t.TempDir(), "trace")
	mustAcquire(t, filelock.New(path))
	awaitRecord(t, path)
	cmd := testproc.Below(testproc.RoleCmd("holders", path), "strace", "-f", "-qq", "-o", trace, "-e", "trace=read,pread64", "-P", path)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("strace does not work here: %v: %s", err, out)
	}
	text, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(regexp.MustCompile(`\bp?read(64)?\(`).FindAll(text, -1)); n != 1 || !strings.Contains(string(text), `\"pid\":`) {
		t.Errorf("%d calls:\n%s", n, text)
	}
}
