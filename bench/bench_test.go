//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	if isRole() {
		os.Exit(playRole(os.Args[1:]))
	}
	os.Exit(m.Run())
}

type testLog struct{ testing.TB }

func (l testLog) Write(p []byte) (int, error) {
	l.Logf("%s", bytes.TrimSpace(p))
	return len(p), nil
}

// Every row runs with every peer that is there, and what comes out is
// possible. How fast anybody is, is not this test's business.
func TestEveryRow(t *testing.T) {
	b, err := newBench(t.Context(), tinyScale, t.TempDir(), testLog{t})
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	var results []result
	for _, r := range allRows() {
		t.Run(r.name, func(t *testing.T) {
			res := b.run(r)
			results = append(results, res)
			for _, peer := range r.peers {
				if err := res.failed[peer]; cannotRun(err) {
					continue
				} else if err != nil {
					t.Errorf("%s: %v", peer, err)
					continue
				}
				if got, want := len(res.rounds[peer]), r.rounds(tinyScale); got != want {
					t.Errorf("%s: %d rounds, want %d", peer, got, want)
				}
				for _, f := range r.figures {
					if peer != r.peers[0] && res.rounds[peer][0].values[f.key] == nil {
						continue // the peer has no such thing
					}
					if v := f.over(res.rounds[peer]); !possible(f, v) {
						t.Errorf("%s: %s = %v", peer, f.name, v)
					}
				}
			}
			if len(b.procs) > 0 {
				t.Errorf("%d processes are left", len(b.procs))
			}
		})
	}
	checkReport(t, b, results)
}

// possible reports whether a figure can be true. The least overshoot may be
// below 0: then a peer was early.
func possible(f figure, v float64) bool {
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return false
	case f.unit == share:
		return 0 <= v && v <= 1
	case f.unit == count:
		return 0 <= v && v <= 1e6
	}
	return -1e6 < v && v < ns(maxWait)
}

// The report has every row and every peer, and nothing of this machine that
// is private.
func checkReport(t *testing.T, b *bench, results []result) {
	text := report(describeMachine(b), tinyScale, results)
	wanted := slices.Clone(allPeers)
	for _, res := range results {
		for _, f := range res.row.figures {
			wanted = append(wanted, "| "+res.row.name+" | "+f.name+" |")
		}
	}
	for _, want := range wanted {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in the report", want)
		}
	}
	host, _ := os.Hostname()
	wd, _ := os.Getwd()
	for _, private := range []string{b.dir, b.markerDir, wd, filepath.Dir(wd), " " + host + " "} {
		if strings.Contains(text, private) {
			t.Errorf("the report names %s", private)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

func TestStatistics(t *testing.T) {
	hundred := make([]float64, 100)
	for i := range hundred {
		hundred[i] = float64(100 - i)
	}
	for name, c := range map[string]struct{ got, want float64 }{
		"p50":                   {quantile(0.5)(hundred), 50},
		"p99":                   {quantile(0.99)(hundred), 99},
		"p99 of one":            {quantile(0.99)([]float64{7}), 7},
		"median of two":         {median([]float64{1, 2}), 1.5},
		"median of three":       {median([]float64{9, 1, 2}), 2},
		"Jain, all the same":    {jain([]float64{3, 3, 3, 3}), 1},
		"Jain, one has all":     {jain([]float64{3, 0, 0, 0}), 0.25},
		"least served":          {leastServed([]float64{1, 2, 3}), 0.5},
		"least served, starved": {leastServed([]float64{0, 4}), 0},
	} {
		if c.got != c.want {
			t.Errorf("%s = %v, want %v", name, c.got, c.want)
		}
	}
}

func TestFormat(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 7: "7.00 ns", 12.34: "12.3 ns", 999.6: "1.00 µs", 35_600: "35.6 µs", 1.55e6: "1.55 ms", 12e9: "12.0 s", -2e6: "-2.00 ms",
	} {
		if got := formatDuration(v); got != want {
			t.Errorf("%v ns is shown as %s, want %s", v, got, want)
		}
	}
	for unit, want := range map[unit]string{count: "2048", byteCount: "2048 B", times: "2048.00 ×", share: "2048.000"} {
		if got := unit.format(2048); got != want {
			t.Errorf("2048 is shown as %s, want %s", got, want)
		}
	}
	for v, want := range map[float64]string{1.37: "1.37 ×", 0.73: "0.73 ×", 0.05: "1/20"} {
		if got := formatRatio(v); got != want {
			t.Errorf("ratio %v is shown as %s, want %s", v, got, want)
		}
	}
}

// A bound is judged by the rounds' ratios, in the right direction, and not at
// all without its peer.
func TestJudge(t *testing.T) {
	one := func(values ...float64) (rounds []sample) {
		for _, v := range values {
			rounds = append(rounds, sample{values: map[string][]float64{"x": {v}}})
		}
		return rounds
	}
	res := result{
		row:    row{name: "r", figures: []figure{{name: "x", key: "x", reduce: median}}},
		rounds: map[string][]sample{ours: one(10, 300, 20), gofrs: one(10, 100, 10)},
		failed: map[string]error{fasteners: errNotInstalled},
	}
	for _, c := range []struct {
		bound   bound
		value   float64
		reached bool
	}{
		{bound{figure: "x", against: gofrs, limit: 2}, 2, true},
		{bound{figure: "x", against: gofrs, limit: 1.9}, 2, false},
		{bound{figure: "x", against: gofrs, limit: noBound}, 2, true},
		{bound{figure: "x", limit: 20}, 20, true},
		{bound{figure: "x", limit: 19, atLeast: true}, 20, true},
		{bound{figure: "x", limit: 21, atLeast: true}, 20, false},
		{bound{figure: "x", against: fasteners, limit: 2}, math.NaN(), false},
	} {
		value, reached := res.judge(c.bound)
		if verdict := c.bound.verdict(value, reached); (verdict == "") != (c.bound.limit == noBound) {
			t.Errorf("%+v: verdict %q", c.bound, verdict)
		}
		if reached != c.reached || value != c.value && !(math.IsNaN(value) && math.IsNaN(c.value)) {
			t.Errorf("%+v: %v, %v; want %v, %v", c.bound, value, reached, c.value, c.reached)
		}
	}
}

// What is private is taken out of what the system says, and what a bench has
// made is removed.
func TestDirectories(t *testing.T) {
	b, err := newBench(t.Context(), tinyScale, "", testLog{t})
	if err != nil {
		t.Fatal(err)
	}
	m := describeMachine(b)
	if got := m.anonymous("open " + b.dir + "/a: open " + b.markerDir + "/b"); got != "open DIR/a: open DIR/b" {
		t.Error(got)
	}
	b.close()
	for _, dir := range []string{b.dir, b.markerDir} {
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left: %v", dir, err)
		}
	}
}

