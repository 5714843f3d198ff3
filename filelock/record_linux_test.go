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
	roles["holders"], roles["orphan"], roles["state"] = holdersRole, orphan, stateRole
}

// stateRole PATH: prints the state of the lock.
func stateRole(args []string) error {
	return json.NewEncoder(os.Stdout).Encode(filelock.Inspect(filelock.New(args[0]))[0])
}

func readState(t *testing.T, p *testproc.Proc) (s filelock.State) {
	t.Helper()
	must(t, json.Unmarshal([]byte(p.Line()), &s))
	return s
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

// inNamespaceWith is inNamespace with other options of unshare(1).
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
	must(t, json.Unmarshal([]byte(p.Line()), &list))
	return list
}

// Outside the PID namespace of a holder, the kernel shows the holder with its outer PID. The
// record has its inner PID, but is recognized.
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

	// The record of the dead holder is not taken for a record of the next holder.
	taker := testproc.StartCmd(t, exec.Command("flock", path, "sh", "-c", "echo ready; read line"))
	taker.Expect("ready")
	for _, h := range mustHolders(t, path) {
		if h.Note != "" || !h.Since.IsZero() {
			t.Errorf("holder %+v has the record of a dead holder", h)
		}
	}
}

// A process in a PID namespace sees the /proc of the outer namespace, where it has another
// PID. Its record is still recognized.
func TestHolderWithForeignProc(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	p := inNamespaceWith(t, nil, "noted", path, "nightly")
	p.Expect("acquired")
	awaitRecord(t, path)
	for where, s := range map[string]filelock.State{
		"outside":    filelock.Inspect(filelock.New(path))[0],
		"beside":     readState(t, inNamespaceWith(t, nil, "state", path)),
		"itself":     readState(t, inNamespaceWith(t, nil, "own", lockPath(t))),
		"of a crash": crashedWithForeignProc(t),
	} {
		crash := where == "of a crash"
		if crash != (len(s.Holders) == 0) || crash != (len(s.Recorded) == 1) || !crash && s.Holders[0].Note == "" {
			t.Errorf("%s: %+v", where, s)
		}
	}
}

// crashedWithForeignProc returns the state of a lock whose holder was such a process, and
// was killed.
func crashedWithForeignProc(t *testing.T) filelock.State {
	t.Helper()
	path := lockPath(t)
	p := inNamespaceWith(t, nil, "noted", path, "nightly")
	p.Expect("acquired")
	awaitRecord(t, path)
	p.Kill()
	testproc.Until(t, "the lock is free", func() bool { return len(mustHolders(t, path)) == 0 })
	return filelock.Inspect(filelock.New(path))[0]
}

// Inside a PID namespace, the kernel does not show a holder outside. The record does.
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
	p, r := startRecorded(t, path, "nightly")
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
	r.PID = flock.PID() // flock(1) may even have got the PID of the dead holder
	writeRecord(t, path, r)
	for _, h := range append(got, mustHolders(t, path)...) {
		if h.Note != "" || !h.Since.IsZero() {
			t.Errorf("holder %+v has the record of a dead holder", h)
		}
	}
	flock.Kill()
	testproc.Until(t, "flock(1) holds nothing", func() bool { return len(mustHolders(t, path)) <= 1 })

	other := lockPath(t)
	writeRecord(t, other, r)
	l := filelock.New(other, filelock.Note("now"))
	mustAcquire(t, l)
	testproc.Until(t, "the new holder has a record", func() bool {
		got := mustHolders(t, other)
		return len(got) == 1 && got[0].Note == "now"
	})
	mustRelease(t, l)
	mustBeEmpty(t, other)
}

// A record with the PID and the start time of a holder, but from another boot, is not the
// record of the holder.
func TestRecordOfAnotherBoot(t *testing.T) {
	t.Parallel()
	l, r := holdRecorded(t)
	r.Boot, r.Note = "another", "a lie"
	writeRecord(t, l.Path(), r)
	if got := mustHolders(t, l.Path()); len(got) != 1 || got[0].Note != "" {
		t.Errorf("holders %+v", got)
	}
}

