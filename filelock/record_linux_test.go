package filelock_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/process"
	"github.com/fsync-lock/fsync/internal/testproc"
)

func init() {
	roles["holders"], roles["orphan"], roles["nobody"], roles["state"] = holdersRole, orphan, nobody, stateRole
}

// stateRole PATH: prints the state of the lock.
func stateRole(args []string) error {
	return json.NewEncoder(os.Stdout).Encode(filelock.Inspect(filelock.New(args[0]))[0])
}

func readState(t *testing.T, p *testproc.Proc) (s filelock.State) {
	t.Helper()
	if err := json.Unmarshal([]byte(p.Line()), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// nobody PATH NOTE: is noted, run by another user.
func nobody(args []string) error {
	if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(65534), syscall.Setuid(65534)); err != nil {
		return err
	}
	return noted(args)
}

// holdersRole PATH: prints the holders of the lock.
func holdersRole(args []string) error {
	list, err := filelock.New(args[0]).Holders()
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(list)
}

// orphan PATH: makes flock(1) run a command, kills flock(1), and prints the holders
// of the lock that the command inherited.
func orphan(args []string) error {
	cmd := exec.Command("flock", args[0], "sh", "-c", "echo ready; read line")
	_, inErr := cmd.StdinPipe()
	out, outErr := cmd.StdoutPipe()
	if err := errors.Join(inErr, outErr, cmd.Start()); err != nil {
		return err
	}
	if _, err := out.Read(make([]byte, 6)); err != nil {
		return err
	}
	cmd.Process.Kill()
	cmd.Process.Wait()
	return holdersRole(args)
}

// inNamespace runs a role in a PID namespace of its own.
func inNamespace(t *testing.T, role string, args ...string) *testproc.Proc {
	t.Helper()
	return inNamespaceWith(t, []string{"--mount-proc"}, role, args...)
}

func inNamespaceWith(t *testing.T, options []string, role string, args ...string) *testproc.Proc {
	t.Helper()
	unshare := append([]string{"unshare", "--pid", "--fork", "--kill-child"}, options...)
	if out, err := exec.Command(unshare[0], append(unshare[1:], "true")...).CombinedOutput(); err != nil {
		t.Skipf("cannot make a PID namespace (needs root and util-linux): %v: %s", err, out)
	}
	return testproc.StartCmd(t, testproc.Below(testproc.RoleCmd(role, args...), unshare...))
}

func readHolders(t *testing.T, p *testproc.Proc) (list []filelock.Holder) {
	t.Helper()
	if err := json.Unmarshal([]byte(p.Line()), &list); err != nil {
		t.Fatal(err)
	}
	return list
}

// From outside the kernel shows the holder, under our PID for it, and the
// record is found to be its own.
func TestHolderInPIDNamespace(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	p := inNamespace(t, "noted", path, "nightly")
	p.Expect("acquired")
	r := awaitRecord(t, path)
	got := mustHolders(t, path)
	if r.PID != 1 || len(got) != 1 || got[0].PID <= 1 || got[0].Note != "nightly" || got[0].Since.IsZero() ||
		!strings.HasSuffix(got[0].Command, path+" nightly") {
		t.Fatalf("record %+v, holders %+v", r, got)
	}
	p.Kill()
	testproc.Until(t, "the stale record is not shown", func() bool { return len(mustHolders(t, path)) == 0 })

	// The record that it left behind is not taken for the record of another holder.
	taker := testproc.StartCmd(t, exec.Command("flock", path, "sh", "-c", "echo ready; read line"))
	taker.Expect("ready")
	for _, h := range mustHolders(t, path) {
		if h.Note != "" || !h.Since.IsZero() {
			t.Errorf("holder %+v has what a crash left behind", h)
		}
	}
}

// A process in a PID namespace with the /proc of the outer namespace has another PID
// there than for itself. Its record is still recognized.
func TestHolderWithForeignProc(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	p := inNamespaceWith(t, nil, "noted", path, "nightly")
	p.Expect("acquired")
	awaitRecord(t, path)
	for where, s := range map[string]filelock.State{
		"outside":    filelock.Inspect(filelock.New(path))[0],
		"beside":     readState(t, inNamespaceWith(t, nil, "state", path)),
		"by itself":  readState(t, inNamespaceWith(t, nil, "own", lockPath(t))),
		"of a crash": crashedWithForeignProc(t),
	} {
		crash := where == "of a crash"
		if crash != (len(s.Holders) == 0) || crash != (len(s.Recorded) == 1) || !crash && s.Holders[0].Note == "" {
			t.Errorf("%s: %+v", where, s)
		}
	}
}

// crashedWithForeignProc returns the state after the death of such a process.
func crashedWithForeignProc(t *testing.T) filelock.State {
	path := lockPath(t)
	p := inNamespaceWith(t, nil, "noted", path, "nightly")
	p.Expect("acquired")
	awaitRecord(t, path)
	p.Kill()
	testproc.Until(t, "it is gone", func() bool { return len(mustHolders(t, path)) == 0 })
	return filelock.Inspect(filelock.New(path))[0]
}

// Inside, the kernel does not tell of a holder outside, but its record does.
func TestHolderOutsidePIDNamespace(t *testing.T) {
	t.Parallel()
	for name, note := range map[string]string{"a.lock": "nightly", "a": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), name)
			p := startNoted(t, path, note)
			awaitOtherRecord(t)
			state := readState(t, inNamespace(t, "state", path))
			records := state.Recorded
			if state.Status() != filelock.Unknown || !strings.Contains(state.Unknown, "namespace") {
				t.Errorf("state %+v", state)
			}
			if named := len(records) == 1 && records[0].PID == p.PID() && records[0].Note == "nightly"; named != (name == "a.lock") {
				t.Errorf("records %+v, want pid %d", records, p.PID())
			}
			p.Send("release")
			p.Expect("released")
			if state := readState(t, inNamespace(t, "state", path)); state.Status() == filelock.Held || len(state.Recorded) > 0 {
				t.Errorf("state of a free lock: %+v", state)
			}
		})
	}
}

