//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// waitForEvent waits for the event once for each line of its input: until it is
// set, or until it is clear after the line "clear". It prints "waiting" and the
// number of its inotify instances right before it sleeps, and then the time when
// it woke.
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
		line, err := input.ReadString('\n')
		if err != nil {
			return nil
		}
		wait := e.wait
		if line == "clear\n" {
			wait = e.waitClear
		}
		if err := wait(func() { fmt.Println("waiting", len(inotifyInstances())) }); err != nil {
			return err
		}
		fmt.Println(now())
	}
}

// setAndClear sets, clears or pulses the event as each line of its input says,
// and prints the time when it began.
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
		line, err := input.ReadString('\n')
		if err != nil {
			return nil
		}
		start := now()
		if err := actions[strings.TrimSpace(line)](); err != nil {
			return err
		}
		fmt.Println(start)
	}
}

// eventProcs are the processes that share one event: one sets it, the others
// wait for it.
type eventProcs struct {
	setter  *proc
	waiters []*eventWaiter
}

// An eventWaiter is a process in the role of waitForEvent.
type eventWaiter struct {
	*proc
	waiting  bool // it has not been woken since it began to wait
	watchers int  // its inotify instances when it began to wait
}

// newEventProcs starts a setter and n waiters. A waiter that cannot work without
// a watcher, and gets none, is left out.
func (b *bench) newEventProcs(peer, path string, n int, limit *inotifyLimit) (e *eventProcs, err error) {
	e = &eventProcs{}
	if e.setter, err = b.role("set", peer, path); err != nil {
		return nil, err
	}
	for range n {
		p, err := b.start(limit.enter(b.roleCommand("await", peer, path)))
		if err != nil {
			return nil, err
		}
		switch line, err := p.line(); {
		case err != nil:
			return nil, err
		case line == "ready":
			e.waiters = append(e.waiters, &eventWaiter{proc: p})
		case line != "refused":
			return nil, fmt.Errorf("got %q instead of ready", line)
		}
	}
	return e, nil
}

// wait makes every waiter wait again and returns when all of them do. A waiter
// that was not woken the last time still waits.
func (e *eventProcs) wait() error {
	for _, w := range e.waiters {
		if w.waiting {
			continue
		}
		if err := w.send("set"); err != nil {
			return err
		}
	}
	for _, w := range e.waiters {
		if w.waiting {
			continue
		}
		n, err := w.expectWaiting()
		if err != nil {
			return err
		}
		w.watchers, w.waiting = n, true
	}
	return nil
}

// watching returns the number of waiters that have a watcher.
func (e *eventProcs) watching() (n int) {
	for _, w := range e.waiters {
		if w.watchers > 0 {
			n++
		}
	}
	return n
}

// A waiter that does not wake within wakeTimeout has lost its wake-up.
const wakeTimeout = 5 * time.Second

// notWoken stands for the latency of a waiter that has lost its wake-up.
const notWoken = -1

// wake makes the setter do an action. It returns how long after the action each
// waiter woke, and the number of waiters that did not wake.
func (e *eventProcs) wake(action string) (latencies []time.Duration, lost int, err error) {
	start, err := e.setter.ask(action)
	if err != nil {
		return nil, 0, err
	}
	deadline := time.Now().Add(wakeTimeout)
	for _, w := range e.waiters {
		line, err := w.lineBy(deadline)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			latencies = append(latencies, notWoken)
			lost++
			continue
		}
		if err != nil {
			return nil, 0, err
		}
		woken, err := parseNumber(line)
		if err != nil {
			return nil, 0, err
		}
		if woken < start {
			return nil, 0, fmt.Errorf("woke %v before the setter did anything", time.Duration(start-woken))
		}
		latencies = append(latencies, time.Duration(woken-start))
		w.waiting = false
	}
	return latencies, lost, nil
}

// startWaiting starts one process that waits until the event is in a state, and
// returns when it waits.
func (b *bench) startWaiting(peer, path, state string) (*proc, error) {
	p, err := b.startReady(b.roleCommand("await", peer, path))
	if err != nil {
		return nil, err
	}
	if err := p.send(state); err != nil {
		return nil, err
	}
	_, err = p.expectWaiting()
	return p, err
}

// expectWaiting reads the line that says that the process begins to wait, and
// returns the number of its watchers. A wait that ends at once prints no such
// line.
func (p *proc) expectWaiting() (watchers int, err error) {
	line, err := p.line()
	if err != nil {
		return 0, err
	}
	if _, err := fmt.Sscanf(line, "waiting %d", &watchers); err != nil {
		return 0, fmt.Errorf("got %q instead of waiting: the process did not wait", line)
	}
	return watchers, nil
}
