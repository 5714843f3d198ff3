package flockwait_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/internal/flockwait"
	"github.com/fsync-lock/fsync/internal/testproc"
	"golang.org/x/sys/unix"
)

func init() {
	roles["calls"] = calls
	roles["shortage"] = shortage
}

// conditions change how the program handles the signals before the wait or, if the name
// says so, during the wait.
var conditions = map[string]func(){
	"plain":               func() {},
	"blocked":             func() {}, // by the parent
	"notified":            func() { signal.Notify(make(chan os.Signal, 1), unix.SIGURG) },
	"notified of all":     func() { signal.Notify(make(chan os.Signal, 1)) },
	"during: ignored":     func() { signal.Ignore(unix.SIGURG) },
	"during: two ignored": func() { signal.Ignore(unix.SIGURG, unix.SIGWINCH) },
	"during: all ignored": func() { signal.Ignore() },
	"during: toggled":     func() { go toggle() },
}

// toggle ignores the signal, and handles it again, all the time.
func toggle() {
	c := make(chan os.Signal, 1)
	for {
		signal.Ignore(unix.SIGURG)
		signal.Notify(c, unix.SIGURG)
		signal.Stop(c)
	}
}

// roleTest is the testing.TB of a role: its failures end the process.
type roleTest struct{ testing.TB }

func (roleTest) Helper()                           {}
func (roleTest) Cleanup(func())                    {}
func (roleTest) Fatal(args ...any)                 { panic(fmt.Sprint(args...)) }
func (roleTest) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (roleTest) Error(args ...any)                 { panic(fmt.Sprint(args...)) }
func (roleTest) Errorf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// calls PATH CONDITION: calls back Calls that are blocked. In every other round the lock is
// released at the same time.
func calls(args []string) error {
	t := roleTest{}
	f := &lockFile{path: args[0]}
	during, prepare := strings.HasPrefix(args[1], "during"), conditions[args[1]]
	if !during {
		prepare()
	}
	if _, ok := flockwait.Reserve(); !ok {
		t.Fatal("no call can be called back")
	}
	rounds := 50
	if args[1] == "during: toggled" { // each lost signal costs a tenth of a second
		rounds = 15
	}
	for i := range rounds {
		release := f.hold(t)
		f.fd = open(t, f.path)
		result := make(chan error, 1)
		var c flockwait.Call
		go func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			before := blockedSignals(t)
			if want := args[1] == "blocked"; (before != "") != want { // Go unblocks SIGURG, unless asyncpreemptoff=1
				t.Errorf("the thread blocks %q, condition %s", before, args[1])
			}
			err := c.Lock(f.fd, unix.LOCK_EX)
			if after := blockedSignals(t); after != before {
				t.Errorf("the thread blocks %q, and blocked %q before", after, before)
			}
			result <- err
		}()
		testproc.AwaitWaiters(t, f.path, 1)
		if during && i == 0 {
			prepare()
		}
		var both sync.WaitGroup
		if i%2 == 0 {
			both.Go(release)
		}
		c.Back(errBack)
		err := <-result
		if args[1] == "during: all ignored" && !signal.Ignored(unix.SIGURG) {
			t.Error("the program does not ignore the signal any more")
		}
		both.Wait()
		if i%2 != 0 {
			release()
		}
		if err != nil && !f.isFree(t) || err == nil && f.isFree(t) || i%2 != 0 && err == nil {
			t.Errorf("Lock = %v", err)
		}
		unix.Flock(f.fd, unix.LOCK_UN)
		unix.Close(f.fd)
	}
	fmt.Println("done")
	return nil
}

// blockedSignals returns the signals of this package that the thread blocks.
func blockedSignals(t testing.TB) string {
	var set unix.Sigset_t
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, nil, &set); err != nil {
		t.Fatal(err)
	}
	var names []string
	for s, name := range map[syscall.Signal]string{unix.SIGURG: "urg", unix.SIGWINCH: "winch", unix.SIGCHLD: "chld"} {
		if set.Val[0]&(1<<(s-1)) != 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// A call can be called back under all these conditions.
func TestSignals(t *testing.T) {
	for name := range conditions {
		for _, env := range []string{"", "GOMAXPROCS=1", "GODEBUG=asyncpreemptoff=1"} {
			if env != "" && strings.HasPrefix(name, "during") {
				continue
			}
			t.Run(strings.TrimSuffix(name+" "+env, " "), func(t *testing.T) {
				t.Parallel()
				cmd := testproc.RoleCmd("calls", filepath.Join(t.TempDir(), "a.lock"), name)
				cmd.Env = append(cmd.Env, env)
				start := func() *testproc.Proc { return testproc.StartCmd(t, cmd) }
				if name == "blocked" {
					start = func() *testproc.Proc { return startBlocked(t, cmd) }
				}
				p := start()
				p.Expect("done")
				p.Wait()
			})
		}
	}
}

// startBlocked starts a process in which the signals are blocked.
func startBlocked(t *testing.T, cmd *exec.Cmd) *testproc.Proc {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var set, old unix.Sigset_t
	for _, s := range []syscall.Signal{unix.SIGURG, unix.SIGWINCH, unix.SIGCHLD} {
		set.Val[0] |= 1 << (s - 1)
	}
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &set, &old); err != nil {
		t.Fatal(err)
	}
	defer unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil)
	return testproc.StartCmd(t, cmd)
}

