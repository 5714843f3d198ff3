package child

import (
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A process gets no signal if its PID was that of another process when the processes were
// listed. Its start time differs.
func TestNoSignalToALaterProcess(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	listed, known := taskOf(cmd.Process.Pid)
	if !known {
		t.Fatal("/proc does not show the process")
	}
	earlier := listed
	earlier.start--
	earlier.signal(unix.SIGKILL)
	listed.signal(unix.SIGTERM)
	cmd.Wait()
	if by := cmd.ProcessState.Sys().(syscall.WaitStatus).Signal(); by != unix.SIGTERM {
		t.Errorf("the process was ended by %v", by)
	}
}

// A child that this process had before the command is foreign. A later one is not, even if
// it has the same PID.
func TestForeign(t *testing.T) {
	t.Parallel()
	d := &descendants{before: map[int]uint64{7: 100}}
	if !d.isForeign(task{pid: 7, start: 100}) {
		t.Error("an earlier child is taken for a descendant of the command")
	}
	if d.isForeign(task{pid: 7, start: 101}) {
		t.Error("a descendant of the command is taken for an earlier child")
	}
}
