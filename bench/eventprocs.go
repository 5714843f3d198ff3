//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// awaitInTurns waits whenever it is told to: "set" or "clear" is what for. It
// says how many watchers it has when it begins to sleep, and the time when it
// has been woken.
func waitForEvent(peer, path string, _ []string) error {
	e, err := newWaiter(peer, path)
	if errors.Is(err, errNoWatcher) {
		fmt.Println("refused")
		return nil
	}
	if err != nil {
		return err
	}
	fmt.Println("ready")
	for {
		what, err := input.ReadString('\n')
		if err != nil {
			return nil
		}
		wait := e.wait
		if what == "clear\n" {
			wait = e.waitClear
		}
		if err := wait(func() { fmt.Println("asleep", len(watchers())) }); err != nil {
			return err
		}
		fmt.Println(now())
	}
}

// setAndClear does what it is told, and says when it began.
func setAndClear(peer, path string, _ []string) error {
	e, err := newSetter(peer, path)
	if err != nil {
		return err
	}
	actions := map[string]func() error{
		"set":   e.set,
		"clear": e.clear,
		"pulse": func() error { return errors.Join(e.set(), e.clear()) },
	}
	for {
		what, err := input.ReadString('\n')
		if err != nil {
			return nil
		}
		start := now()
		if err := actions[strings.TrimSpace(what)](); err != nil {
			return err
		}
		fmt.Println(start)
	}
}

// watchers are the descriptors of this process's inotify instances.
func watchers() (fds []string) {
	all, _ := filepath.Glob("/proc/self/fd/*")
	for _, fd := range all {
		if what, _ := os.Readlink(fd); what == "anon_inode:inotify" {
			fds = append(fds, filepath.Base(fd))
		}
	}
	return fds
}

// watches is how many directories they watch.
func watches() (n int) {
	for _, fd := range watchers() {
		text, _ := os.ReadFile("/proc/self/fdinfo/" + fd)
		n += strings.Count(string(text), "inotify wd:")
	}
	return n
}

// A crew is processes that wait for one event, and one that sets it.
type eventProcs struct {
	setter   *proc
	waiters  []*proc
	watchers []int // of each waiter, when it last went to sleep
}

// newCrew starts n waiters. Those that cannot have a watcher, and do not know
// how to do without, do not come.
func (b *bench) newEventProcs(peer, path string, n int, f *inotifyLimit) (c *eventProcs, err error) {
	c = &eventProcs{}
	if c.setter, err = b.role("set", peer, path); err != nil {
		return nil, err
	}
	for range n {
		p, err := b.start(f.enter(b.roleCommand("await", peer, path)))
		if err != nil {
			return nil, err
		}
		switch line, err := p.line(); {
		case err != nil:
			return nil, err
		case line == "ready":
			c.waiters = append(c.waiters, p)
		case line != "refused":
			return nil, fmt.Errorf("got %q instead of ready", line)
		}
	}
	c.watchers = make([]int, len(c.waiters))
	return c, nil
}

// sleep sends all waiters to sleep but those that are asleep still.
func (c *eventProcs) sleep(asleep []bool) error {
	for i, p := range c.waiters {
		if asleep[i] {
			continue
		}
		if err := p.send("set"); err != nil {
			return err
		}
	}
	for i, p := range c.waiters {
		if asleep[i] {
			continue
		}
		n, err := p.asleep()
		if err != nil {
			return err
		}
		c.watchers[i], asleep[i] = n, true
	}
	return nil
}

// asleep reads that the process has gone to sleep, and returns the number of
// its watchers. A wait that has nothing to wait for says no such thing.
func (p *proc) asleep() (watchers int, err error) {
	line, err := p.line()
	if err != nil {
		return 0, err
	}
	if _, err := fmt.Sscanf(line, "asleep %d", &watchers); err != nil {
		return 0, fmt.Errorf("got %q instead of asleep: it did not wait", line)
	}
	return watchers, nil
}

// rouse has the setter do something, and returns how long after that each of
// the waiters was awake; -1 for those that were not before it took too long,
// which sleep on.
func (c *eventProcs) wake(action string, asleep []bool, wakeTimeout time.Duration) ([]time.Duration, error) {
	start, err := c.setter.ask(action)
	if err != nil {
		return nil, err
	}
	deadline := time.Now().Add(wakeTimeout)
	took := make([]time.Duration, len(c.waiters))
	for i, p := range c.waiters {
		line, err := p.lineBy(deadline)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			took[i] = -1
			continue
		}
		if err != nil {
			return nil, err
		}
		woken, err := parseNumbers(line, 1)
		if err != nil {
			return nil, err
		}
		if woken[0] < start {
			return nil, fmt.Errorf("awake %v before anything was done", time.Duration(start-woken[0]))
		}
		took[i], asleep[i] = time.Duration(woken[0]-start), false
	}
	return took, nil
}

// ask tells the process something that it answers with a time.
func (p *proc) ask(args ...any) (int64, error) {
	if err := p.send(args...); err != nil {
		return 0, err
	}
	got, err := p.numbers(1)
	if err != nil {
		return 0, err
	}
	return got[0], nil
}