// A program that ignores the signal polls.
func TestIgnoredSignal(t *testing.T) {
	signal.Ignore(unix.SIGURG)
	_, ok := flockwait.Reserve()
	// Only Notify and Stop bring the handler of the Go runtime back.
	c := make(chan os.Signal, 1)
	signal.Notify(c, unix.SIGURG)
	signal.Stop(c)
	if ok {
		t.Error("a thread may block although the signal is ignored")
	}
	free, ok := flockwait.Reserve()
	if !ok {
		t.Fatal("no thread may block although the signal is not ignored")
	}
	free()
	if n := flockwait.Waiting(); n != 0 {
		t.Errorf("%d threads are counted", n)
	}
}

// shortage PATH KIND: calls back while the program lacks descriptors. See TestShortage.
func shortage(args []string) error {
	t := roleTest{}
	f := &lockFile{path: args[0]}
	time.Sleep(1) // the first timer needs a descriptor; without one the Go runtime ends the process
	if args[1] == "nowhere" {
		fds := exhaust()
		if _, ok := flockwait.Reserve(); ok {
			t.Error("a call can be called back without the other file")
		}
		unix.Close(fds[0])
	}
	if _, ok := flockwait.Reserve(); !ok {
		t.Fatal("no call can be called back")
	}
	if args[1] == "nowhere" {
		fmt.Println("done")
		return nil
	}
	for _, blocked := range []bool{false, true} {
		f.fd = open(t, f.path)
		if args[1] == "lowered" {
			high, err := unix.FcntlInt(uintptr(f.fd), unix.F_DUPFD_CLOEXEC, 500)
			if err != nil {
				t.Fatal(err)
			}
			unix.Close(f.fd)
			f.fd = high
		}
		release := f.hold(t)
		var c flockwait.Call
		if !blocked {
			release()
			at(t, flockwait.Returned, func(int) { restrict(t, args[1]); c.Back(errBack) })
		}
		result := f.lock(&c)
		if blocked {
			testproc.AwaitWaiters(t, f.path, 1)
			restrict(t, args[1])
			c.Back(errBack)
		}
		mustCome(t, result, errBack)
		unrestrict(t)
		if blocked {
			release()
		}
		unix.Close(f.fd)
		f.mustBeFree(t)
	}
	fmt.Println("done")
	return nil
}

var (
	former   unix.Rlimit // before restrict
	consumed []int       // the descriptors that restrict has used up
)

// restrict leaves no descriptors to this process, or lowers the limit below those in
// use.
func restrict(t testing.TB, kind string) {
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &former); err != nil {
		t.Fatal(err)
	}
	if lower(); kind == "exhausted" {
		consumed = exhaust()
	}
}

func unrestrict(t testing.TB) {
	for _, fd := range consumed {
		unix.Close(fd)
	}
	consumed = nil
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &former); err != nil {
		t.Fatal(err)
	}
}

func lower() {
	var limit unix.Rlimit
	unix.Getrlimit(unix.RLIMIT_NOFILE, &limit)
	limit.Cur = 100
	unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
}

// exhaust opens files until there are no more descriptors.
func exhaust() (fds []int) {
	lower()
	for {
		fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return fds
		}
		fds = append(fds, fd)
	}
}

// A call can be called back if there is no free descriptor, and if its descriptor is beyond
// the limit. If there is no descriptor for the other file, Reserve fails.
func TestShortage(t *testing.T) {
	for _, kind := range []string{"exhausted", "lowered", "nowhere"} {
		t.Run(kind, func(t *testing.T) {
			p := testproc.Start(t, "shortage", filepath.Join(t.TempDir(), "a.lock"), kind)
			p.Expect("done")
			p.Wait()
		})
	}
}

// Other goroutines start processes all the time. No program inherits a descriptor of a Call.
// A lock that was released is free at once, although a process that has not yet called
// execve has a copy of each descriptor.
func TestForkAndExecMeanwhile(t *testing.T) {
	f := newLockFile(t)
	stop := make(chan struct{})
	var all sync.WaitGroup
	var children atomic.Int32
	for range 3 {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				children.Add(1)
				out, err := exec.Command("ls", "-l", "/proc/self/fd").CombinedOutput()
				if err != nil || strings.Contains(string(out), "a.lock") || strings.Contains(string(out), "-> /\n") {
					t.Errorf("a child has %s: %v", out, err)
					return
				}
			}
		})
	}
	rounds, granted := 0, 0
	for ; children.Load() < 30 || rounds < testproc.Size(3000, 200); rounds++ {
		release := f.hold(t)
		var c flockwait.Call
		result := f.lock(&c)
		if rounds%2 == 0 {
			testproc.AwaitWaiters(t, f.path, 1)
		}
		var both sync.WaitGroup
		both.Go(release)
		spin(rand.N(100 * time.Microsecond))
		c.Back(errBack)
		err := <-result
		both.Wait()
		if err == nil {
			granted++
			unix.Flock(f.fd, unix.LOCK_UN)
		} else if !f.isFree(t) {
			t.Fatal("the lock is still held")
		}
		unix.Close(f.fd)
		f.fd = open(t, f.path)
	}
	close(stop)
	all.Wait()
	t.Logf("%d rounds, %d granted, %d children", rounds, granted, children.Load())
}