// In a PID namespace the kernel's table leaves out a lock whose taker is dead.
func TestOrphanedHoldInPIDNamespace(t *testing.T) {
	t.Parallel()
	got := readHolders(t, inNamespace(t, "orphan", lockPath(t)))
	if len(got) != 1 || got[0].Command != "sh -c echo ready; read line" {
		t.Fatalf("holders %+v", got)
	}
}

func TestStaleRecord(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	p := startNoted(t, path, "nightly")
	r := awaitRecord(t, path)
	p.Kill()
	if got := mustHolders(t, path); len(got) != 0 || content(t, path) == "" {
		t.Fatalf("after kill -9: holders %+v, content %q", got, content(t, path))
	}
	flock := testproc.StartCmd(t, exec.Command("flock", path, "sh", "-c", "echo ready; read line"))
	flock.Expect("ready")
	got := mustHolders(t, path)
	if len(got) == 0 {
		t.Fatal("flock(1) is not shown")
	}
	r.PID = flock.PID() // and even if it got the dead one's PID
	writeRecord(t, path, r)
	for _, h := range append(got, mustHolders(t, path)...) {
		if h.Note != "" || !h.Since.IsZero() {
			t.Errorf("holder %+v has what a crash left behind", h)
		}
	}
	flock.Kill()
	testproc.Until(t, "the command has ended too", func() bool { return len(mustHolders(t, path)) <= 1 })

	other := lockPath(t)
	writeRecord(t, other, r)
	l := filelock.New(other, filelock.Note("now"))
	mustAcquire(t, l)
	testproc.Until(t, "the record is the new holder's", func() bool {
		got := mustHolders(t, other)
		return len(got) == 1 && got[0].Note == "now"
	})
	mustRelease(t, l)
	mustBeEmpty(t, other)
}