// Holders opens only a regular file. If it opened a FIFO, a process that waits to write to
// the FIFO would take Holders for a reader.
func TestHoldersOpensNoFIFO(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fifo")
	must(t, syscall.Mkfifo(path, 0o666))
	writer := testproc.StartCmd(t, exec.Command("sh", "-c", `echo ready; echo text > "$0"; echo written`, path))
	writer.Expect("ready")
	awaitOtherRecord(t) // meanwhile the writer comes to its open
	for range 10 {
		mustHolders(t, path)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0) // does not wait if the writer is gone
	must(t, err)
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
	// It runs and does not hold the lock. So it has acquired the lock after the look at the
	// kernel's table, or is about to remove its record.
	if s := filelock.Inspect(filelock.New(path))[0]; len(s.Holders) != 0 || s.Unknown == "" && len(s.Recorded) != 0 || s.Err != nil {
		t.Errorf("of our own process: %+v", s)
	}
	l := filelock.New(path, filelock.Shared())
	mustAcquire(t, l)
	got := mustHolders(t, path)
	if len(got) != 1 || !got[0].Shared || got[0].Note != "" {
		t.Errorf("of a shared hold: %+v", got)
	}
	startHolder(t, path, "shared") // the record does not tell of all holders
	if got := lockedBy(t, path); len(got) != 2 || got[0].Note+got[1].Note != "" {
		t.Errorf("of two shared holds: %+v", got)
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

// The note is shown for a process that inherited the hold, too.
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
	p, _ := startRecorded(t, path, "nightly")
	_, err := filelock.New(path).TryAcquireFor(time.Millisecond)
	must(t, err)
	err = timedOut(filelock.New(path).Acquire)
	want := fmt.Sprintf(`^%s is held by pid %d \(.*\) on [^ ]+ for \d+s: nightly: context deadline exceeded$`, regexp.QuoteMeta(path), p.PID())
	if err == nil || !regexp.MustCompile(want).MatchString(err.Error()) {
		t.Fatalf("%v\nwant %s", err, want)
	}
}

// A file without write permission can still be locked.
func TestUnwritableLockFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(publicDir(t), "a.lock")
	write(t, path, "")
	must(t, os.Chmod(path, 0o644))
	mustHoldWithoutRecord(t, startAsNobody(t, "noted", path, "n"), path)
}

func TestFullDiskHasNoRecord(t *testing.T) {
	t.Parallel()
	dir := testproc.Tmpfs(t, "size=4k")
	path := filepath.Join(dir, "a.lock")
	write(t, path, "")
	if err := os.WriteFile(filepath.Join(dir, "filler"), make([]byte, 8192), 0o666); !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	mustHoldWithoutRecord(t, testproc.Start(t, "noted", path, "n"), path)
}

// If only a part of the record can be written, the file is empty again.
func TestFileSizeLimit(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	cmd := testproc.Below(testproc.RoleCmd("noted", path, strings.Repeat("n", 2000)), "sh", "-c", `ulimit -f 1; exec "$0" "$@"`)
	mustHoldWithoutRecord(t, testproc.StartCmd(t, cmd), path)
}

// mustHoldWithoutRecord fails the test unless p holds the lock, leaves the file empty
// although there is time for a record, and releases the lock.
func mustHoldWithoutRecord(t *testing.T, p *testproc.Proc, path string) {
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

// When the record is written or removed, another file may be at the path. That file does
// not change.
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
					must(t, os.Remove(path), change(victim, path))
					awaitOtherRecord(t)
					if got := content(t, victim); got != text {
						t.Errorf("%q became %q", text, got)
					}
					mustRelease(t, l)
					if got := content(t, victim); got != text {
						t.Errorf("%q became %q by Release", text, got)
					}
					if _, err := os.Lstat(path); name == "nothing" && !errors.Is(err, os.ErrNotExist) {
						t.Errorf("the file was created again: %v", err)
					}
				})
			}
		}
	}
}

