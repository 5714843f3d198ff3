package filelock_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/testproc"
)

// withoutProc runs a role in a place where there is no /proc.
func withoutProc(t *testing.T, role string, args ...string) *testproc.Proc {
	t.Helper()
	return wrapped(t, []string{"unshare", "--mount", "sh", "-c", `umount -l /proc && exec "$0" "$@"`}, role, args...)
}

// asStranger runs a role in a PID namespace of its own, as a user that gets no lease on the
// files of this process.
func asStranger(t *testing.T, role string, args ...string) *testproc.Proc {
	t.Helper()
	return wrapped(t, []string{"unshare", "--pid", "--fork", "--mount-proc", "--kill-child", "setpriv", "--bounding-set=-lease", "--inh-caps=-lease", "--reuid=65534", "--clear-groups"}, role, args...)
}

// wrapped runs a role below a command. It skips the test if the command does not work here.
func wrapped(t *testing.T, command []string, role string, args ...string) *testproc.Proc {
	t.Helper()
	if out, err := exec.Command(command[0], append(command[1:], "true")...).CombinedOutput(); err != nil {
		t.Skipf("cannot run %v (needs root and util-linux): %v: %s", command, err, out)
	}
	return testproc.StartCmd(t, testproc.Below(testproc.RoleCmd(role, args...), command...))
}

// Where the kernel does not show the holders, a held lock is reported as unknown, not as
// free. A lock file that no process has open is reported as free.
func TestHeldIsNeverFree(t *testing.T) {
	t.Parallel()
	for where, run := range map[string]func(*testing.T, string, ...string) *testproc.Proc{
		"without /proc": withoutProc, "in a PID namespace": inNamespace,
	} {
		for how, start := range map[string][]string{
			"exclusive": {"flock", "--no-fork", "PATH", "sleep", "1000"},
			"shared":    {"flock", "--no-fork", "--shared", "PATH", "sleep", "1000"},
			"heir":      {"sh", "-c", `exec 9<"$0"; flock 9; exec sleep 1000`, "PATH"},
			"directory": {"flock", "--no-fork", "PATH", "sleep", "1000"},
		} {
			t.Run(where+" "+how, func(t *testing.T) {
				t.Parallel()
				path := filepath.Join(t.TempDir(), "plain")
				if how == "directory" {
					must(t, os.Mkdir(path, 0o777))
				} else {
					write(t, path, "")
				}
				if s := readState(t, run(t, "state", path)); how != "directory" && s.Status() != filelock.Free {
					t.Errorf("a free lock: %+v", s)
				}
				argv := slices.Clone(start)
				argv[slices.Index(argv, "PATH")] = path
				testproc.StartCmd(t, exec.Command(argv[0], argv[1:]...))
				testproc.Until(t, "it is held", func() bool { return len(mustHolders(t, path)) > 0 })
				if s := readState(t, run(t, "state", path)); s.Status() != filelock.Unknown || s.Err != nil {
					t.Errorf("%+v", s)
				}
				if s := readState(t, run(t, "state", path+".missing")); s.Status() != filelock.Free {
					t.Errorf("a lock that was never acquired: %+v", s)
				}
			})
		}
	}
}

// On FUSE, another process may hold the lock on the file below the mount. A lease does not
// show that.
func TestHeldBelowFUSE(t *testing.T) {
	t.Parallel()
	real, dir, _ := bindfs(t)
	mustAcquire(t, filelock.New(filepath.Join(real, "a.lock")))
	path := filepath.Join(dir, "a.lock")
	for where, s := range map[string]filelock.State{
		"here":               filelock.Inspect(filelock.New(path))[0],
		"in a PID namespace": readState(t, inNamespace(t, "state", path)),
		"without /proc":      readState(t, withoutProc(t, "state", path)),
	} {
		if s.Status() != filelock.Unknown {
			t.Errorf("%s: %+v", where, s)
		}
	}
}

// If the mount of a file is not visible, stat(2) may return another device number than
// /proc/locks shows. Here the file system is unmounted while it is in use.
func TestHeldOutOfSight(t *testing.T) {
	t.Parallel()
	script := `cd "$0" && shift && mkdir -p low m && mount -t tmpfs none m && cd m && mkdir up work all &&
		mount -t overlay none -o xino=off,lowerdir="$0"/low,upperdir=up,workdir=work all && cd all && touch PATH &&
		umount -l "$PWD" && exec 9<PATH && { [ HOW = free ] || flock 9; } && [ HOW != free ] || exec 9<&-; exec "$@"`
	for how, want := range map[string]filelock.Status{"held": filelock.Held, "free": filelock.Free} {
		script := strings.NewReplacer("PATH", "x.lock", "HOW", how).Replace(script)
		p := wrapped(t, []string{"unshare", "--mount", "sh", "-c", script, t.TempDir(), "sh"}, "state", "x.lock")
		if s := readState(t, p); s.Status() != want {
			t.Errorf("%s: %+v", how, s)
		}
	}
}

// A process that cannot find out whether a lock is free reports it as unknown.
func TestUnknownToAStranger(t *testing.T) {
	t.Parallel()
	path := filepath.Join(publicDir(t), "free.lock")
	write(t, path, "")
	if s := readState(t, asStranger(t, "state", path)); s.Status() != filelock.Unknown {
		t.Errorf("%+v", s)
	}
}

func init() { roles["own"] = own }

