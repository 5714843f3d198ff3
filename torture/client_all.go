//go:build linux

package main

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fsync-lock/fsync/fileevent"
)

// waitForAll waits for manual events.
func (c *client) waitForAll(e *fileevent.Event) record {
	events := []*fileevent.Event{e}
	r := record{Op: opWaitAll, Objects: c.object.mask()}
	for _, n := range c.habit.others {
		if o := c.plan.objects[n]; o.kind == manualEvent && len(events) < 3 {
			events = append(events, c.event(n))
			r.Objects |= o.mask()
		}
	}
	return c.within(r, c.waitTime(), func(ctx context.Context, _ *record) error { return fileevent.WaitAll(ctx, events...) })
}

// takeAll waits for several AutoReset events, in any order and some by two paths, and
// sometimes for manual events, too. It records what WaitAll takes, because WaitAll sets again
// what it has taken if it cannot take all.
func (c *client) takeAll() record {
	var events []*fileevent.Event
	r := record{Op: opTakeAll, Objects: c.object.mask()}
	paths := c.takePaths(c.object)
	for _, n := range c.habit.others {
		switch o := c.plan.objects[n]; {
		case o.kind == autoEvent && c.chance(80):
			r.Objects |= o.mask()
			paths = append(paths, c.takePaths(o)...)
		case o.kind == manualEvent && c.chance(10):
			r.Objects |= o.mask()
			events = append(events, c.event(n))
		}
	}
	order := takeOrder(paths)
	r.Hold = uint64(len(order))
	var sleeping *sleepContext
	for _, path := range paths {
		events = append(events, fileevent.New(path, fileevent.AutoReset(), fileevent.OnTake(func(fileevent.Info) {
			c.tookOne(path, order, sleeping)
		})))
	}
	c.rng.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	return c.within(r, c.waitTime(), func(ctx context.Context, _ *record) error {
		sleeping = ctx.(*sleepContext)
		return fileevent.WaitAll(ctx, events...)
	})
}

// takePaths returns one path of an event, or two.
func (c *client) takePaths(o object) []string {
	paths := []string{c.path(o)}
	dir, name := filepath.Split(paths[0])
	dir = filepath.Clean(dir)
	if base := filepath.Base(dir); eventLinks[base+secondPath] != "" && c.chance(40) {
		paths = append(paths, filepath.Join(dir+secondPath, name))
	}
	return paths
}

// takeOrder returns the names of the events, in the order in which WaitAll takes them: that of
// their paths.
func takeOrder(paths []string) (names []string) {
	for _, path := range slices.Sorted(slices.Values(paths)) {
		if name := filepath.Base(path); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// tookOne records that WaitAll has taken one of the events.
func (c *client) tookOne(path string, order []string, sleeping *sleepContext) {
	name := filepath.Base(path)
	i := slices.IndexFunc(c.plan.objects, func(o object) bool { return strings.HasSuffix(o.path, "/"+name) })
	c.history.write(record{
		Time: now(), Client: c.number, Kind: tookOne, Op: opTakeAll, Objects: c.plan.objects[i].mask(),
		Hold: uint64(slices.Index(order, name)), Slept: sleeping.last.Load(),
	})
}
