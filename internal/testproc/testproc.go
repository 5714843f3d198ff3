// Package testproc is for tests with real processes. It starts the test binary again, in
// a named role, or any other program. A test exchanges lines with the process, and waits
// for facts instead of sleeping.
package testproc

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// Patience is the longest wait for a fact that must come. It is long, because a test
// reaches it only if something is broken.
const Patience = 2 * time.Minute

// Until waits until ok is true. It is for facts that no process announces, such as a line
// in /proc/locks.
func Until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(Patience); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("still not so after %v: %s", Patience, what)
		}
		time.Sleep(time.Millisecond)
	}
}

// BetweenForks calls fn while no child process of this process is just being started. Such a
// child has copies of all descriptors until execve(2) closes them, so it holds all locks, too.
func BetweenForks(fn func()) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fn()
}

// WriteProgram writes a program. A process that this one starts meanwhile would inherit the
// file while it is open for writing, and then the kernel would not run the program (ETXTBSY).
func WriteProgram(t testing.TB, path string, program []byte) {
	t.Helper()
	var err error
	BetweenForks(func() { err = os.WriteFile(path, program, 0o777) })
	Must(t, err)
}

// Must fails the test if one of the errors is not nil.
func Must(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// Need skips the test if a program is not installed.
func Need(t testing.TB, programs ...string) {
	t.Helper()
	for _, name := range programs {
		if _, err := exec.LookPath(name); err != nil {
			t.Skip(err)
		}
	}
}
