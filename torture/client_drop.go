//go:build linux

package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/fsync-lock/fsync/filelock"
)

// useDropped lets new processes take the lock, drop the Lock, and collect garbage. The hold
// lasts until such a process ends.
func (c *client) useDropped() {
	for ; !c.isEnding(); c.sleep(c.upTo(c.habit.pause)) {
		c.dropOnce()
	}
}

func (c *client) dropOnce() {
	r := record{Op: opAcquire, Hold: c.newHold()}
	if c.habit.role == reads {
		r.Op = opShared
	}
	if c.chance(50) {
		r.Limit = int64(c.upTo(200*time.Millisecond) + time.Millisecond)
	}
	cmd := exec.Command("/proc/self/exe", c.path(c.object), strconv.FormatBool(r.Op == opShared), strconv.FormatInt(r.Limit, 10))
	cmd.Env = append(os.Environ(), roleVar+"=drop")
	cmd.Stderr = os.Stderr
	var in io.WriteCloser
	a := c.do(r, func(r *record) { in = r.startDropper(cmd) })
	if in == nil {
		return
	}
	end := func() error {
		in.Close()
		return cmd.Wait()
	}
	if a.Result != ok {
		end()
		return
	}
	leave := c.enter(a)
	c.sleep(c.upTo(30 * time.Millisecond))
	leave()
	c.do(record{Op: opRelease, Hold: a.Hold, File: a.File, Born: a.Born}, func(r *record) { r.became(end()) })
}

// startDropper returns when the process has the lock, or has ended its wait without it.
func (r *record) startDropper(cmd *exec.Cmd) io.WriteCloser {
	in, out, err := startWithPipes(cmd)
	if err != nil {
		r.fail(err)
		return nil
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	var errno int64
	if _, err := fmt.Sscan(line, &r.Result, &r.File, &r.Born, &errno); err != nil {
		r.fail(fmt.Errorf("the new process said %q: %w", line, err))
	} else if r.Result == failed {
		r.fail(syscall.Errno(errno))
	}
	return in
}

// drop is the process that takes the lock and drops it: PATH SHARED NANOSECONDS
func drop(args []string) error {
	ended := make(chan error)
	go func() {
		_, err := io.Copy(io.Discard, os.Stdin)
		ended <- err
	}()
	said := make(chan error, 1)
	go func() { said <- dropLock(args) }()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-said:
			if err != nil {
				return err
			}
		case err := <-ended:
			return err // without a Release
		case <-tick.C:
			runtime.GC()
		}
	}
}

// dropLock takes the lock, and says whether it has it after garbage was collected.
func dropLock(args []string) error {
	limit, err := strconv.ParseInt(args[2], 10, 64)
	if err != nil {
		return err
	}
	r := takeAndDrop(args[0], args[1] == "true", time.Duration(limit))
	for range 3 {
		runtime.GC()
	}
	_, err = fmt.Println(uint8(r.Result), r.File, r.Born, r.Limit)
	return err
}

//go:noinline
func takeAndDrop(path string, shared bool, limit time.Duration) record {
	r := record{Op: opAcquire}
	var opts []filelock.Option
	if shared {
		r.Op, opts = opShared, append(opts, filelock.Shared())
	}
	l := filelock.New(path, opts...)
	ctx, cancel := endingAfter(limit, false)
	defer cancel()
	if err := l.Acquire(ctx); err != nil {
		r.became(err)
		return r
	}
	r.Result = ok
	r.identify(l)
	return r
}
