//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"
)

const handoverHold = 2 * time.Millisecond

// handover is two processes that have the lock by turns. The one that has
// released it waits for a byte through a pipe, which says that the other one
// has it, before it asks again: so there is always exactly one that waits, and
// none is faster because it overtakes.
var handover = row{
	name:        "handover",
	description: "hand-over between two processes, 2 ms holds: from the call of release in one to acquired in the other",
	peers:       []string{ours, rawFlock, gofrs, lockedFile, jujuMutex, pyFilelock, portalocker, fasteners},
	rounds:      func(s scale) int { return s.handoverRounds },
	figures: []figure{
		{name: "hand-over, p50", unit: nanoseconds, key: "handover", reduce: quantile(0.5)},
		{name: "hand-over, p99", unit: nanoseconds, key: "handover", reduce: quantile(0.99)},
	},
	bounds: []bound{
		{figure: "hand-over, p50", against: rawFlock, limit: 1.5, text: "≤ 1.5 ×, aim at 1.3"},
		{figure: "hand-over, p50", against: lockedFile, limit: noBound, text: "for comparison"},
		{figure: "hand-over, p50", against: jujuMutex, limit: noBound, text: "for comparison"},
		{figure: "hand-over, p50", against: gofrs, limit: 1.0 / 20, text: "≤ 1/20"},
		{figure: "hand-over, p50", against: pyFilelock, limit: 1.0 / 100, text: "≤ 1/100"},
	},
	measure: measureHandover,
}

// handoversToWarmUp are not counted.
const handoversToWarmUp = 2

func measureHandover(b *bench, peer string) (sample, error) {
	n := b.scale.handovers
	if peer == gofrs || pythonPackage[peer] != "" {
		n = b.scale.slowHandovers
	}
	turns := n/2 + handoversToWarmUp
	one, two, err := b.alternate(peer, turns)
	if err != nil {
		return sample{}, err
	}
	var latencies []float64
	for i := range turns {
		mine, err := one.numbers(3)
		if err != nil {
			return sample{}, err
		}
		other, err := two.numbers(3)
		if err != nil {
			return sample{}, err
		}
		released, asked, acquired := mine[2], other[0], other[1]
		if acquired < released {
			return sample{}, fmt.Errorf("acquired %v before it was released", time.Duration(released-acquired))
		}
		if i >= handoversToWarmUp && asked < released {
			latencies = append(latencies, float64(acquired-released))
		}
	}
	if len(latencies) == 0 {
		return sample{}, errors.New("nobody waited when the lock was released")
	}
	return sample{values: map[string][]float64{"handover": latencies}}, nil
}

// alternate starts two processes that have the lock by turns, each with a pipe
// to the other.
func (b *bench) alternate(peer string, turns int) (one, two *proc, err error) {
	path := b.lockPath("handover")
	return b.startPair(
		b.roleCommand("alternate", peer, path, 1, turns, int64(handoverHold)),
		b.roleCommand("alternate", peer, path, 0, turns, int64(handoverHold)),
	)
}

// startPair starts two commands that say that they are ready, the second one
// first. Each reads from its descriptor 3 what the other writes to its 4.
func (b *bench) startPair(first, second *exec.Cmd) (one, two *proc, err error) {
	r1, w1, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer r1.Close()
	defer w1.Close()
	r2, w2, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer r2.Close()
	defer w2.Close()
	first.ExtraFiles = []*os.File{r2, w1}
	second.ExtraFiles = []*os.File{r1, w2}
	if two, err = b.startReady(second); err == nil {
		one, err = b.startReady(first)
	}
	return one, two, err
}

// startReady starts a command that says that it is ready.
func (b *bench) startReady(cmd *exec.Cmd) (*proc, error) {
	p, err := b.start(cmd)
	if err != nil {
		return nil, err
	}
	return p, p.expect("ready")
}

// alternate is one of the two.
func alternate(peer, path string, args []string) error {
	var first, turns, hold int64
	if err := numberArgs(args, &first, &turns, &hold); err != nil {
		return err
	}
	l, err := newPeerLock(peer, path, false)
	if err != nil {
		return err
	}
	other, tell := os.NewFile(3, "other"), os.NewFile(4, "tell")
	token := make([]byte, 1)
	times := make([][3]int64, turns) // asked, acquired, released
	fmt.Println("ready")
	for i := range times {
		if i > 0 || first == 0 { // the other one has it
			if _, err := other.Read(token); err != nil {
				return err
			}
		}
		times[i][0] = now()
		if err := l.acquire(); err != nil {
			return err
		}
		times[i][1] = now()
		if err := tellOther(tell, token, first == 1 || i < len(times)-1); err != nil {
			return err
		}
		sleep(hold)
		times[i][2] = now()
		if err := l.release(); err != nil {
			return err
		}
	}
	for _, t := range times {
		fmt.Println(t[0], t[1], t[2])
	}
	return nil
}

// tellOther says that the lock is held, if the other one is there to hear it.
func tellOther(tell *os.File, token []byte, there bool) error {
	if !there {
		return nil
	}
	_, err := tell.Write(token)
	return err
}