// A record replaces the whole of a longer record that a crash left behind.
func TestShorterRecord(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	r := process.Self()
	r.PID, r.Note = 1<<22+1, strings.Repeat("long ", 500)
	writeRecord(t, path, r)
	mustAcquire(t, filelock.New(path))
	testproc.Until(t, "only our record is in the file", func() bool {
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
		"a shorter record":              short,
		"a longer record":               long,
		"half of a record":              short[:len(short)/2],
		"a long record without its end": long[:len(long)-1],
		"only the mark":                 short[:strings.Index(short, ":")+1],
		"a record and NULs":             short + strings.Repeat("\x00", 100),
		"a long record and NULs":        long + strings.Repeat("\x00", 100),
		"half of a record and NULs":     short[:len(short)/2] + strings.Repeat("\x00", 1000),
		"another version of the record": strings.Replace(short, ":1,", ":2,", 1),
		"the shortest record":           "\x00{\"fsync\":1}\n",
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
			for range 3 { // each process finds what the process before it has left
				p := startTampered(t, "pwrite64:error=EIO:signal=KILL:when=1", path)
				p.Send("acquire")
				p.Exit()
				if r, ok := process.Parse([]byte(strings.TrimPrefix(content(t, path), "\x00"))); ok {
					t.Errorf("the record %+v is left", r)
				}
			}
			mustRecord(t, path)
		})
	}
}

// One descriptor empties the file, and another one writes the record. With one descriptor
// for both, ext4 takes ten times as long.
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
				t.Fatalf("the old record is not removed: %s", before)
			}
			if fd := before[emptied[2]:emptied[3]]; !regexp.MustCompile(`close\(` + fd + `\b`).MatchString(before[emptied[1]:]) {
				t.Errorf("descriptor %s was still open when the record was written: %s", fd, before)
			}
		})
	}
}

// A process leaves its hold. Before it removes its record, another process acquires the lock
// and writes a record. The new record stays, and so does the new hold.
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
		testproc.Until(t, "the next holder has a record", func() bool {
			return strings.Contains(content(t, path), "next")
		})
	})
	must(t, l.Leave())
	if text := content(t, path); !strings.Contains(text, "next") {
		t.Errorf("left in the file: %q", text)
	}
	mustTry(t, filelock.New(path), false)
	mustRelease(t, next)
	if text := content(t, path); text != "" {
		t.Errorf("after the next hold: %q", text)
	}
}

// A process that leaves its hold to another process leaves its record, too. If there is no
// other process, it removes the record. The next hold removes a record that was left.
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
			must(t, l.Leave())
			if err := l.Leave(); !errors.Is(err, filelock.ErrNotHeld) {
				t.Errorf("a second Leave: %v", err)
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

// A record does not contain the arguments of the program. With NoRecord there is no record.
func TestNothingSecretIsWritten(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	l := filelock.New(path, filelock.NoRecord())
	mustAcquire(t, l)
	if f, err := l.File(); err != nil || f.Close() != nil || content(t, path) != "" {
		t.Errorf("%v, content %q", err, content(t, path))
	}
	other := lockPath(t)
	p, r := startRecorded(t, other, "nightly") // has the path and the note as arguments
	if r.Command != filepath.Base(os.Args[0]) || strings.Contains(content(t, other), other) {
		t.Errorf("%+v", r)
	}
	p.Kill()
}

// After Leave, the lock is free at once if File has given it to no process. That is so even
// while the program starts other processes, which have a copy of the file until they call
// execve(2).
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

// The error of a wait that was given up names a holder that has a record. Acquire does not
// read the kernel's table for that, because it would take long.
func TestGivenUpBehindARecord(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	holder := startHolder(t, path)
	awaitRecord(t, path)
	filelock.At(t, filelock.TableRead, path, func() { t.Error("the kernel's table was read") })
	ctx, cancel := context.WithCancel(background)
	result := acquireAndWait(t, ctx, filelock.New(path))
	cancel()
	var locked *filelock.LockedError
	if err := await(t, result); !errors.As(err, &locked) || len(locked.Holders) != 1 || locked.Holders[0].PID != holder.PID() || locked.Holders[0].Since.IsZero() {
		t.Errorf("Acquire = %v", err)
	}
}
