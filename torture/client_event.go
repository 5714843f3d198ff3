//go:build linux

package main

import (
	"context"
	"math"
	"sync/atomic"
	"time"

	"github.com/fsync-lock/fsync/fileevent"
)

// event returns a value for one of the objects. Each client has its own values.
func (c *client) event(number int) *fileevent.Event {
	o := c.plan.objects[number]
	if o.kind == autoEvent {
		return fileevent.New(c.path(o), fileevent.AutoReset())
	}
	return fileevent.New(c.path(o))
}

func (c *client) useEvent() {
	e := c.event(c.object.number)
	switch {
	case c.habit.role == meddles:
		c.meddle(e)
	case c.habit.role == tidies:
		c.tidyEvent(e)
	case c.habit.role == sets && c.object.kept:
		c.setAgain(e)
	case c.habit.role == sets && c.object.swept():
		c.pulseAndTidy(e)
	case c.habit.role == sets && c.object.slow:
		c.setInBursts(e)
	case c.habit.role == sets:
		c.setEvent(e)
	case c.habit.role == watches:
		c.watchEvent(e)
	case c.object.slow:
		c.waitAgain(e)
	default:
		c.waitForEvent(e)
	}
}

// setInBursts sets the event several times and then leaves it for long. The waiters that the
// first Set has woken begin to wait again, and the last Set comes at a random moment of that.
// If it is lost, nothing wakes them for long.
func (c *client) setInBursts(e *fileevent.Event) {
	for !c.isEnding() {
		if c.object.kind == manualEvent {
			c.pulse(e, c.wakeTime())
		} else {
			c.set(e)
		}
		c.sleep(c.wakeTime())
		if c.object.kind == manualEvent && c.chance(50) {
			for more := true; more; more = c.chance(60) { // the last look may come after several
				c.pulse(e, 0)
			}
			c.sleep(c.quietTime())
		} else {
			c.set(e)
			c.sleep(c.quietTime())
			c.clear(e)
			if c.object.tidied {
				e.Tidy()
			}
		}
		c.sleep(c.upTo(50 * time.Millisecond))
	}
}

// pulse sets the event, and clears it after a time.
func (c *client) pulse(e *fileevent.Event, after time.Duration) {
	if c.object.touched {
		c.mark(0, c.touch)
	} else {
		c.set(e)
	}
	c.sleep(after)
	c.clear(e)
	if c.object.tidied {
		e.Tidy()
	}
}

// quietTime is how long a slow event does not change. In half of the cases a wait that has
// missed the last Set is certainly late then. Waiters of a directory that was replaced are
// late sooner, if they are not woken at all.
func (c *client) quietTime() time.Duration {
	late := time.Duration(c.plan.late(c.object))
	switch {
	case c.object.remade:
		return 100*time.Millisecond + c.upTo(400*time.Millisecond)
	case c.chance(50):
		return late + 200*time.Millisecond + time.Duration(c.rng.Int64N(int64(late)))
	}
	return 700*time.Millisecond + c.upTo(300*time.Millisecond)
}

// wakeTime returns a random time of the order in which a process wakes up: microseconds, or
// milliseconds on a busy machine.
func (c *client) wakeTime() time.Duration {
	return time.Duration(float64(20*time.Microsecond) * math.Pow(500, c.rng.Float64()))
}

// waitAgain waits without a pause between two waits. It waits in turn for the event and,
// unless a wait clears it, for its end.
func (c *client) waitAgain(e *fileevent.Event) {
	op := opWait
	if c.object.kind == autoEvent {
		op = opTake
	}
	for !c.isEnding() {
		d := time.Duration(c.plan.late(c.object)) + 200*time.Millisecond + c.upTo(2*time.Second)
		c.within(record{Op: op}, d, func(ctx context.Context, _ *record) error { return c.waitBusily(ctx, e) })
		if op == opWait {
			c.within(record{Op: opWaitClear}, d, func(ctx context.Context, _ *record) error { return e.WaitClear(ctx) })
		}
	}
}

// waitBusily waits for the event, mostly beside others that are set. The wait looks at these
// between its look at the event and the moment when changes of the event are reported, so
// that more happens in that time.
func (c *client) waitBusily(ctx context.Context, e *fileevent.Event) error {
	if c.chance(30) {
		return e.Wait(ctx)
	}
	events := []*fileevent.Event{e}
	for range 1 + c.rng.IntN(60) {
		events = append(events, fileevent.New(alwaysSet))
	}
	return fileevent.WaitAll(ctx, events...)
}

func (c *client) set(e *fileevent.Event) {
	c.do(record{Op: opSet}, func(r *record) { r.became(e.Set()) })
}

func (c *client) clear(e *fileevent.Event) {
	c.do(record{Op: opClear}, func(r *record) { r.became(e.Clear()) })
}

// setEvent sets and clears, sometimes as a pulse, and asks.
func (c *client) setEvent(e *fileevent.Event) {
	for !c.isEnding() {
		switch p := c.rng.IntN(100); {
		case p < 25:
			c.set(e)
		case p < 40:
			c.clear(e)
		case p < 85 && c.object.kind == manualEvent:
			c.set(e)
			if c.chance(50) {
				c.sleep(c.upTo(time.Millisecond))
			}
			c.clear(e)
		case p < 65:
			c.set(e)
		default:
			c.do(record{Op: opIsSet}, func(r *record) { r.answered(e.IsSet()) })
		}
		c.sleep(c.upTo(c.habit.pause + 5*time.Millisecond))
	}
}