// A record of our PID and start time, but of another boot, is not ours.
func TestRecordOfAnotherBoot(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	l := filelock.New(path)
	mustAcquire(t, l)
	r := awaitRecord(t, path)
	r.Boot, r.Note = "another", "a lie"
	writeRecord(t, path, r)
	if got := mustHolders(t, path); len(got) != 1 || got[0].Note != "" {
		t.Errorf("holders %+v", got)
	}
}

// Asking for the holders opens nothing but a regular file: a writer that waits
// for a FIFO's reader must not be told that one came.
func TestHoldersOpensNoFIFO(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o666); err != nil {
		t.Fatal(err)
	}
	writer := testproc.StartCmd(t, exec.Command("sh", "-c", `echo ready; echo text > "$0"; echo written`, path))
	writer.Expect("ready")
	awaitOtherRecord(t) // and it has come to its open
	for range 10 {
		mustHolders(t, path)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0) // does not wait if the writer is gone
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	writer.Expect("written")
}

// The answer of the kernel counts more than a record of a holder.
func TestRecordIsNotTrusted(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	r := process.Self()
	r.Note = "a lie"
	writeRecord(t, path, r)
	if got := mustHolders(t, path); len(got) != 0 {
		t.Errorf("of our own process: %+v", got)
	}
	l := filelock.New(path, filelock.Shared())
	mustAcquire(t, l)
	got := mustHolders(t, path)
	if len(got) != 1 || !got[0].Shared || got[0].Note != "" {
		t.Errorf("of a shared hold: %+v", got)
	}
}

func TestHoldersOfOthers(t *testing.T) {
	t.Parallel()
	for _, argv := range [][]string{
		{"flock", "PATH", "sh", "-c", "echo ready; read line"},
		{"python3", "-c", "import fcntl,sys; f=open('PATH'); fcntl.flock(f,fcntl.LOCK_EX); print('ready',flush=True); sys.stdin.readline()"},
	} {
		t.Run(argv[0], func(t *testing.T) {
			t.Parallel()
			testproc.Need(t, argv[0])
			path := lockPath(t)
			write(t, path, "")
			for i := range argv {
				argv[i] = strings.ReplaceAll(argv[i], "PATH", path)
			}
			p := testproc.StartCmd(t, exec.Command(argv[0], argv[1:]...))
			p.Expect("ready")
			var found bool
			for _, h := range mustHolders(t, path) {
				found = found || h.Command != "" && h.Host != "" && !h.Shared
			}
			if !found {
				t.Error("is not shown")
			}
		})
	}
}

// A process that inherited the hold has its note, too.
func TestHeirHasTheNote(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	l := filelock.New(path, filelock.Note("nightly"))
	mustAcquire(t, l)
	startHeir(t, l)
	awaitRecord(t, path)
	got := mustHolders(t, path)
	if len(got) != 2 || got[0].Note != "nightly" || got[1].Note != "nightly" || got[1].Since.IsZero() {
		t.Fatalf("holders %+v", got)
	}
}

func TestLockedErrorText(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	p := startNoted(t, path, "nightly")
	awaitRecord(t, path)
	_, err := filelock.New(path).TryAcquireFor(time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	err = timedOut(filelock.New(path).Acquire)
	want := fmt.Sprintf(`^%s is held by pid %d \(.*\) on [^ ]+ for \d+s: nightly: context deadline exceeded$`, regexp.QuoteMeta(path), p.PID())
	if err == nil || !regexp.MustCompile(want).MatchString(err.Error()) {
		t.Fatalf("%v\nwant %s", err, want)
	}
}

// A file that may not be written can still be locked.
func TestUnwritableLockFile(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can become another user")
	}
	dir, err := os.MkdirTemp("", "filelock")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "a.lock")
	write(t, path, "")
	if err := errors.Join(os.Chmod(dir, 0o755), os.Chmod(path, 0o644)); err != nil {
		t.Fatal(err)
	}
	heldWithoutRecord(t, testproc.Start(t, "nobody", path, "n"), path)
}

