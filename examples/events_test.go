package examples_test

import (
	"fmt"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/internal/testproc"
)

// Three listeners always load the last of many versions. After each round one of them is
// killed and started again.
func TestReload(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "config")
	listen := func() *testproc.Proc { return testproc.StartCmd(t, example(t, "reload", "listen", path)) }
	listeners := []*testproc.Proc{listen(), listen(), listen()}
	for round := range 3 {
		for n := range 10 {
			if out, status := output(t, example(t, "reload", "publish", path, fmt.Sprint("version ", round, ".", n))); status != 0 {
				t.Fatal(out)
			}
		}
		last := fmt.Sprintf("loaded %q", fmt.Sprint("version ", round, ".", 9))
		for _, l := range listeners {
			for l.Line() != last {
			}
		}
		listeners[round].Kill()
		listeners[round] = listen()
	}
}

// Many processes put jobs, and each job is taken by one of many workers.
func TestQueue(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const putters, jobs, workers = 3, 20, 4
	took := make(chan string, putters*jobs+1)
	for range workers {
		w := testproc.StartCmd(t, example(t, "queue", "-dir", dir, "work"))
		go func() {
			for line := range w.Lines() {
				took <- line
			}
		}()
	}
	var procs []*testproc.Proc
	for range putters {
		procs = append(procs, testproc.StartCmd(t, example(t, "queue", "-dir", dir, "-jobs", strconv.Itoa(jobs), "put")))
	}
	for _, p := range procs {
		p.Wait()
	}
	for n := range putters * jobs {
		select {
		case line := <-took:
			if line != "took a job" {
				t.Fatal(line)
			}
		case <-time.After(testproc.Patience):
			t.Fatalf("%d of %d jobs were taken", n, putters*jobs)
		}
	}
	select {
	case <-took:
		t.Error("a job was taken twice")
	case <-time.After(20 * time.Millisecond):
	}
}

// Twenty processes need one file. After the builder was killed, another process builds,
// and all processes use the file.
func TestBuildOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "artifact")
	first := testproc.StartCmd(t, example(t, "build-once", "-takes", "1h", path))
	first.Expect("building")
	var others []*testproc.Proc
	for range 19 {
		others = append(others, testproc.StartCmd(t, example(t, "build-once", "-takes", "50ms", path)))
	}
	first.Kill()
	builders := 0
	for _, p := range others {
		line := p.Line()
		if line == "building" {
			builders++
			line = p.Line()
		}
		if line != `uses "artifact\n"` {
			t.Errorf("said %q", line)
		}
		p.Wait()
	}
	if builders != 1 {
		t.Errorf("%d processes have built the file, want 1", builders)
	}
}