// Who cannot run on a machine has not failed.
func TestCannotRun(t *testing.T) {
	for err, want := range map[error]bool{errNotInstalled: true, errNotAllowed: true, errTimedOut: false} {
		res := result{row: row{name: "r", peers: []string{gofrs}}, failed: map[string]error{gofrs: fmt.Errorf("of course: %w", err)}}
		if got := failures([]result{res}) == nil; got != want {
			t.Errorf("%v is no failure: %v", err, got)
		}
	}
}

// A waiter that is awake before anybody has done anything is found out.
func TestWokenByNothing(t *testing.T) {
	b, err := newBench(t.Context(), tinyScale, t.TempDir(), testLog{t})
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	says := func(script string) *proc {
		p, err := b.start(exec.Command("sh", "-c", script))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for woken, want := range map[string]bool{"9": false, "10": true} {
		c := &eventProcs{setter: says("read what; echo 10"), waiters: []*proc{says("echo " + woken + "; read line")}}
		if took, err := c.wake("set", []bool{true}, maxWait); (err == nil) != want {
			t.Errorf("set at 10, awake at %s: %v, %v", woken, took, err)
		}
	}
	if n, err := says("echo 12").asleep(); err == nil {
		t.Errorf("a wait that did not sleep: %d", n)
	}
}

// A wait that is given up is not one that got the lock, and the time is from the
// end of the context.
func TestAbandon(t *testing.T) {
	obedient := peerLock{wait: func(ctx context.Context) error {
		<-ctx.Done()
		time.Sleep(5 * time.Millisecond)
		return fmt.Errorf("given up: %w", ctx.Err())
	}}
	for _, after := range []time.Duration{0, time.Millisecond} {
		if late, err := cancelWait(obedient, after); err != nil || late < 5*time.Millisecond || late > maxWait {
			t.Errorf("given up after %v: %v, %v", after, late, err)
		}
	}
	lucky := peerLock{wait: func(ctx context.Context) error { return nil }}
	if _, has, err := acquireCanceled(lucky, time.Millisecond); !has || err != nil {
		t.Errorf("got the lock: %v, %v", has, err)
	}
	if _, err := cancelWait(lucky, time.Millisecond); err == nil {
		t.Error("got a lock that was held")
	}
	failing := peerLock{wait: func(ctx context.Context) error { return errNotInstalled }}
	if _, err := cancelWait(failing, time.Millisecond); !errors.Is(err, errNotInstalled) {
		t.Error(err)
	}
}

// Tries that fail are counted, and everything is held again afterwards.
func TestTryAll(t *testing.T) {
	tries, acquired := []bool{true, false, true}, 0
	l := peerLock{
		once: func() (ok bool, err error) {
			ok, tries = tries[0], tries[1:]
			return ok, nil
		},
		acquire: func() error {
			acquired++
			return nil
		},
	}
	if held, err := reacquireAll(l, 3); held != 1 || acquired != 1 || err != nil {
		t.Errorf("%d tries failed, %d locks acquired afterwards: %v", held, acquired, err)
	}
}

// A call of this process that is blocked in flock(2) is found.
func TestBlockedHere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	holder, err := acquireAll(rawFlock, path)
	if err != nil {
		t.Fatal(err)
	}
	l, err := newPeerLock(rawFlock, path, false)
	if err != nil {
		t.Fatal(err)
	}
	before, err := blockedCalls()
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan error)
	go func() { got <- l.acquire() }()
	if err := awaitBlocked(path, 1); err != nil {
		t.Fatal(err)
	}
	if n, err := blockedCalls(); n != before+1 || err != nil {
		t.Errorf("%d blocked calls, %d before: %v", n, before, err)
	}
	if err := errors.Join(holder.release(), <-got); err != nil {
		t.Fatal(err)
	}
	if n, err := blockedCalls(); n != before || err != nil {
		t.Errorf("%d blocked calls afterwards, %d before: %v", n, before, err)
	}
}

