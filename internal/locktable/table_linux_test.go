package locktable

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/internal/process"
)

// hold locks a file until the test ends.
func hold(t testing.TB, path string) *os.File {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	return f
}

// known reports whether Read finds a lock on the file at path.
func known(path string) bool {
	file, err := Mounts{}.Identify(path, false)
	if err != nil {
		return false
	}
	table, _ := Read(40)
	return len(table.Takers(file)) > 0
}

// Read always finds a lock that is held all the time, however many locks before it come and
// go.
//
// The test is not parallel, because it makes the table long, which slows other tests.
func TestLockTableInPieces(t *testing.T) {
	for _, n := range []int{20, 100} {
		path := filepath.Join(t.TempDir(), "file")
		hold(t, path)
		ctx, stop := context.WithCancel(context.Background())
		var churn sync.WaitGroup
		for range 2 {
			var files []*os.File
			for i := range n {
				f, err := os.Create(filepath.Join(t.TempDir(), fmt.Sprint(i)))
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				files = append(files, f)
			}
			churn.Go(func() {
				for ctx.Err() == nil {
					for _, how := range []int{syscall.LOCK_EX, syscall.LOCK_UN} {
						for _, f := range files {
							syscall.Flock(int(f.Fd()), how)
						}
					}
				}
			})
		}
		missing, looks := 0, 0
		for start := time.Now(); looks < 300 && (looks < 20 || time.Since(start) < time.Second); looks++ { // a look is slow on a busy machine
			if !known(path) {
				missing++
			}
		}
		stop()
		churn.Wait()
		if missing > 0 {
			t.Errorf("with %d other locks, the lock was missing in %d of %d looks", 2*n, missing, looks)
		}
	}
}

// scripted returns a function that reads texts from a list, one after the other, and the
// lengths of the first pieces that it was asked for.
func scripted(t *testing.T, texts ...string) (read func(first int) (string, error), asked *[]int) {
	asked = new([]int)
	return func(first int) (string, error) {
		if len(texts) == 0 {
			t.Fatal("it reads too often")
		}
		*asked = append(*asked, first)
		text := texts[0]
		texts = texts[1:]
		return text, nil
	}, asked
}

// lines returns a table with locks of these processes on the file "00:01:2".
func lines(kind string, pids ...int) (text string) {
	for i, pid := range pids {
		text += fmt.Sprintf("%d: %sFLOCK  ADVISORY  WRITE %d 00:01:2 0 EOF\n", i, kind, pid)
	}
	return text
}

// Identify follows a link at the end of the path only if it is asked to.
func TestIdentifyLink(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	hold(t, path)
	if err := os.Symlink(path, path+".link"); err != nil {
		t.Fatal(err)
	}
	ids := map[string]File{}
	for _, follow := range []bool{false, true} {
		for _, at := range []string{path, path + ".link"} {
			file, err := Mounts{}.Identify(at, follow)
			if err != nil {
				t.Fatal(err)
			}
			ids[fmt.Sprint(at == path, follow)] = file
		}
	}
	if ids["true true"] != ids["true false"] || ids["false true"] != ids["true true"] || ids["false false"] == ids["true true"] {
		t.Errorf("%v", ids)
	}
	var missing *fs.PathError
	if _, err := (Mounts{}).Identify(path+".missing", false); !errors.As(err, &missing) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

// No look leaves a descriptor open.
//
// The test is not parallel, because it counts the descriptors of this process.
func TestLooksLeaveNoDescriptor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	held := hold(t, path)
	file, err := Mounts{}.Identify(path, false)
	if err != nil {
		t.Fatal(err)
	}
	before, _ := process.Descriptors(os.Getpid())
	table, err := Read(1)
	if err != nil {
		t.Fatal(err)
	}
	if _, locked, err := OfDescriptor(held.Fd()); !locked || err != nil {
		t.Errorf("OfDescriptor = %v, %v", locked, err)
	}
	if l, holds := HeldBy(os.Getpid(), file); !holds || l.PID != os.Getpid() {
		t.Errorf("HeldBy = %v, %v", l, holds)
	}
	if len(table.Holders([]File{file})) != 1 {
		t.Error("there is no holder")
	}
	if after, err := process.Descriptors(os.Getpid()); err != nil || len(after) != len(before) {
		t.Errorf("open: %v, and before: %v, %v", after, before, err)
	}
	if _, locked, err := OfDescriptor(1 << 20); locked || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a descriptor that is not open: %v, %v", locked, err)
	}
}

func never() bool { return false }

