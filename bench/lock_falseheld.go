//go:build linux

package main

import (
	"errors"
	"fmt"
	"runtime"
	"time"
)

// falselyHeld is tries of a lock that nobody has, and nobody wants any more: the
// bench itself has it while two other processes wait for it, one behind the
// other; it releases the lock after both have said that their calls have
// returned, and tries.
var falseHeld = row{
	name:        "falseheld",
	description: "tries of a free lock, and of 3 free slots, right after 2 other processes have given up their waits for it",
	peers:       []string{ours, gofrs},
	rounds:      func(s scale) int { return s.falseRounds },
	figures: []figure{
		{name: "a free lock was held", unit: count, key: "lock", reduce: sum, pooled: true},
		{name: "a free lock was held, under load", unit: count, key: "lock, load", reduce: sum, pooled: true},
		{name: "a free slot was held", unit: count, key: "slot", reduce: sum, pooled: true},
		{name: "a free slot was held, under load", unit: count, key: "slot, load", reduce: sum, pooled: true},
		{name: "tries of each", unit: count, key: "tries", reduce: sum, pooled: true},
		{name: "tries of each, under load", unit: count, key: "tries, load", reduce: sum, pooled: true},
	},
	bounds: []bound{
		{figure: "a free lock was held", limit: 0, text: "never"},
		{figure: "a free lock was held, under load", limit: 0, text: "never"},
		{figure: "a free slot was held", limit: 0, text: "never"},
		{figure: "a free slot was held, under load", limit: 0, text: "never"},
	},
	measure: measureFalselyHeld,
}

const falseHeldWaiters = 2

func measureFalselyHeld(b *bench, peer string) (sample, error) {
	s := sample{values: map[string][]float64{}}
	for _, load := range []string{"", ", load"} {
		n := b.scale.falseTries
		if load != "" {
			n /= 20 // each takes as much longer
			if _, err := b.startReady(b.roleCommand("spin", peer, b.dir)); err != nil {
				return sample{}, err
			}
		}
		if peer == gofrs {
			n /= 4
		}
		kinds := map[string]string{"lock": peer}
		if peer == ours {
			kinds["slot"] = oursSlots
		}
		for what, peerLock := range kinds {
			wrong, err := b.countFalseHeld(peerLock, n)
			if err != nil {
				return sample{}, err
			}
			s.values[what+load] = []float64{float64(wrong)}
		}
		s.values["tries"+load] = []float64{float64(n)}
	}
	return s, nil
}

// triesHeld tries n times a lock that is free, and counts the tries that say
// that it is held. All slots of a semaphore are tried.
func (b *bench) countFalseHeld(peer string, n int) (wrong int, err error) {
	path := b.lockPath("falseheld")
	others := make([]*proc, falseHeldWaiters)
	for i := range others {
		if others[i], err = b.startReady(b.roleCommand("wait-and-cancel", peer, path)); err != nil {
			return 0, err
		}
		defer others[i].kill()
	}
	l, err := acquireAll(peer, path)
	if err != nil {
		return 0, err
	}
	for done := 0; done < n; done += slotsOf(peer) {
		if err := cancelAll(others); err != nil {
			return 0, err
		}
		if err := l.release(); err != nil {
			return 0, err
		}
		time.Sleep(randomDelay())
		held, err := reacquireAll(l, slotsOf(peer))
		if err != nil {
			return 0, err
		}
		wrong += held
	}
	return wrong, l.release()
}

// comeAllAndGo has all the others wait, and give up.
func cancelAll(others []*proc) error {
	for _, p := range others {
		if err := p.send("come"); err != nil {
			return err
		}
	}
	for _, p := range others {
		if err := p.expect("gone"); err != nil {
			return err
		}
	}
	return nil
}

// tryAll acquires everything again, each by a try that must succeed, and counts
// those that do not.
func reacquireAll(l peerLock, n int) (held int, err error) {
	missing := 0
	for range n {
		ok, err := l.once()
		if err != nil {
			return 0, err
		}
		if !ok {
			missing++
		}
	}
	for range missing {
		err = errors.Join(err, l.acquire())
	}
	return missing, err
}

// comeAndGo waits for the lock whenever it is told to, and gives up at some
// moment, often before it sleeps.
func waitAndCancel(peer, path string, _ []string) error {
	l, err := newPeerLock(peer, path, false)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	for {
		if _, err := input.ReadString('\n'); err != nil {
			return nil
		}
		if _, err := cancelWait(l, randomDelay()); err != nil {
			return err
		}
		fmt.Println("gone")
	}
}

// spin keeps all processors busy.
func spin(_, _ string, _ []string) error {
	fmt.Println("ready")
	for range runtime.NumCPU() {
		go func() {
			for {
			}
		}()
	}
	_, err := input.ReadString('\n')
	return err
}
