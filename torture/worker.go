//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// roleVar is set in a process that this program has started to take part in a round.
const roleVar = "FSYNC_TORTURE_ROLE"

// procVar names a directory that is like /proc, for a process from which a fault hides /proc.
const procVar = "FSYNC_TORTURE_PROC"

// statusBroken is the exit status of a process that could not do its part.
const statusBroken = 3

// A worker is a process that uses the library. It makes the plan again, and plays the
// clients of its slot until its input ends.
type worker struct {
	plan    *plan
	dir     string // of the round
	process int    // its number in the round
	slot    int
	history *history
	overlap overlapMap
	pid     uint64

	holds    atomic.Uint64 // counts the holds of this process
	ending   chan struct{} // closed when the round ends
	commands sync.WaitGroup
	roamer   roamer
	lookout  *lookout // nil = none
}

// A client is a goroutine that does one operation after the other.
type client struct {
	*worker
	number uint32
	habit  habit
	object object
	rng    *rand.Rand

	lasting  context.Context // of the waits for events; it ends some time after the round
	giveUp   func()          // ends it
	absolute bool            // it uses absolute paths; the others begin in the working directory
	queue    *queueContext   // of the last acquisition; nil = it had none
	unused   int             // the number of slots with which a Semaphore was made that has not been used; 0 = none
}

// path returns the path of an object as the client uses it.
func (c *client) path(o object) string {
	if c.absolute {
		return filepath.Join(objectsPath(c.dir), o.path)
	}
	return o.path
}

// playRole runs a process of a round and returns its exit status.
func playRole(role string, args []string) int {
	switch role {
	case "keeper":
		return statusOf(role, keep())
	case "drop":
		return statusOf(role, drop(args))
	case "unlock":
		return statusOf(role, unlockInherited())
	case "inspect":
		return statusOf(role, playInspection(args))
	}
	w, err := newWorker(args)
	if err == nil {
		switch role {
		case "worker":
			err = w.run()
		case "adopt":
			err = w.adopt(args[5:])
		default:
			err = errors.New("no such role: " + role)
		}
	}
	return statusOf(role, err)
}

func statusOf(role string, err error) int {
	if err != nil {
		fmt.Fprintln(os.Stderr, "torture:", role+":", err)
		return statusBroken
	}
	return 0
}

// newWorker reads the arguments: DIR SEED ROUND MIX PROCESS.SLOT
func newWorker(args []string) (*worker, error) {
	w := &worker{ending: make(chan struct{}), pid: uint64(os.Getpid())}
	if len(args) < 5 {
		return nil, fmt.Errorf("too few arguments: %q", args)
	}
	w.dir = args[0]
	if _, err := fmt.Sscanf(args[4], "%d.%d", &w.process, &w.slot); err != nil {
		return nil, err
	}
	var err error
	if w.plan, err = planOf(args[1], args[2], args[3]); err != nil {
		return nil, err
	}
	if w.history, err = createHistory(historyPath(w.dir, w.process)); err != nil {
		return nil, err
	}
	if w.overlap, err = openOverlapMap(overlapPath(w.dir)); err != nil {
		return nil, err
	}
	return w, os.Chdir(objectsPath(w.dir))
}

// planOf makes the plan again, from the arguments of a process.
func planOf(seed, round, mix string) (*plan, error) {
	var s uint64
	var n int
	if _, err := fmt.Sscan(seed+" "+round, &s, &n); err != nil {
		return nil, err
	}
	m, err := parseMix(mix)
	if err != nil {
		return nil, err
	}
	return newPlan(s, n, m), nil
}

func historyPath(round string, process int) string {
	return filepath.Join(round, "history", fmt.Sprint(process))
}
func overlapPath(round string) string { return filepath.Join(round, "overlap") }
func objectsPath(round string) string { return filepath.Join(round, "objects") }