func TestFullDiskHasNoRecord(t *testing.T) {
	t.Parallel()
	dir := testproc.Tmpfs(t, "size=4k")
	path := filepath.Join(dir, "a.lock")
	write(t, path, "")
	if err := os.WriteFile(filepath.Join(dir, "filler"), make([]byte, 8192), 0o666); !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	heldWithoutRecord(t, testproc.Start(t, "noted", path, "n"), path)
}

// If only a part of the record can be written, nothing of it stays.
func TestFileSizeLimit(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	cmd := testproc.Below(testproc.RoleCmd("noted", path, strings.Repeat("n", 2000)), "sh", "-c", `ulimit -f 1; exec "$0" "$@"`)
	heldWithoutRecord(t, testproc.StartCmd(t, cmd), path)
}

// heldWithoutRecord fails unless p holds the lock, leaves the file empty for
// as long as it takes to write a record, and releases.
func heldWithoutRecord(t *testing.T, p *testproc.Proc, path string) {
	t.Helper()
	p.Expect("acquired")
	for range 2 {
		awaitOtherRecord(t)
	}
	if text := content(t, path); text != "" {
		t.Errorf("content %q", text)
	}
	if got := mustHolders(t, path); len(got) != 1 || got[0].PID != p.PID() {
		t.Errorf("holders %+v, want pid %d", got, p.PID())
	}
	p.Send("release")
	p.Expect("released")
}

// The path may lead to another file by the time the record is written or
// removed: that one is not touched.
func TestPathChangesWhileHeld(t *testing.T) {
	t.Parallel()
	for _, when := range []string{"before the record", "after the record"} {
		for name, change := range map[string]func(path, victim string) error{
			"symbolic link": os.Symlink,
			"hard link":     os.Link,
			"another file":  func(victim, path string) error { return errors.Join(os.Rename(victim, path), os.Symlink(path, victim)) },
			"FIFO":          func(_, path string) error { return syscall.Mkfifo(path, 0o666) },
			"nothing":       func(string, string) error { return nil },
		} {
			for _, text := range []string{"", "COPY"} {
				t.Run(when+" "+name+" "+text, func(t *testing.T) {
					t.Parallel()
					path, victim := lockPath(t), filepath.Join(t.TempDir(), "victim")
					write(t, victim, "")
					l := filelock.New(path)
					mustAcquire(t, l)
					if when == "after the record" {
						awaitRecord(t, path)
					}
					if text == "COPY" {
						text = content(t, path)
						write(t, victim, text)
					}
					if err := errors.Join(os.Remove(path), change(victim, path)); err != nil {
						t.Fatal(err)
					}
					awaitOtherRecord(t)
					if got := content(t, victim); got != text {
						t.Errorf("%q became %q", text, got)
					}
					mustRelease(t, l)
					if got := content(t, victim); got != text {
						t.Errorf("%q became %q by Release", text, got)
					}
					if _, err := os.Lstat(path); name == "nothing" && !errors.Is(err, os.ErrNotExist) {
						t.Errorf("the file was made again: %v", err)
					}
				})
			}
		}
	}
}

// A record replaces a longer one that a crash left behind as a whole.
func TestShorterRecord(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	r := process.Self()
	r.PID, r.Note = 1<<22+1, strings.Repeat("long ", 500)
	writeRecord(t, path, r)
	mustAcquire(t, filelock.New(path))
	testproc.Until(t, "our record is there, and nothing else", func() bool {
		r, ok := process.Parse([]byte(strings.TrimPrefix(content(t, path), "\x00")))
		return ok && r.PID == os.Getpid()
	})
}

// leftBehind are contents of a lock file that an earlier holder may have left.
func leftBehind() map[string]string {
	r := process.Self()
	r.PID, r.Command = 1<<22+1, "c"
	short := "\x00" + string(r.Encode())
	r.Command = strings.Repeat("long ", 500)
	long := "\x00" + string(r.Encode())
	return map[string]string{
		"a shorter record":               short,
		"a longer record":                long,
		"half of one":                    short[:len(short)/2],
		"most of a longer one":           long[:len(long)-1],
		"no more than the mark":          short[:strings.Index(short, ":")+1],
		"one before the power failed":    short + strings.Repeat("\x00", 100),
		"a long one, likewise":           long + strings.Repeat("\x00", 100),
		"half of one, and then NULs":     short[:len(short)/2] + strings.Repeat("\x00", 1000),
		"another version of the record":  strings.Replace(short, ":1,", ":2,", 1),
		"the shortest that can be whole": "\x00{\"fsync\":1}\n",
	}
}

