package filelock_test

import (
	"errors"
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

// withoutProc runs a role where there is no /proc.
func withoutProc(t *testing.T, role string, args ...string) *testproc.Proc {
	t.Helper()
	return wrapped(t, []string{"unshare", "--mount", "sh", "-c", `umount -l /proc && exec "$0" "$@"`}, role, args...)
}

// asStranger runs a role in a PID namespace of its own, as a user that may not
// ask for a lease on our files.
func asStranger(t *testing.T, role string, args ...string) *testproc.Proc {
	t.Helper()
	return wrapped(t, []string{"unshare", "--pid", "--fork", "--mount-proc", "--kill-child", "setpriv", "--bounding-set=-lease", "--inh-caps=-lease", "--reuid=65534", "--clear-groups"}, role, args...)
}

// wrapped runs a role by a command, if that can be run here.
func wrapped(t *testing.T, command []string, role string, args ...string) *testproc.Proc {
	t.Helper()
	if out, err := exec.Command(command[0], append(command[1:], "true")...).CombinedOutput(); err != nil {
		t.Skipf("cannot run %v (needs root and util-linux): %v: %s", command, err, out)
	}
	return testproc.StartCmd(t, testproc.Below(testproc.RoleCmd(role, args...), command...))
}

// Where the kernel does not show the holder, a held lock is not reported as free,
// but a lock file that no process has open is.
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
					if err := os.Mkdir(path, 0o777); err != nil {
						t.Fatal(err)
					}
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

// On FUSE another process may hold the lock below the mount, where a lease does not show
// it.
func TestHeldBeneathFUSE(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	real, dir := filepath.Join(base, "real"), filepath.Join(base, "seen")
	if err := errors.Join(os.Mkdir(real, 0o777), os.Mkdir(dir, 0o777)); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("bindfs", real, dir).CombinedOutput(); err != nil {
		t.Skipf("needs bindfs: %v: %s", err, out)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
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

// A file system that is mounted out of sight, here because it was unmounted while
// in use, has another device in stat(2) than in /proc/locks.
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

// A process that cannot find out does not guess, and knows its own holds.
func TestUnknownToAStranger(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "filelock")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "free.lock")
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
	if _, err := l.File(); err != nil { // has the record written
		return err
	}
	return stateRole(args)
}

func TestOwnHoldWithoutProc(t *testing.T) {
	t.Parallel()
	s := readState(t, withoutProc(t, "own", lockPath(t)))
	if len(s.Holders) != 1 || s.Holders[0].Note != "mine" || s.Status() != filelock.Held || s.Unknown != "" {
		t.Errorf("%+v", s)
	}
}

// A crash leaves a record, and a clean end none; neither is a hold.
func TestRecordIsNoHold(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	p := startNoted(t, path, "nightly")
	awaitRecord(t, path)
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
			t.Errorf("%s: ended %v", name, s.Recorded[0].Ended)
		}
		if text := s.Recorded[0].String(); !strings.HasPrefix(text, fmt.Sprintf("left by pid %d on ", p.PID())) || !strings.Contains(text, " s ago, not known to be held (") || !strings.HasSuffix(text, "): nightly") {
			t.Error(text)
		}
	}
}

// A fcntl(2) lock is no hold, and named.
func TestPosixLock(t *testing.T) {
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
			// What another test starts has the file, too, until its exec.
			if s := filelock.Inspect(filelock.New(path))[0]; len(filelock.GroupByHold(s.Holders)) != 1 || s.Holders[0].Taker != os.Getpid() || len(s.POSIX) != 1 {
				t.Errorf("both held: %+v", s)
			}
		})
	}
}

// A file on which another process has a lease is opened when that
// is given up: Samba has such, and isUnopened for a moment. Until then it is
// busy, and a wait has no other limits than its own.
func TestLeasedLockFile(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	write(t, path, "")
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fd := f.Fd()
	for _, c := range [][2]int{{unix.F_SETSIG, int(unix.SIGURG)}, {unix.F_SETLEASE, unix.F_WRLCK}} {
		if _, err := unix.FcntlInt(fd, c[0], c[1]); err != nil {
			t.Skip("no leases here:", err)
		}
	}
	result := make(chan error)
	go func() { result <- filelock.New(path).Acquire(background) }()
	testproc.Until(t, "the lease is asked back", func() bool {
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

// Processes that share a hold are one group, the process that took it first.
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