// run plays the clients until the input ends, and says what is left of them then.
func (w *worker) run() error {
	if err := warmUp(); err != nil {
		return err
	}
	dumpOnQuit()
	slog.SetLogLoggerLevel(slog.LevelDebug) // the library says there why it polls
	if err := w.beginRoaming(); err != nil {
		return err
	}
	var err error
	if w.lookout, err = newLookout(w.dir); err != nil {
		return err
	}
	before := mayUse()
	var clients sync.WaitGroup
	var all []*client
	for i, h := range w.plan.slots[w.slot].clients {
		c := &client{
			worker: w,
			number: uint32(w.process<<8 | i),
			habit:  h,
			object: w.plan.objects[h.object],
			rng:    w.plan.clientRand(w.process, i),
		}
		c.absolute = c.chance(50)
		c.lasting, c.giveUp = context.WithCancel(context.Background())
		clients.Go(c.run)
		all = append(all, c)
	}
	stop := make(chan struct{})
	go w.heartbeat(stop)
	go w.lookout.run(stop)
	w.hear()
	for _, c := range all {
		defer time.AfterFunc(time.Duration(w.plan.late(c.object))+lastWait, c.giveUp).Stop()
	}
	clients.Wait()
	w.commands.Wait()
	stop <- struct{}{}
	stop <- struct{}{}
	fmt.Println("done")
	w.awaitGates()
	if left := leftAfter(before); left != "" {
		fmt.Println("left:", left)
	}
	return nil
}

// lastWait is how much longer than the longest time after which a wait is late the waits for
// events go on after the end of the round. So the checks still find what is late, and a round
// does not wait for all deadlines.
const lastWait = 300 * time.Millisecond

// dumpOnQuit makes SIGQUIT end the process, after it has said what its goroutines do.
func dumpOnQuit() {
	quit := make(chan os.Signal, 1)
	signal.Notify(quit, syscall.SIGQUIT)
	go func() {
		<-quit
		stacks := make([]byte, 1<<20)
		os.Stderr.Write(stacks[:runtime.Stack(stacks, true)])
		os.Exit(statusBroken)
	}()
}

// hear reads commands for faults until the input ends.
func (w *worker) hear() {
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		words := strings.Fields(in.Text())
		if command := workerCommands[words[0]]; command != nil {
			w.commands.Go(func() { command(w, words[1:], w.ending) })
		}
	}
	close(w.ending)
}

func (w *worker) isEnding() bool {
	select {
	case <-w.ending:
		return true
	default:
		return false
	}
}

// Times of the heartbeat. A process that is stopped, or gets no processor, misses beats.
const (
	beatEvery = 20 * time.Millisecond
	beatLate  = 35 * time.Millisecond
)

// heartbeat records when this process did not run. The checks for late waiters forgive it.
func (w *worker) heartbeat(stop chan struct{}) {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	last := now()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
			t := now()
			if gap := t - last; gap > int64(beatLate) {
				w.history.write(record{Time: t, Client: uint32(w.process << 8), Kind: stalls, Limit: gap})
			}
			last = t
		}
	}
}

func (c *client) run() {
	for !c.isEnding() {
		switch c.object.kind {
		case manualEvent, autoEvent:
			c.useEvent()
		default:
			c.useLock()
		}
	}
}

// do does one operation and writes its two records. f fills in the second one.
func (c *client) do(r record, f func(*record)) record {
	r = c.begin(r)
	limit := r.Limit
	r.Limit = 0
	f(&r)
	r = c.end(r)
	r.Limit = limit
	return r
}

// begin writes the first record of an operation, and end the second one.
func (c *client) begin(r record) record {
	r.Client, r.Kind, r.Time = c.number, begins, now()
	if r.Objects == 0 {
		r.Objects = c.object.mask()
	}
	c.history.write(r)
	return r
}

func (c *client) end(r record) record {
	r.Kind, r.Time = ends, now()
	c.history.write(r)
	return r
}

// notALockFile stands for the number of an error: the library refuses the file at the path.
const notALockFile = -2

// fail records an unexpected error of an operation, and says it on standard error.
func (r *record) fail(err error) {
	r.Result, r.Limit = failed, -1
	var errno syscall.Errno
	if errors.As(err, &errno) {
		r.Limit = int64(errno)
	} else if errors.Is(err, fs.ErrInvalid) {
		r.Limit = notALockFile
	}
	fmt.Fprintf(os.Stderr, "client %d.%d: %v: %v\n", r.Client>>8, r.Client&0xff, r.Op, err)
}

// newHold returns a number that no other hold has.
func (w *worker) newHold() uint64 { return w.pid<<32 | w.holds.Add(1) }

// sleep pauses up to d, but ends with the round.
func (c *client) sleep(d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-c.ending:
	}
}

// upTo returns a random time, short ones being more frequent than long ones.
func (c *client) upTo(d time.Duration) time.Duration {
	x := c.rng.Float64()
	return time.Duration(x * x * float64(d))
}

func (c *client) chance(percent int) bool { return c.rng.IntN(100) < percent }
