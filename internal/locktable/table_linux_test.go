package locktable

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
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
	if !strings.Contains(Flocks(), fmt.Sprintf(" %d %s ", os.Getpid(), file.Name)) {
		t.Error("Flocks lacks the lock")
	}
	syscall.Flock(int(held.Fd()), syscall.LOCK_UN)
	waits.Wait()
}
