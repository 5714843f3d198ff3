//go:build linux

package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/fsync-lock/fsync/filelock"
)

// useHandOver takes the lock and hands it to a new process, which adopts and releases it.
func (c *client) useHandOver() {
	for n := 0; !c.isEnding(); n++ {
		l := c.newLocker().(*filelock.Lock)
		if a := c.acquire(l); a.Result == ok && c.chance(25) {
			c.letUnlock(l, a)
		} else if a.Result == ok {
			c.handOver(l, a, n)
		}
		c.sleep(c.upTo(c.habit.pause))
	}
}

func (c *client) handOver(l *filelock.Lock, a record, n int) {
	leave := c.enter(a)
	var child *exec.Cmd
	var said *bufio.Reader
	handed := c.do(record{Op: opHandOver, Hold: a.Hold, File: a.File, Born: a.Born}, func(r *record) {
		f, err := l.File()
		if err != nil {
			r.fail(err)
			return
		}
		defer f.Close()
		if child, said, err = c.startAdopter(f, a, n); err != nil {
			r.fail(err)
			return
		}
		if line, err := said.ReadString('\n'); line != "adopted\n" {
			r.fail(fmt.Errorf("the new process said %q, %v", line, err))
			return
		}
		r.Result = ok
	})
	last := record{Op: opLeave, Flags: handedOver, Hold: a.Hold, File: a.File, Born: a.Born}
	if handed.Result != ok {
		leave()
		last.Op, last.Flags = opRelease, 0
	}
	c.do(last, func(r *record) {
		if handed.Result == ok {
			r.became(l.Leave())
		} else {
			r.became(l.Release())
		}
	})
	if child != nil {
		child.Wait()
	}
}

// startAdopter starts a process that adopts the lock. Its history has a number of its own.
func (c *client) startAdopter(f *os.File, a record, n int) (*exec.Cmd, *bufio.Reader, error) {
	process := childProcess(c.process, n)
	cmd := exec.Command("/proc/self/exe", append(append([]string{}, os.Args[1:5]...), fmt.Sprintf("%d.%d", process, c.slot),
		strconv.FormatUint(a.Hold, 10), strconv.Itoa(c.object.number), strconv.FormatBool(a.Op == opShared))...)
	cmd.Env = append(os.Environ(), roleVar+"=adopt")
	cmd.Stderr = os.Stderr
	cmd.ExtraFiles = []*os.File{f}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	return cmd, bufio.NewReader(out), err
}

// childProcess returns the number of the nth process that a process starts.
func childProcess(process, n int) int { return process + (n+1)<<12 }

// isChild reports whether another process of the round has started the process.
func isChild(process int) bool { return process >= 1<<12 }

// adopt is the process that adopts the lock: HOLD OBJECT SHARED
func (w *worker) adopt(args []string) error {
	hold, err := strconv.ParseUint(args[0], 10, 64)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	c := &client{worker: w, number: uint32(w.process << 8), object: w.plan.objects[n], rng: w.plan.clientRand(w.process, 0)}
	var opts []filelock.Option
	shared := strings.HasPrefix(args[2], "t")
	if shared {
		opts = append(opts, filelock.Shared())
	}
	var l *filelock.Lock
	a := c.do(record{Op: opAdopt, Hold: hold}, func(r *record) {
		if l, err = filelock.Adopt(os.NewFile(3, "lock"), c.object.path, opts...); err == nil {
			r.identify(l)
		}
		r.became(err)
	})
	if a.Result != ok {
		return err
	}
	mine := c.newHold()
	at := w.overlap.cell(c.object, identity{a.File, a.Born})
	if shared {
		at.join(mine, 0)
		at.part(hold)
	} else {
		c.overlapped(hold, 0, at.pass(hold, mine))
	}
	fmt.Println("adopted")
	c.sleep(c.upTo(10 * time.Millisecond))
	if shared {
		at.part(mine)
	} else {
		c.overlapped(hold, 0, at.leave(mine))
	}
	c.do(record{Op: opRelease, Hold: hold, File: a.File, Born: a.Born}, func(r *record) { r.became(l.Release()) })
	return nil
}