// A process that dies before it has written over an old record leaves no record, and
// the next holder can write its own.
func TestKilledBeforeTheRecord(t *testing.T) {
	t.Parallel()
	for what, left := range leftBehind() {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			path := lockPath(t)
			write(t, path, left)
			for range 3 { // what one leaves the next one finds
				p := startTampered(t, "pwrite64:error=EIO:signal=KILL:when=1", path)
				p.Send("acquire")
				p.Exit()
				if r, ok := process.Parse([]byte(strings.TrimPrefix(content(t, path), "\x00"))); ok {
					t.Errorf("%+v is left", r)
				}
			}
			l := filelock.New(path)
			mustAcquire(t, l)
			if r := awaitRecord(t, path); r.PID != os.Getpid() {
				t.Errorf("%+v is there", r)
			}
			mustRelease(t, l)
		})
	}
}

// The descriptor that writes the record has not emptied the file: with both, ext4
// takes ten times as long.
func TestRecordAfterACrashIsQuick(t *testing.T) {
	t.Parallel()
	testproc.Need(t, "strace")
	for what, left := range leftBehind() {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			path, trace := lockPath(t), filepath.Join(t.TempDir(), "trace")
			write(t, path, left)
			cmd := testproc.Below(testproc.RoleCmd("hold", path), "strace", "-f", "-qq", "-o", trace, "-e", "trace=ftruncate,pwrite64,close")
			p := testproc.StartCmd(t, cmd)
			p.Send("acquire")
			p.Expect("acquire")
			testproc.Until(t, "the record is written", func() bool { return strings.Contains(content(t, trace), "pwrite64(") })
			before, _, _ := strings.Cut(content(t, trace), "pwrite64(")
			emptied := regexp.MustCompile(`ftruncate\((\d+), 0`).FindStringSubmatchIndex(before)
			if emptied == nil {
				t.Fatalf("what a crash left is not removed: %s", before)
			}
			if fd := before[emptied[2]:emptied[3]]; !regexp.MustCompile(`close\(` + fd + `\b`).MatchString(before[emptied[1]:]) {
				t.Errorf("descriptor %s was open from one to the other: %s", fd, before)
			}
		})
	}
}

// Another holder comes between the end of a hold that was left and the removal
// of its record. What that holder has written stays, and so does its hold.
func TestLeaveIsOvertaken(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	l, next := filelock.New(path), filelock.New(path, filelock.Note("next"))
	mustAcquire(t, l)
	f, err := l.File()
	must(t, err, f.Close())
	awaitRecord(t, path)
	filelock.At(t, filelock.Opening, path, func() {
		testproc.Until(t, "the next holder has the lock", func() bool { // a process between fork and execve may have a copy of the file for a moment
			ok, err := next.TryAcquire()
			return ok && err == nil
		})
		testproc.Until(t, "the next holder has its record", func() bool {
			return strings.Contains(content(t, path), "next")
		})
	})
	if err := l.Leave(); err != nil {
		t.Fatal(err)
	}
	if text := content(t, path); !strings.Contains(text, "next") {
		t.Errorf("left in the file: %q", text)
	}
	mustTry(t, filelock.New(path), false)
	mustRelease(t, next)
	if text := content(t, path); text != "" {
		t.Errorf("after the next hold: %q", text)
	}
}