// A table that changes all the time is not read again when the time is over, but at least
// twice.
func TestReadIsOver(t *testing.T) {
	t.Parallel()
	a, b, c := lines("", 1), lines("", 2), lines("", 3)
	for reads, after := range map[string]int{"[40 30]": 1, "[40 30 20]": 3} {
		read, asked := scripted(t, a, b, c)
		n := 0
		table, err := readWith(func(first int) (string, error) { n++; return read(first) }, 4, 40, func() bool { return n >= after })
		if err != nil || fmt.Sprint(*asked) != reads || len(table["00:01:2"]) != n {
			t.Errorf("over after %d reads: %v, %v, %v", after, *asked, table, err)
		}
	}
}

// An error of a read is returned.
func TestReadFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	read := func(int) (string, error) { return "", broken }
	if _, err := readWith(read, 4, 40, never); err != broken {
		t.Errorf("readWith: %v", err)
	}
	if _, err := countWaiters(read, "00:01:2"); err != broken {
		t.Errorf("countWaiters: %v", err)
	}
}

// A long table is read in other pieces until two reads agree, but not too often. The result has
// the locks of all reads.
func TestReadUntilTwoReadsAgree(t *testing.T) {
	t.Parallel()
	a, b, c := lines("", 1), lines("", 2), lines("", 3)
	for _, test := range []struct {
		page  int
		texts []string
		asked string
		found int
	}{
		{120, []string{a}, "[120]", 1}, // it is less than half a page, and so in one piece
		{80, []string{a, a}, "[80 60]", 1},
		{40, []string{a, b, b}, "[40 30 20]", 2},
		{40, []string{a, b, a, c}, "[40 30 20 10]", 3},
		{120, []string{a + b, a, a}, "[120 90 60]", 2}, // only the first read can show that the table is short
	} {
		read, asked := scripted(t, test.texts...)
		table, err := readWith(read, 4, test.page, never)
		if err != nil || fmt.Sprint(*asked) != test.asked || len(table["00:01:2"]) != test.found {
			t.Errorf("%q: %v after reads of %d, %v", test.texts, table, *asked, err)
		}
	}
}

// The number of waiters is that of two reads that agree.
func TestWaitersOfTwoReads(t *testing.T) {
	t.Parallel()
	other := strings.ReplaceAll(lines("-> ", 9), "00:01:2", "00:01:3") + strings.ReplaceAll(lines("-> ", 9), "FLOCK", "POSIX") + lines("", 9)
	one, two := other+lines("-> ", 1), lines("-> ", 1, 1)+other
	for want, texts := range map[int][]string{1: {one, one}, 2: {one, two, one, two, two}, 0: {two, other, other}} {
		read, _ := scripted(t, texts...)
		if n, err := countWaiters(read, "00:01:2"); n != want || err != nil {
			t.Errorf("%q: %d, %v", texts, n, err)
		}
	}
}

// Waiters counts each call that waits, also if several are of one process. Takers returns
// the process that took the lock, and Holders each process that has the open file.
func TestWaitersAndHolders(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	if n, err := Waiters(path); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	held := hold(t, path)
	heir := exec.Command("sleep", "1000")
	heir.ExtraFiles = []*os.File{held}
	if err := heir.Start(); err != nil {
		t.Skip(err)
	}
	defer heir.Wait()
	defer heir.Process.Kill()
	var waits sync.WaitGroup
	for range 3 {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		waits.Go(func() { syscall.Flock(int(f.Fd()), syscall.LOCK_SH) })
	}
	for n := 0; n < 3; time.Sleep(time.Millisecond) {
		var err error
		if n, err = Waiters(path); err != nil || n > 3 {
			t.Fatal(n, err)
		}
	}
	file, err := Mounts{}.Identify(path, false)
	if err != nil {
		t.Fatal(err)
	}
	table, err := Read(40)
	if err != nil {
		t.Fatal(err)
	}
	if got := table.Takers(file); len(got) != 1 || got[os.Getpid()].Shared {
		t.Errorf("takers %+v", got)
	}
	got := table.Holders([]File{file, {}})[file.Name]
	for _, pid := range []int{os.Getpid(), heir.Process.Pid} {
		if l, ok := got[pid]; !ok || l.PID != os.Getpid() || l.Waits {
			t.Errorf("%d holds: %v, %+v", pid, ok, l)
		}
	}
	if err := syscall.FcntlFlock(held.Fd(), syscall.F_SETLK, &syscall.Flock_t{Type: syscall.F_RDLCK}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(Flocks(), "POSIX") {
		t.Error("Flocks has a lock of fcntl(2)")
	}
	if !strings.Contains(Flocks(), fmt.Sprintf(" %d %s ", os.Getpid(), file.Name)) {
		t.Error("Flocks lacks the lock")
	}
	syscall.Flock(int(held.Fd()), syscall.LOCK_UN)
	waits.Wait()
}
