package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/fsync-lock/fsync/cmd/fsync-status/internal/report/reporttest"
	"github.com/fsync-lock/fsync/cmd/internal/cmdtest"
	"github.com/fsync-lock/fsync/fileevent"
	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/testproc"
	"github.com/fsync-lock/fsync/journal"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testproc.AtOnce(8)
	testproc.TellHangs()
	testscript.Main(m, map[string]func(){"fsync-status": main, "hold": hold, "journal": writeJournal})
}

// hold lock|share|slot|set PATH NOTE READY [ARG...] acquires a lock, a shared lock or a
// slot of three, and holds it until the process is killed; or it sets an event. Then it
// creates the file READY.
func hold() {
	what, path, note, ready := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	var err error
	switch what {
	case "lock":
		lock := filelock.New(path, filelock.Note(note))
		if _, err = lock.TryAcquire(); err == nil {
			_, err = lock.File() // File writes the record at once
		}
	case "share":
		_, err = filelock.New(path, filelock.Shared()).TryAcquire()
	case "slot":
		s := filelock.NewSemaphore(path, 3, filelock.Note(note))
		if _, err = s.TryAcquire(); err == nil {
			_, err = s.File()
		}
	case "set":
		err = fileevent.New(path, fileevent.Note(note)).Set()
	}
	if err == nil {
		err = os.WriteFile(ready, nil, 0o666)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if what != "set" {
		testproc.Forever()
	}
}

// journal PATH night|hostile writes a journal.
func writeJournal() {
	runs := reporttest.Night()
	if os.Args[2] == "hostile" {
		runs = []journal.Run{reporttest.Hostile()}
	}
	for _, r := range runs {
		if err := journal.Append(os.Args[1], r, 0); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// Words of the scripts: await holder COMMAND FILE waits until a process that holds the
// lock runs the command, await waiters N FILE until N processes wait for the lock, and
// await deadlock DIR until there is a deadlock. The word away is described at its
// function.
func TestScripts(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells holders and waiters")
	}
	cmdtest.Scripts{
		Env:   map[string]string{"TZ": "UTC"},
		Words: map[string]cmdtest.Word{"away": away},
		Await: map[string]func(*testscript.TestScript, []string) bool{
			"holder": func(ts *testscript.TestScript, args []string) bool {
				holders, _ := filelock.New(ts.MkAbs(args[1])).Holders()
				return slices.ContainsFunc(holders, func(h filelock.Holder) bool { return h.Command == args[0] })
			},
			"waiters": func(ts *testscript.TestScript, args []string) bool {
				waiters, err := filelock.New(ts.MkAbs(args[1])).Waiters()
				ts.Check(err)
				return strconv.Itoa(len(waiters)) == args[0]
			},
			"deadlock": func(ts *testscript.TestScript, args []string) bool {
				q := &query{operands: []string{ts.MkAbs(args[0])}}
				return len(q.takeSnapshot().deadlocks()) > 0
			},
		},
	}.Run(t)
}

// away COMMAND... starts a command in a new PID namespace. When the script ends, away
// kills the command.
func away(ts *testscript.TestScript, args []string) {
	cmd := exec.Command("unshare", append([]string{"--pid", "--fork", "--kill-child", "--mount-proc"}, args...)...)
	cmd.Dir = ts.MkAbs(".")
	ts.Check(cmd.Start())
	ts.Defer(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
}

func TestHelp(t *testing.T) {
	t.Parallel()
	cmdtest.FitsAScreen(t, fmt.Sprintf(usage, "fsync-status"))
}

// BenchmarkManyLocks shows 10,000 locks, 100 of them held, on a system with 500 other
// processes.
func BenchmarkManyLocks(b *testing.B) {
	dir := b.TempDir()
	manyLocks(b, dir)
	if runtime.GOOS != "windows" {
		for range 500 {
			testproc.StartCmd(b, exec.Command("sleep", "1000"))
		}
	}
	for b.Loop() {
		cmd := exec.Command("fsync-status", dir)
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil || strings.Count(string(out), " holds ") != 100 {
			b.Fatalf("%v: %.300s", err, out)
		}
	}
}

func manyLocks(t testing.TB, dir string) {
	t.Helper()
	for i := range 10000 {
		path := filepath.Join(dir, fmt.Sprintf("lock-%05d.lock", i))
		if i%100 != 0 {
			if err := os.WriteFile(path, nil, 0o666); err != nil {
				t.Fatal(err)
			}
			continue
		}
		lock := filelock.New(path)
		if ok, err := lock.TryAcquire(); !ok || err != nil {
			t.Fatal(ok, err)
		}
		t.Cleanup(func() { lock.Release() })
	}
}
