//go:build linux

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// useFsyncLock holds the lock, or a slot, by fsync-lock. Its command is a shell that says its
// PID and becomes cat, which ends when its input ends. At times this client kills fsync-lock,
// and no other process: the command must keep the lock, or, with -o, must end.
func (c *client) useFsyncLock() {
	// A command whose fsync-lock was killed becomes a child of this process.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		fmt.Fprintln(os.Stderr, "subreaper:", err)
		return
	}
	for !c.isEnding() {
		c.fsyncLockOnce()
		c.sleep(c.upTo(c.habit.pause))
	}
}

// A wrapped command is one that runs under fsync-lock.
type wrapped struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	closes  bool          // -o: the command does not have the lock
	becomes bool          // -F: fsync-lock becomes the command
	killIn  time.Duration // kill fsync-lock so long after its start; 0 = do not
	pid     int           // of the command
	killed  bool          // fsync-lock was killed
}

func (c *client) fsyncLockOnce() {
	r := record{Op: opAcquire, Hold: c.newHold(), Flags: byPeer}
	w := &wrapped{}
	w.cmd = c.fsyncLock(c.fsyncLockOptions(&r, w))
	if c.chance(10) {
		w.killIn = time.Millisecond + c.upTo(60*time.Millisecond)
	}
	a := c.do(r, func(r *record) { c.startWrapped(w, r) })
	if a.Result != ok {
		return
	}
	leave := c.enter(a)
	c.sleep(c.upTo(5 * time.Millisecond))
	if !w.killed && !w.closes && !w.becomes && c.chance(40) {
		w.kill()
		c.sleep(c.upTo(30 * time.Millisecond))
	}
	leave()
	c.endWrapped(w, a)
}

// fsyncLock returns the command fsync-lock, which runs the command.
func (c *client) fsyncLock(args []string) *exec.Cmd {
	cmd := childCommand(commandPath(c.dir, string(fsyncLock)), append(args, c.path(c.object), "sh", "-c", "echo $$; exec cat")...)
	return cmd
}

// fsyncLockOptions chooses options at random.
func (c *client) fsyncLockOptions(r *record, w *wrapped) (args []string) {
	switch {
	case c.object.kind == semaphore:
		r.Flags |= inSlot
		args = append(args, "--slots", strconv.Itoa(c.object.permit))
	case c.habit.role == reads:
		r.Op = opShared
		args = append(args, "-s")
	}
	switch c.rng.IntN(3) {
	case 0:
		r.Limit = 1
		args = append(args, "-n")
	case 1:
		d := c.upTo(200*time.Millisecond) + time.Millisecond
		r.Limit = int64(d)
		args = append(args, "-w", fmt.Sprint(d.Seconds()))
	}
	switch c.rng.IntN(5) {
	case 0:
		w.closes = true
		args = append(args, "-o")
	case 1:
		w.becomes = true
		args = append(args, "-F")
	}
	return args
}

// startWrapped returns when the command has begun, so that it has the lock, or when fsync-lock
// has ended without it.
func (c *client) startWrapped(w *wrapped, r *record) {
	said, err := c.keepComplaints(w.cmd)
	if err != nil {
		r.fail(err)
		return
	}
	defer said.Close()
	in, out, err := startWithPipes(w.cmd)
	if err != nil {
		r.fail(err)
		return
	}
	w.in = in
	killed := make(chan struct{})
	if w.killIn > 0 {
		go func() {
			defer close(killed)
			c.sleep(w.killIn)
			w.cmd.Process.Kill()
		}()
	}
	w.out = bufio.NewReader(out)
	line, err := w.out.ReadString('\n')
	if w.killIn > 0 {
		<-killed
		w.killed = true
	}
	if err == nil && w.killed && (w.closes || w.becomes) { // the kill has released the lock
		c.endOf(w)
		r.Result = cancelled
		return
	}
	if err != nil { // there is no command
		w.in.Close()
		w.notRun(r, w.cmd.Wait(), said)
		return
	}
	r.Result = ok
	w.pid, _ = strconv.Atoi(strings.TrimSpace(line))
	id, err := c.lockOf(w)
	if err != nil {
		r.fail(err)
		c.endOf(w)
		return
	}
	r.File, r.Born = id.file, id.born
}

// notRun records why fsync-lock has not run its command.
func (w *wrapped) notRun(r *record, err error, said *os.File) {
	exit := (*exec.ExitError)(nil)
	if !errors.As(err, &exit) {
		r.fail(fmt.Errorf("fsync-lock ended with %v, but not its command", err))
		return
	}
	switch status := exit.Sys().(syscall.WaitStatus); {
	case status.Signaled() && w.killed:
		r.Result = cancelled
	case status.ExitStatus() == 1:
		r.Result = no
	default:
		r.fail(reasonIn(said, err))
	}
}

// lockOf returns the identity of the file that fsync-lock has locked. It has the file open, and
// so has its command, which goes on after a kill. Of a semaphore, fsync-lock may have more slots
// open for a moment.
func (c *client) lockOf(w *wrapped) (id identity, err error) {
	pids := []int{w.cmd.Process.Pid, w.pid}
	if c.object.kind == semaphore {
		slices.Reverse(pids)
	}
	for _, pid := range pids {
		if id, err = openLock(pid, c.object); err == nil {
			return id, nil
		}
	}
	return id, err
}

// openLock returns the identity of the lock file, or of the slot, that a process has open.
func openLock(pid int, o object) (identity, error) {
	fds, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, fd := range fds {
		to, _ := os.Readlink(fd)
		name := filepath.Base(strings.TrimSuffix(to, " (deleted)"))
		if o.kind == semaphore {
			if _, err := strconv.Atoi(name); err == nil && strings.HasSuffix(filepath.Dir(to), filepath.Base(o.path)) {
				return identify(fd)
			}
		} else if strings.HasPrefix(name, filepath.Base(o.path)) { // and not its gate, which begins with a dot
			return identify(fd)
		}
	}
	return identity{}, fmt.Errorf("process %d has not opened %s", pid, o.path)
}

// kill kills fsync-lock alone.
func (w *wrapped) kill() {
	w.cmd.Process.Kill()
	w.killed = true
}

// endWrapped ends the command, so that the lock is released.
func (c *client) endWrapped(w *wrapped, a record) {
	c.do(record{Op: opRelease, Hold: a.Hold, File: a.File, Born: a.Born, Flags: a.Flags}, func(r *record) {
		if (w.closes || w.becomes) && c.chance(50) {
			w.kill()
		}
		r.became(c.endOf(w))
	})
}

// endOf waits for the ends of fsync-lock and of its command. A killed fsync-lock leaves its
// command, unless -o: then the command has to end by itself.
func (c *client) endOf(w *wrapped) error {
	if w.killed && w.closes {
		io.Copy(io.Discard, w.out)
	}
	w.in.Close()
	io.Copy(io.Discard, w.out)
	err := w.cmd.Wait()
	if !w.killed {
		return err
	}
	for w.pid != w.cmd.Process.Pid { // with -F they are one process
		_, err := unix.Wait4(w.pid, nil, 0, nil)
		if err != unix.EINTR {
			return nil // after ECHILD too: the command ended before fsync-lock, which has waited for it
		}
	}
	return nil
}
