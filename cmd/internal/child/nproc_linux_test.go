package child

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/fsync-lock/fsync/internal/testproc"
	"golang.org/x/sys/unix"
)

// With CHILD_TEST=nothing, this program only runs the init functions of this package.
// With CHILD_TEST=threads, it also needs threads when it may not make any more.
func TestMain(m *testing.M) {
	switch os.Getenv("CHILD_TEST") {
	case "threads":
		needThreads()
	case "nothing":
	default:
		os.Exit(m.Run())
	}
}

// needThreads needs six threads at a time. The runtime makes a thread even if it is about to
// have an idle one, so needThreads first waits until all others sleep.
func needThreads() {
	for !othersSleep() {
		runtime.Gosched()
	}
	if err := unix.Setrlimit(unix.RLIMIT_NPROC, &unix.Rlimit{Cur: 1, Max: 1}); err != nil {
		panic(err)
	}
	var all, meet sync.WaitGroup
	meet.Add(6)
	for range 6 {
		all.Go(func() {
			runtime.LockOSThread()
			meet.Done()
			meet.Wait()
		})
	}
	all.Wait()
}

// othersSleep reports whether all threads of this process but the calling one sleep.
func othersSleep() bool {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	tasks, err := filepath.Glob("/proc/self/task/*/stat")
	if err != nil {
		panic(err)
	}
	for _, task := range tasks {
		text, err := os.ReadFile(task)
		if err != nil {
			continue // it has ended
		}
		_, fields, _ := strings.Cut(string(text), ") ")
		if filepath.Base(filepath.Dir(task)) != strconv.Itoa(unix.Gettid()) && fields[0] != 'S' {
			return false
		}
	}
	return true
}

// With too low a limit of processes, the program prints one line and exits with 71.
func TestOutOfProcesses(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("root becomes a user who has no other processes")
	}
	prlimit, err := exec.LookPath("prlimit")
	if err != nil {
		t.Skip(err)
	}
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	// Another user may not enter the directory that this program is in.
	dir, err := os.MkdirTemp("", "child")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "program")
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	testproc.WriteProgram(t, program, self)
	user := uint32(1_000_000 + os.Getpid()) // other tests are other users
	for limit, want := range map[string]int{"8": 71, "12": 71, "40": 0, "10000": 0} {
		cmd := exec.Command(prlimit, "--nproc="+limit, program)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
		cmd.Env = append(os.Environ(), "CHILD_TEST=nothing")
		if limit == "40" { // it makes its threads before it needs them
			cmd.Env = append(os.Environ(), "CHILD_TEST=threads")
		}
		mustExit(t, cmd, want)
	}
}

// The same with too low a limit of a control group.
func TestOutOfProcessesInAControlGroup(t *testing.T) {
	t.Parallel()
	group, err := os.MkdirTemp("/sys/fs/cgroup/pids", "child")
	if err != nil {
		if group, err = os.MkdirTemp("/sys/fs/cgroup", "child"); err != nil {
			t.Skip("cannot make a control group: ", err)
		}
	}
	defer os.Remove(group)
	for limit, want := range map[string]int{"6": 71, "7": 71, "13": 0, "16": 0, "1000": 0} {
		if err := os.WriteFile(filepath.Join(group, "pids.max"), []byte(limit), 0o644); err != nil {
			t.Skip("no limit of processes there: ", err)
		}
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("sh", "-c", `echo $$ >"$1/cgroup.procs" && exec "$0"`, self, group)
		cmd.Env = append(os.Environ(), "CHILD_TEST=nothing")
		mustExit(t, cmd, want)
	}
}

// mustExit runs this program. It must print one line if its exit status is not 0.
func mustExit(t *testing.T, cmd *exec.Cmd, want int) {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	lines := strings.Count(string(out), "\n")
	if got := cmd.ProcessState.ExitCode(); got != want || (want != 0) != (lines == 1) || lines > 1 {
		t.Errorf("%s: exit status %d, said %q, want %d", cmd, got, out, want)
	}
}