// own PATH: prints the state of a lock that this process holds.
func own(args []string) error {
	l := filelock.New(args[0], filelock.Note("mine"))
	if ok, err := l.TryAcquire(); !ok {
		return fmt.Errorf("not acquired: %w", err)
	}
	if _, err := l.File(); err != nil { // writes the record
		return err
	}
	return stateRole(args)
}

// A process knows its own holds even without /proc.
func TestOwnHoldWithoutProc(t *testing.T) {
	t.Parallel()
	s := readState(t, withoutProc(t, "own", lockPath(t)))
	if len(s.Holders) != 1 || s.Holders[0].Note != "mine" || s.Status() != filelock.Held || s.Unknown != "" {
		t.Errorf("%+v", s)
	}
}

// A lock file with the record of a killed process is free.
func TestRecordIsNoHold(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	p, _ := startRecorded(t, path, "nightly")
	p.Kill()
	for name, s := range map[string]filelock.State{
		"here":               filelock.Inspect(filelock.New(path))[0],
		"in a PID namespace": readState(t, inNamespace(t, "state", path)),
		"without /proc":      readState(t, withoutProc(t, "state", path)),
	} {
		if s.Status() != filelock.Free || len(s.Recorded) != 1 || s.Recorded[0].PID != p.PID() || s.Recorded[0].Note != "nightly" {
			t.Errorf("%s: %+v", name, s)
			continue
		}
		if s.Recorded[0].Ended != (name == "here") {
			t.Errorf("%s: Ended = %v", name, s.Recorded[0].Ended)
		}
		if text := s.Recorded[0].String(); !strings.HasPrefix(text, fmt.Sprintf("left by pid %d on ", p.PID())) || !strings.Contains(text, " s ago, not known to be held (") || !strings.HasSuffix(text, "): nightly") {
			t.Error(text)
		}
	}
}

// A lock with a fcntl(2) lock on its file is free, but the fcntl(2) lock is listed.
func TestPOSIXLock(t *testing.T) {
	t.Parallel()
	testproc.Need(t, "python3")
	for how, call := range map[string]string{
		"lockf": "fcntl.lockf(f, fcntl.LOCK_EX)",
		"OFD":   "fcntl.fcntl(f, 37, struct.pack('hhqqi4x', fcntl.F_WRLCK, 0, 0, 0, 0))",
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			path := lockPath(t)
			write(t, path, "")
			p := testproc.StartCmd(t, exec.Command("python3", "-c",
				"import fcntl,struct,sys; f=open(sys.argv[1],'r+'); "+call+"; print('ready',flush=True); sys.stdin.readline()", path))
			p.Expect("ready")
			s := filelock.Inspect(filelock.New(path))[0]
			if s.Status() != filelock.Free || len(s.POSIX) != 1 {
				t.Fatalf("%+v", s)
			}
			if got := s.POSIX[0]; how == "lockf" && (got.PID != p.PID() || !strings.Contains(got.Command, "python3 -c")) || how == "OFD" && got.PID != 0 {
				t.Errorf("%+v", got)
			}
			if text := s.POSIX[0].String(); !strings.Contains(text, ", another family: it does not exclude this one") {
				t.Error(text)
			}
			mustAcquire(t, filelock.New(path))
			// A child process of another test has the file, too, until it calls execve(2).
			if s := filelock.Inspect(filelock.New(path))[0]; len(filelock.GroupByHold(s.Holders)) != 1 || s.Holders[0].Taker != os.Getpid() || len(s.POSIX) != 1 {
				t.Errorf("with both locks: %+v", s)
			}
		})
	}
}

// While another process has a lease on the lock file, as Samba may have, a try finds the lock
// busy, and a waiter waits.
func TestLeasedLockFile(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	write(t, path, "")
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	fd := f.Fd()
	for _, c := range [][2]int{{unix.F_SETSIG, int(unix.SIGURG)}, {unix.F_SETLEASE, unix.F_WRLCK}} {
		if _, err := unix.FcntlInt(fd, c[0], c[1]); err != nil {
			t.Skip("no leases here:", err)
		}
	}
	result := acquire(filelock.New(path))
	testproc.Until(t, "the kernel asks for the end of the lease", func() bool {
		lease, err := unix.FcntlInt(fd, unix.F_GETLEASE, 0)
		return err == nil && lease != unix.F_WRLCK
	})
	mustTry(t, filelock.New(path), false)
	if ok, err := filelock.New(path).TryAcquireFor(time.Millisecond); ok || err != nil {
		t.Error(ok, err)
	}
	if _, err := unix.FcntlInt(fd, unix.F_SETLEASE, unix.F_UNLCK); err != nil {
		t.Fatal(err)
	}
	mustGet(t, result)
}

// Processes that share a hold are one group, which begins with the process that acquired the
// lock.
func TestGroupByHold(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	l := filelock.New(path, filelock.Shared())
	mustAcquire(t, l)
	heir := startHeir(t, l)
	other := startHolder(t, path, "shared")
	holds := filelock.GroupByHold(mustHolders(t, path))
	var got []string
	for _, hold := range holds {
		var pids []string
		for _, h := range hold {
			pids = append(pids, fmt.Sprint(h.PID))
		}
		got = append(got, strings.Join(pids, "+"))
	}
	want := []string{fmt.Sprintf("%d+%d", os.Getpid(), heir.PID()), fmt.Sprint(other.PID())}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("holds %v, want %v", got, want)
	}
}