func (r *record) answered(yes bool, err error) {
	switch {
	case err != nil:
		r.became(err)
	case yes:
		r.Result = ok
	default:
		r.Result = no
	}
}

// A sleepContext tells when a wait goes to sleep for the first time, and for the last time: a
// wait of this library asks for Done only after it has looked at the event, just before it
// sleeps. From the first time on, the wait has certainly begun.
type sleepContext struct {
	context.Context
	slept, last atomic.Int64
}

func (c *sleepContext) Done() <-chan struct{} {
	t := now()
	c.slept.CompareAndSwap(0, t)
	c.last.Store(t)
	return c.Context.Done()
}

// within calls wait with a context that ends: at a deadline, or by a call at a random moment, or
// some time after the round.
func (c *client) within(r record, d time.Duration, wait func(context.Context, *record) error) record {
	if c.chance(25) {
		r.Flags |= cancels
	} else {
		r.Limit = max(int64(d), 1)
	}
	return c.do(r, func(r *record) {
		ctx, cancel := c.contextOf(r, d)
		defer cancel()
		sleeping := &sleepContext{Context: ctx}
		r.became(wait(sleeping, r))
		if c.lasting.Err() != nil {
			r.Flags |= cancels
		}
		if r.Slept = sleeping.slept.Load(); r.Slept == 0 && r.Result == timedOut {
			r.Result = tooLate // a wait that looks at its deadline has slept before
		}
	})
}

// contextOf returns the context of a wait.
func (c *client) contextOf(r *record, d time.Duration) (context.Context, context.CancelFunc) {
	if r.Flags&cancels == 0 {
		return context.WithTimeout(c.lasting, d)
	}
	ctx, cancel := context.WithCancel(c.lasting)
	t := time.AfterFunc(d, cancel)
	return ctx, func() {
		t.Stop()
		cancel()
	}
}

func (c *client) waitTime() time.Duration {
	if c.chance(30) {
		return c.upTo(10 * time.Millisecond)
	}
	return c.upTo(800 * time.Millisecond)
}

// waitForEvent waits in one of the ways that there are.
func (c *client) waitForEvent(e *fileevent.Event) {
	op := opWait
	if c.object.kind == autoEvent {
		op = opTake
	}
	for !c.isEnding() {
		var r record
		switch p := c.rng.IntN(100); {
		case p < 15:
			r = c.do(record{Op: op, Limit: 1}, func(r *record) { r.answered(e.WaitFor(0)) })
		case p < 30 && len(c.habit.others) > 0:
			r = c.waitForAny(op, e)
		case p < 40 && op == opWait && len(c.habit.others) > 0:
			r = c.waitForAll(e)
		case p < 45 && op == opTake && !c.object.moves():
			r = c.takeAll()
		case p < 50 && op == opWait:
			r = c.within(record{Op: opWaitClear}, c.waitTime(), func(ctx context.Context, _ *record) error { return e.WaitClear(ctx) })
		default:
			r = c.within(record{Op: op}, c.waitTime(), func(ctx context.Context, _ *record) error { return e.Wait(ctx) })
		}
		if r.Slept == 0 || c.chance(50) { // a wait that did not sleep would be repeated at once
			c.sleep(c.upTo(c.habit.pause + time.Millisecond))
		}
	}
}

func (c *client) waitForAny(op opcode, e *fileevent.Event) record {
	events, numbers := []*fileevent.Event{e}, []int{c.object.number}
	r := record{Op: op, Objects: c.object.mask()}
	for _, n := range c.habit.others {
		if c.chance(60) && len(events) < 4 {
			events, numbers = append(events, c.event(n)), append(numbers, n)
			r.Objects |= c.plan.objects[n].mask()
		}
	}
	return c.within(r, c.waitTime(), func(ctx context.Context, r *record) error {
		i, err := fileevent.WaitAny(ctx, events...)
		if err == nil { // only that event has ended the wait
			o := c.plan.objects[numbers[i]]
			r.Objects, r.Op = o.mask(), opWait
			if o.kind == autoEvent {
				r.Op = opTake
			}
		}
		return err
	})
}

// watchEvent makes a Watch and listens for a while.
func (c *client) watchEvent(e *fileevent.Event) {
	var w *fileevent.Watch
	made := c.do(record{Op: opWatch}, func(r *record) {
		var err error
		w, err = e.Watch()
		r.became(err)
	})
	if made.Result != ok {
		c.sleep(c.upTo(10 * time.Millisecond))
		return
	}
	for range 1 + c.rng.IntN(30) {
		if c.isEnding() {
			return
		}
		d := c.waitTime()
		if c.object.swept() {
			d = c.upTo(20 * time.Millisecond)
		}
		if c.object.kept { // its Sets are seen later
			d += time.Duration(c.plan.late(c.object)) + 500*time.Millisecond
		}
		next := c.within(record{Op: opNext}, d, func(ctx context.Context, _ *record) error { return w.Next(ctx) })
		if next.Result == failed {
			return
		}
		if c.chance(50) { // busy
			c.sleep(c.upTo(c.habit.pause + 10*time.Millisecond))
		}
	}
}
