//go:build linux

package main

import (
	"errors"
	"fmt"
	"runtime"
	"time"
)

// falseHeld counts tries of a free lock that fail. The bench holds the lock while
// two other processes wait for it, one behind the other, and cancel their waits.
// When the calls of both have returned, the bench releases the lock and tries it.
// No process holds the lock or waits for it then, so the try must succeed.
var falseHeld = row{
	name:        "falseheld",
	description: "a process tries a free lock, or 3 free slots, right after 2 other processes have canceled their waits for it",
	peers:       []string{ours, gofrs},
	rounds:      func(s scale) int { return s.falseHeldRounds },
	figures: []figure{
		{name: "failed tries of a free lock", unit: count, key: "lock", reduce: sum, pooled: true},
		{name: "failed tries of a free lock, under load", unit: count, key: "lock, load", reduce: sum, pooled: true},
		{name: "failed tries of a free slot", unit: count, key: "slot", reduce: sum, pooled: true},
		{name: "failed tries of a free slot, under load", unit: count, key: "slot, load", reduce: sum, pooled: true},
		{name: "tries of each", unit: count, key: "tries", reduce: sum, pooled: true},
		{name: "tries of each, under load", unit: count, key: "tries, load", reduce: sum, pooled: true},
	},
	bounds: []bound{
		{figure: "failed tries of a free lock", limit: 0, text: "none"},
		{figure: "failed tries of a free lock, under load", limit: 0, text: "none"},
		{figure: "failed tries of a free slot", limit: 0, text: "none"},
		{figure: "failed tries of a free slot, under load", limit: 0, text: "none"},
	},
	measure: measureFalseHeld,
}

const falseHeldWaiters = 2

func measureFalseHeld(b *bench, peer string) (sample, error) {
	s := sample{values: map[string][]float64{}}
	for _, load := range []string{"", ", load"} {
		n := b.scale.falseHeldTries
		if load != "" {
			n /= 20 // a try takes about 20 times as long under load
			if _, err := b.startReady(b.roleCommand("spin", peer, b.dir)); err != nil {
				return sample{}, err
			}
		}
		if peer == gofrs {
			n /= 4
		}
		variants := map[string]string{"lock": peer}
		if peer == ours {
			variants["slot"] = oursSlots
		}
		for key, variant := range variants {
			failed, err := b.failedTries(variant, n)
			if err != nil {
				return sample{}, err
			}
			s.values[key+load] = []float64{float64(failed)}
		}
		s.values["tries"+load] = []float64{float64(n)}
	}
	return s, nil
}

// failedTries tries a free lock n times and counts the tries that fail. With a
// semaphore, each round tries all slots.
func (b *bench) failedTries(peer string, n int) (failed int, err error) {
	path := b.lockPath("falseheld")
	waiters := make([]*proc, falseHeldWaiters)
	for i := range waiters {
		if waiters[i], err = b.startReady(b.roleCommand("wait-and-cancel", peer, path)); err != nil {
			return 0, err
		}
		defer waiters[i].kill()
	}
	l, err := acquireAll(peer, path)
	if err != nil {
		return 0, err
	}
	for done := 0; done < n; done += slotsOf(peer) {
		if err := waitAndCancelAll(waiters); err != nil {
			return 0, err
		}
		if err := l.release(); err != nil {
			return 0, err
		}
		time.Sleep(randomDelay())
		more, err := reacquireAll(l, slotsOf(peer))
		if err != nil {
			return 0, err
		}
		failed += more
	}
	return failed, l.release()
}

// waitAndCancelAll makes all waiters wait and cancel, and returns when all have
// done so.
func waitAndCancelAll(waiters []*proc) error {
	for _, p := range waiters {
		if err := p.send("wait"); err != nil {
			return err
		}
	}
	for _, p := range waiters {
		if err := p.expect("canceled"); err != nil {
			return err
		}
	}
	return nil
}

// reacquireAll acquires the lock, or all slots, again: first with tries, which
// must succeed, and then the rest with waits. It counts the tries that failed.
func reacquireAll(l peerLock, n int) (failed int, err error) {
	for range n {
		ok, err := l.tryOnce()
		if err != nil {
			return 0, err
		}
		if !ok {
			failed++
		}
	}
	for range failed {
		err = errors.Join(err, l.acquire())
	}
	return failed, err
}

// waitAndCancel waits for the lock once for each line of its input, and cancels
// the wait after a random time, often before it sleeps.
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
		fmt.Println("canceled")
	}
}

// spin keeps all processors busy until its input ends.
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