// A process that leaves its hold to another one leaves the record too, and none
// if there is no other. A short hold removes a record that a crash left.
func TestLeave(t *testing.T) {
	t.Parallel()
	for _, inherited := range []bool{true, false} {
		t.Run(fmt.Sprint("inherited ", inherited), func(t *testing.T) {
			t.Parallel()
			path := lockPath(t)
			l := filelock.New(path, filelock.Note("nightly"))
			mustAcquire(t, l)
			heir := exec.Command("sh", "-c", "echo ready; read line")
			if inherited {
				f, err := l.File()
				must(t, err)
				defer f.Close()
				heir.ExtraFiles = []*os.File{f}
			}
			p := testproc.StartCmd(t, heir)
			p.Expect("ready")
			awaitRecord(t, path)
			for _, f := range heir.ExtraFiles {
				f.Close()
			}
			if err := l.Leave(); err != nil {
				t.Fatal(err)
			}
			if err := l.Leave(); !errors.Is(err, filelock.ErrNotHeld) {
				t.Errorf("Leave of what was left: %v", err)
			}
			got := mustHolders(t, path)
			if !inherited {
				if len(got) != 0 || content(t, path) != "" {
					t.Errorf("holders %+v, content %q", got, content(t, path))
				}
				return
			}
			if len(got) != 1 || got[0].PID != p.PID() || got[0].Taker != os.Getpid() || got[0].Note != "nightly" {
				t.Errorf("holders %+v, want pid %d", got, p.PID())
			}
			mustTry(t, filelock.New(path), false)
			p.Kill()
			testproc.Until(t, "the lock is free", func() bool { return len(mustHolders(t, path)) == 0 })
			next := filelock.New(path)
			mustAcquire(t, next)
			mustRelease(t, next)
			if text := content(t, path); text != "" {
				t.Errorf("after the next hold: %q", text)
			}
		})
	}
}

// Leave does not create a lock file that was removed.
func TestLeaveWithoutFile(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	l := filelock.New(path)
	mustAcquire(t, l)
	f, err := l.File() // writes the record, which Leave has to remove
	must(t, err, f.Close(), os.Remove(path), l.Leave())
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after Leave: %v", err)
	}
}

// Nothing that is written names arguments, and with NoRecord nothing is written.
func TestNothingSecretIsWritten(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	l := filelock.New(path, filelock.NoRecord())
	mustAcquire(t, l)
	if f, err := l.File(); err != nil || f.Close() != nil || content(t, path) != "" {
		t.Errorf("%v, content %q", err, content(t, path))
	}
	other := lockPath(t)
	p := startNoted(t, other, "nightly") // it has the path and the note as arguments
	if r := awaitRecord(t, other); r.Command != filepath.Base(os.Args[0]) || strings.Contains(content(t, other), other) {
		t.Errorf("%+v", r)
	}
	p.Kill()
}

// A lock that was left is free at once, if File gave it to no process, also while the
// program starts other processes: each has a copy of the file until it calls execve(2).
func TestLeaveWhileStarting(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	var starters sync.WaitGroup
	ctx, stop := context.WithCancel(background)
	defer starters.Wait()
	defer stop()
	for range 2 {
		starters.Go(func() {
			for ctx.Err() == nil {
				exec.Command("true").Run()
			}
		})
	}
	l, other := filelock.New(path), filelock.New(path)
	for range 2000 {
		mustAcquire(t, l)
		must(t, l.Leave())
		mustTry(t, other, true)
		mustRelease(t, other)
	}
}

// The error of a wait that was given up names a holder that has a record. It does so
// without a look at the kernel's table, which takes long.
func TestGivenUpBehindARecord(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	holder := startHolder(t, path)
	testproc.Until(t, "there is a record", func() bool {
		info, err := os.Stat(path)
		return err == nil && info.Size() > 0
	})
	filelock.At(t, filelock.TableRead, path, func() { t.Error("the kernel's table was read") })
	ctx, cancel := context.WithCancel(background)
	result := make(chan error)
	go func() { result <- filelock.New(path).Acquire(ctx) }()
	awaitWaiters(t, path, 1)
	cancel()
	var locked *filelock.LockedError
	if err := <-result; !errors.As(err, &locked) || len(locked.Holders) != 1 || locked.Holders[0].PID != holder.PID() || locked.Holders[0].Since.IsZero() {
		t.Errorf("Acquire = %v", err)
	}
}