// A bound can be somebody else's than ours.
func TestJudgeOf(t *testing.T) {
	res := result{
		row: row{name: "r", figures: []figure{{name: "x", key: "x", reduce: sum}}},
		rounds: map[string][]sample{
			ours:        {{values: map[string][]float64{"x": {0}}}},
			oursPolling: {{values: map[string][]float64{"x": {3}}}},
		},
	}
	if value, reached := res.judge(bound{figure: "x", of: oursPolling, limit: 2}); value != 3 || reached {
		t.Errorf("%v, %v", value, reached)
	}
}

func TestSlots(t *testing.T) {
	// Three slots from 0 to 10; the fourth holder comes 2 after the first release.
	acquired, released := []int64{0, 0, 0, 12}, []int64{20, 10, 20, 25}
	if got := slotsUsed(acquired, released, 0, 20); got != (10+20+20+8)/60.0 {
		t.Errorf("used: %v", got)
	}
	got, err := slotHandovers(acquired, released)
	if err != nil || len(got) != 1 || got[0] != 2 {
		t.Errorf("hand-overs: %v, %v", got, err)
	}
	if _, err := slotHandovers([]int64{0, 0, 0, 9}, []int64{10, 20, 20, 20}); err == nil {
		t.Error("four holders of three slots")
	}
}

// What did not come is counted, and given up on.
func TestTally(t *testing.T) {
	n := newPulseCounts()
	n.add(4, 0, 1)
	if s := n.sample(); s.note != "" {
		t.Error(s.note)
	}
	for range maxLost {
		if n.givenUp() {
			t.Error("given up too early")
		}
		n.add(3, 1, 1)
	}
	s := n.sample()
	if !n.givenUp() || sum(s.values["woken"]) != 4+3*maxLost || sum(s.values["lost"]) != maxLost || s.note == "" {
		t.Errorf("%v, %+v", n.givenUp(), s)
	}
}

// Behind the fence there are as many watchers as it says, for all processes
// together.
func TestFence(t *testing.T) {
	b, err := newBench(t.Context(), tinyScale, t.TempDir(), testLog{t})
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	f, err := b.newInotifyLimit(2)
	if cannotRun(err) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	path, err := b.markerPath("inotify-limit")
	if err != nil {
		t.Fatal(err)
	}
	c, err := b.newEventProcs(bareFsnotify, path, 4, f)
	if err != nil || len(c.waiters) != 2 {
		t.Fatalf("%d waiters with a watcher: %v", len(c.waiters), err)
	}
}

func TestChoose(t *testing.T) {
	if chosen, err := choose("events"); err != nil || strings.Join(rowNames(chosen), " ") != strings.Join(rowNames(groups[1].rows), " ") {
		t.Error(rowNames(chosen), err)
	}
	chosen, err := choose("writer,handover")
	if err != nil || strings.Join(rowNames(chosen), " ") != "writer handover" {
		t.Error(rowNames(chosen), err)
	}
	if _, err := choose("writer,nothing"); err == nil {
		t.Error("there is no row nothing")
	}
}

// A run that is ended says so, and shows no figures that it has not got.
func TestEndedRun(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("that is enough")
	b, err := newBench(ctx, tinyScale, t.TempDir(), testLog{t})
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	cancel(cause)
	results := []result{b.run(deadline), b.run(handover)}
	if err := failures(results); !errors.Is(err, cause) {
		t.Error(err)
	}
	text := report(describeMachine(b), tinyScale, results)
	if strings.Contains(text, "reached") || strings.Contains(text, "MISSED") || !strings.Contains(text, cause.Error()) {
		t.Error(text)
	}
}
