package filelock_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/fsync-lock/fsync/internal/testproc"
)

// All tests pass if every waiter polls, as on other systems. Examples do not run here,
// because some ask the kernel for waiters, and the kernel does not know waiters that poll.
func TestPolling(t *testing.T) {
	testproc.SkipLong(t)
	if testproc.Polls() {
		t.Skip("this is that test")
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^Test", "-test.skip=^TestStress", "-test.timeout=4m")
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "FSYNC_TEST_LONG=") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "FSYNC_TEST_POLL=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out[:min(len(out), 16<<10)]) // after a hang, the output begins with the tests that still ran
	}
}
