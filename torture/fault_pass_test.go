//go:build linux

package main

import "testing"

// Each passed lock has three clients in different processes, and each part has one.
func TestPartsOfPassedLocks(t *testing.T) {
	t.Parallel()
	m, err := parseMix("exclusive,alone," + passFirst)
	must(t, err)
	p := newPlan(7, 1, m)
	locks := 0
	for _, o := range p.objects {
		slots := p.partsOf(o)
		if slots == nil {
			continue
		}
		locks++
		if len(slots) != 3 || slots[0] == slots[1] || slots[1] == slots[2] || slots[0] == slots[2] {
			t.Errorf("%s: slots %v", o.path, slots)
		}
	}
	if locks != passedLocks {
		t.Errorf("%d passed locks", locks)
	}
}
