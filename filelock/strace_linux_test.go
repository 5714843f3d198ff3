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

// startTampered starts a process in which strace(1) tampers with system calls, to make the
// kernel return errors and delays that are rare.
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

// pair SLOW QUICK: takes both locks, and releases QUICK when it hears a line.
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

// If the file system of one record is very slow, the records of other holds are still
// written, and other holds can be released.
func TestSlowRecordDelaysNoOther(t *testing.T) {
	t.Parallel()
	slow, quick := lockPath(t), lockPath(t)
	write(t, slow, "")
	write(t, quick, "")
	p := startTamperedRole(t, []string{"-P", slow, "-e", "inject=pwrite64:delay_enter=600000000"}, "pair", slow, quick)
	awaitRecord(t, quick)
	if text := content(t, slow); text != "" {
		t.Errorf("the slow record is written already: %q", text)
	}
	p.Send("release")
	p.Expect("released")
}

// leaveGate creates a gate as a crash leaves it. A process that finds the gate goes through
// the steps of a waiter.
func leaveGate(t testing.TB, path string) {
	t.Helper()
	write(t, gateOf(path), "")
}

// If a signal interrupts a blocked flock(2), and the kernel does not restart it, the waiter
// calls it again.
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

// On NFS, an exclusive lock needs a file that is open for writing.
func TestLockWantsWriting(t *testing.T) {
	t.Parallel()
	for _, errno := range []string{"EBADF", "EIO"} {
		path := lockPath(t)
		write(t, path, "")
		p := startTampered(t, "flock:error="+errno+":when=1", path)
		p.Send("try 0s")
		p.Expect("try")
	}
}

// The kernel's CIFS client returns EACCES where other file systems return EWOULDBLOCK.
func TestBusyOverCIFS(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	write(t, path, "")
	p := startTampered(t, "flock:error=EACCES:when=1", path)
	p.Send("try 0s")
	p.Expect("busy")
}

// A file system without locks returns one of these errors.
func TestFileSystemWithoutLocks(t *testing.T) {
	t.Parallel()
	for _, errno := range []string{"ENOLCK", "ENOSYS", "EOPNOTSUPP"} {
		p := startTampered(t, "flock:error="+errno, lockPath(t))
		p.Send("try 0s")
		p.Expect("unsupported")
	}
}

// If Release fails, the lock is still held, and a later Release can succeed.
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

// A waiter creates the lock file, but another process locks the new file first. The waiter
// waits for the file, and notices that it was removed.
func TestWaitForACreatedFile(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	leaveGate(t, path)
	p := startTampered(t, "flock:delay_enter=300000", path) // microseconds
	p.Send("acquire")
	testproc.Until(t, "the waiter has created the file", func() bool { return !gone(path) })
	mustTry(t, filelock.New(path), true)
	must(t, os.Remove(path))
	p.Expect("acquire")
}

// A record is read by one call. A second call could read the rest of another record, which
// was written meanwhile.
func TestRecordIsReadAtOnce(t *testing.T) {
	t.Parallel()
	testproc.Need(t, "strace")
	l, _ := holdRecorded(t)
	path, trace := l.Path(), filepath.Join(t.TempDir(), "trace")
	cmd := testproc.Below(testproc.RoleCmd("holders", path), "strace", "-f", "-qq", "-o", trace, "-e", "trace=read,pread64", "-P", path)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("strace does not work here: %v: %s", err, out)
	}
	text, err := os.ReadFile(trace)
	must(t, err)
	if n := len(regexp.MustCompile(`\bp?read(64)?\(`).FindAll(text, -1)); n != 1 || !strings.Contains(string(text), `\"pid\":`) {
		t.Errorf("%d calls:\n%s", n, text)
	}
}
