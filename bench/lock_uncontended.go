//go:build linux

package main

import "fmt"

var uncontended = row{
	name:        "uncontended",
	description: "one process acquires and releases a lock in a loop, and no other process uses it",
	peers:       []string{ours, rawFlock, gofrs, lockedFile, jujuMutex, pyFilelock, portalocker, fasteners},
	rounds:      func(s scale) int { return s.uncontendedRounds },
	figures:     []figure{{name: "acquire and release", unit: nanoseconds, key: "each", reduce: median}},
	bounds: []bound{
		{figure: "acquire and release", against: gofrs, limit: 1.3, text: "≤ 1.3 ×"},
		{figure: "acquire and release", against: pyFilelock, limit: 1.0 / 3, text: "≤ 1/3"},
		{figure: "acquire and release", against: portalocker, limit: 1.0 / 3, text: "≤ 1/3"},
		{figure: "acquire and release", against: fasteners, limit: 1.0 / 3, text: "≤ 1/3"},
	},
	measure: measureUncontended,
}

func measureUncontended(b *bench, peer string) (sample, error) {
	n, variant := b.scale.ops, peer
	if pythonPackage[peer] != "" {
		n = b.scale.pythonOps
	}
	if peer == rawFlock {
		variant = rawReopened
	}
	p, err := b.role("uncontended", variant, b.lockPath("uncontended"), n)
	if err != nil {
		return sample{}, err
	}
	took, err := p.number()
	if err != nil {
		return sample{}, err
	}
	return sample{values: map[string][]float64{"each": {float64(took) / float64(n)}}}, nil
}

// acquireInLoop acquires and releases the lock n times and prints how long that
// took. n/10 times before do not count.
func acquireInLoop(peer, path string, args []string) error {
	var n int64
	if err := numberArgs(args, &n); err != nil {
		return err
	}
	l, err := newPeerLock(peer, path, false)
	if err != nil {
		return err
	}
	var start int64
	for i := -n / 10; i < n; i++ {
		if i == 0 {
			start = now()
		}
		if err := l.acquire(); err != nil {
			return err
		}
		if err := l.release(); err != nil {
			return err
		}
	}
	fmt.Println(now() - start)
	return nil
}
