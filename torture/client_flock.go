//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// useFlockCommand holds the lock by flock(1). The command under it is cat: it echoes a byte
// when flock(1) has the lock, and ends when its input ends. Then the lock is released.
func (c *client) useFlockCommand() {
	for !c.isEnding() {
		c.flockOnce()
		c.sleep(c.upTo(c.habit.pause))
	}
}

func (c *client) flockOnce() {
	r := record{Op: opAcquire, Hold: c.newHold(), Flags: byPeer}
	args := []string{c.path(c.object), "cat"}
	if c.habit.role == reads {
		r.Op = opShared
		args = append([]string{"-s"}, args...)
	}
	switch c.rng.IntN(3) {
	case 0:
		r.Limit = 1
		args = append([]string{"-n"}, args...)
	case 1:
		d := c.upTo(200*time.Millisecond) + time.Millisecond
		r.Limit = int64(d)
		args = append([]string{"-w", fmt.Sprint(d.Seconds())}, args...)
	}
	cmd := exec.Command("flock", args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C") // see reasonIn
	var in io.WriteCloser
	a := c.do(r, func(r *record) { in = c.startFlock(cmd, r) })
	if a.Result != ok {
		return
	}
	leave := c.enter(a)
	c.sleep(c.upTo(10 * time.Millisecond))
	leave()
	c.do(record{Op: opRelease, Hold: a.Hold, File: a.File, Born: a.Born, Flags: byPeer}, func(r *record) {
		r.became(errors.Join(in.Close(), cmd.Wait()))
	})
}

// startWithPipes starts a command, with pipes to its standard input and from its standard output.
func startWithPipes(cmd *exec.Cmd) (in io.WriteCloser, out io.Reader, err error) {
	if in, err = cmd.StdinPipe(); err != nil {
		return nil, nil, err
	}
	if out, err = cmd.StdoutPipe(); err != nil {
		return nil, nil, err
	}
	return in, out, cmd.Start()
}

// startFlock returns when flock(1) has the lock, or has ended without it.
func (c *client) startFlock(cmd *exec.Cmd, r *record) io.WriteCloser {
	said, err := c.keepComplaints(cmd)
	if err != nil {
		r.fail(err)
		return nil
	}
	defer said.Close()
	in, out, err := startWithPipes(cmd)
	if err != nil {
		r.fail(err)
		return nil
	}
	in.Write([]byte{'.'}) // it fails if flock(1) ends without the lock
	if _, err := io.ReadFull(out, make([]byte, 1)); err != nil {
		in.Close()
		r.endedWithout(cmd.Wait(), said)
		return nil
	}
	id, err := lockedBy(cmd.Process.Pid, c.object.path)
	if err != nil {
		r.fail(err)
		in.Close()
		cmd.Wait()
		return nil
	}
	r.Result, r.File, r.Born = ok, id.file, id.born
	return in
}

// endedWithout records why flock(1) has ended without its command.
func (r *record) endedWithout(err error, said *os.File) {
	exit := (*exec.ExitError)(nil)
	switch {
	case errors.As(err, &exit) && exit.ExitCode() == 1:
		r.Result = no
	case err == nil:
		r.fail(errors.New("flock(1) ended, but not its command"))
	default:
		r.fail(reasonIn(said, err))
	}
}

// lockedBy returns the identity of the lock file that a process has open, wherever its path
// leads now.
func lockedBy(pid int, path string) (identity, error) {
	fds, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil {
		return identity{}, err
	}
	for _, fd := range fds {
		to, _ := os.Readlink(fd)
		if strings.Contains(to, filepath.Base(path)) {
			return identify(fd)
		}
	}
	return identity{}, fmt.Errorf("process %d has not opened %s", pid, path)
}
