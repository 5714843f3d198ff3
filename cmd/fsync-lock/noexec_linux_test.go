package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/fsync-lock/fsync/internal/testproc"
)

// A signal does not cut off the message that -F could not execute the command.
func TestSignalAfterAFailedExec(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
		r, w := filledPipe(t)
		cmd := exec.Command("fsync-lock", "-F", "--journal", "j", "a.lock", "./script")
		cmd.Dir, cmd.Stderr = t.TempDir(), w
		testproc.WriteProgram(t, filepath.Join(cmd.Dir, "script"), []byte("#!/missing\n"))
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		w.Close()
		testproc.Until(t, "it waits for a reader of the message", func() bool { return writes(cmd.Process.Pid, 2) })
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		cmd.Wait()
		if message := strings.TrimLeft(string(text), "\x00"); err != nil || !strings.HasPrefix(message, "fsync-lock: ") || !strings.HasSuffix(message, "\n") {
			t.Errorf("%v: it said %q, %v", sig, message, err)
		}
		if status := cmd.ProcessState.ExitCode(); status != 69 {
			t.Errorf("%v: %v", sig, cmd.ProcessState)
		}
	}
}

// writes reports whether a thread of the process is in a write(2) to the descriptor.
func writes(pid, fd int) bool {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/syscall", pid))
	for _, thread := range threads {
		call, _ := os.ReadFile(thread)
		if strings.HasPrefix(string(call), fmt.Sprintf("%d %#x ", syscall.SYS_WRITE, fd)) {
			return true
		}
	}
	return false
}
