//go:build linux

package main

import "testing"

// A wait in a directory that was replaced may be late by a second more, and a Set in a
// directory that was replaced meanwhile need not be seen.
func TestRemadeDirectories(t *testing.T) {
	t.Parallel()
	remade := object{kind: manualEvent, path: "by/a.event", remade: true}
	for name, c := range map[string]struct {
		set, end int64   // when the event is set, and the wait ends
		moves    []int64 // of directories
		broken   string
	}{
		"late after a change":           {100, 1700, []int64{50}, "late wake-up"},
		"a second after a change":       {100, 1400, []int64{50}, ""},
		"a second, but long afterwards": {5000, 5900, []int64{50}, "late wake-up"},
		"replaced after the Set":        {100, 1700, []int64{50, 900}, ""},
		"replaced during the Set":       {100, 1700, []int64{101}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := storyOf(remade, did(bob, opWait, 0, c.end, sleptAt(1), until(10000)), did(alice, opSet, c.set, c.set+2))
			for _, m := range c.moves {
				s.moves = append(s.moves, span{m * 1e6, m*1e6 + 1e6})
			}
			checkFinds(t, checkStory(s, ""), c.broken)
		})
	}
}

// Other programs leave no tombstone, or one that looks as before.
func TestForeignEvents(t *testing.T) {
	t.Parallel()
	foreign := object{kind: manualEvent, path: "f.event", foreign: true}
	with := func(f flags) func(*operation) { return func(o *operation) { o.flags = f } }
	missed := func() *operation {
		return did(bob, opWait, 0, 101, sleptAt(1), until(100), became(timedOut))
	}
	for _, c := range []historyCase{
		{name: "a pulse of touch and Clear", object: foreign, broken: "lost wake-up", ops: []*operation{
			missed(), did(alice, opSet, 5, 6, with(byPeer)), did(alice, opClear, 7, 8),
		}},
		{name: "a pulse of touch and rm", object: foreign, ops: []*operation{
			missed(), did(alice, opSet, 5, 6, with(byPeer)), did(alice, opClear, 7, 8, with(byPeer|noTrace)),
		}},
		{name: "a pulse of ln and Clear", object: foreign, ops: []*operation{
			missed(), did(alice, opSet, 5, 6, with(byPeer|noTrace)), did(alice, opClear, 7, 8),
		}},
		{name: "a link that stays", object: foreign, broken: "lost wake-up", ops: []*operation{
			missed(), did(alice, opSet, 5, 6, with(byPeer|noTrace)),
		}},
		{name: "the tombstone of a pulse is replaced by a link", object: foreign, ops: []*operation{
			missed(), did(alice, opSet, 5, 6), did(alice, opClear, 7, 8), did(alice, opSet, 9, 10, with(byPeer|noTrace)), did(alice, opClear, 11, 12),
		}},
		{name: "a Set of a marker that stays, and Clear", object: foreign, broken: "missed Set", ops: []*operation{
			did(bob, opWatch, 0, 1), did(alice, opSet, 2, 3), did(alice, opClear, 4, 5), did(bob, opNext, 8, 31, until(30), became(timedOut)),
		}},
		{name: "still there after Clear", object: foreign, broken: "event model", ops: []*operation{
			did(alice, opSet, 5, 6, with(byPeer|noTrace)), did(alice, opClear, 7, 8), did(bob, opIsSet, 9, 10),
		}},
		{name: "touch finds a marker that is not there", object: foreign, broken: "event model", ops: []*operation{
			did(alice, opSet, 5, 6, with(byPeer), became(no)),
		}},
		{name: "two links and one Clear between them", object: foreign, ops: []*operation{
			did(alice, opSet, 5, 6, with(byPeer|noTrace)), did(bob, opClear, 5, 12), did(alice, opSet, 7, 8, with(byPeer|noTrace)),
		}},
		{name: "a Clear that clears twice", object: foreign, broken: "event model", ops: []*operation{
			did(alice, opSet, 5, 6, with(byPeer|noTrace)), did(bob, opClear, 5, 12), did(alice, opSet, 7, 8, with(byPeer|noTrace)), did(alice, opSet, 9, 10, with(byPeer|noTrace)),
		}},
		{name: "rm finds a marker that is not there", object: foreign, broken: "event model", ops: []*operation{
			did(alice, opSet, 5, 6), did(alice, opClear, 7, 8), did(alice, opClear, 9, 10, with(byPeer|noTrace)),
		}},
		{name: "rm finds no marker", object: foreign, broken: "event model", ops: []*operation{
			did(alice, opSet, 5, 6), did(alice, opClear, 7, 8, with(byPeer|noTrace), became(no)),
		}},
		{name: "pulses without .fsync", object: object{kind: manualEvent, path: "b.event", sidecarGoes: true}, ops: []*operation{
			missed(), did(alice, opSet, 5, 6), did(alice, opClear, 7, 8),
		}},
	} {
		t.Run(c.name, c.test)
	}
}
