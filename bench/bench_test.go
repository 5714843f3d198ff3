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

	"github.com/fsync-lock/fsync/fileevent"
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

// newTestBench returns a small bench in dir, or in its default directories. It is
// closed when the test ends.
func newTestBench(ctx context.Context, t *testing.T, dir string) *bench {
	t.Helper()
	b, err := newBench(ctx, tinyScale, dir, testLog{t})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.close)
	return b
}

// Every row runs with every installed peer, and its figures are possible ones.
// The test does not check how fast the peers are.
func TestEveryRow(t *testing.T) {
	b := newTestBench(t.Context(), t, t.TempDir())
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
						continue // the peer has no such figure
					}
					if v := f.over(res.rounds[peer]); !possible(f, v) {
						t.Errorf("%s: %s = %v", peer, f.name, v)
					}
				}
			}
			if len(b.procs) > 0 {
				t.Errorf("%d processes still run", len(b.procs))
			}
		})
	}
	checkReport(t, b, results)
}

// possible reports whether a figure can be true. A negative time can be true: the
// overshoot of a wait that ended early.
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

// checkReport checks that the report has every figure and every peer, and no path
// and no host name of this machine.
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
			t.Errorf("the report does not contain %s", want)
		}
	}
	host, _ := os.Hostname()
	wd, _ := os.Getwd()
	for _, private := range []string{b.dir, b.markerDir, wd, filepath.Dir(wd), " " + host + " "} {
		if strings.Contains(text, private) {
			t.Errorf("the report contains %s", private)
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
		"p50":                 {quantile(0.5)(hundred), 50},
		"p99":                 {quantile(0.99)(hundred), 99},
		"p99 of one":          {quantile(0.99)([]float64{7}), 7},
		"p50 of three":        {quantile(0.5)([]float64{3, 1, 2}), 2},
		"median of two":       {median([]float64{1, 2}), 1.5},
		"median of three":     {median([]float64{9, 1, 2}), 2},
		"Jain, all equal":     {jain([]float64{3, 3, 3, 3}), 1},
		"Jain, all but one 0": {jain([]float64{3, 0, 0, 0}), 0.25},
		"least of mean":       {leastOfMean([]float64{1, 2, 3}), 0.5},
		"least of mean, 0":    {leastOfMean([]float64{0, 4}), 0},
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
			t.Errorf("%v ns is formatted as %s, want %s", v, got, want)
		}
	}
	for unit, want := range map[unit]string{count: "2048", byteCount: "2048 B", times: "2048.00 ×", share: "2048.000"} {
		if got := unit.format(2048); got != want {
			t.Errorf("2048 is formatted as %s, want %s", got, want)
		}
	}
	for v, want := range map[float64]string{1.37: "1.37 ×", 0.73: "0.73 ×", 0.05: "1/20", 0.00095: "1/1053"} {
		if got := formatRatio(v); got != want {
			t.Errorf("ratio %v is formatted as %s, want %s", v, got, want)
		}
	}
}

// judge takes the median of the rounds' ratios, knows upper and lower limits, and
// returns NaN if the peer of the bound was not measured or failed in some round.
func TestJudge(t *testing.T) {
	samples := func(values ...float64) (rounds []sample) {
		for _, v := range values {
			rounds = append(rounds, sample{values: map[string][]float64{"x": {v}}})
		}
		return rounds
	}
	res := result{
		row:    row{name: "r", figures: []figure{{name: "x", key: "x", reduce: median}}},
		rounds: map[string][]sample{ours: samples(10, 300, 40), gofrs: samples(10, 100, 10), lockedFile: samples(10)},
		failed: map[string]error{fasteners: errNotInstalled, lockedFile: errTimedOut},
	}
	for _, c := range []struct {
		bound   bound
		value   float64
		reached bool
	}{
		{bound{figure: "x", against: gofrs, limit: 3}, 3, true},
		{bound{figure: "x", against: gofrs, limit: 2.9}, 3, false},
		{bound{figure: "x", against: gofrs, limit: noBound}, 3, true},
		{bound{figure: "x", limit: 40}, 40, true},
		{bound{figure: "x", limit: 39, atLeast: true}, 40, true},
		{bound{figure: "x", limit: 41, atLeast: true}, 40, false},
		{bound{figure: "x", against: fasteners, limit: 2}, math.NaN(), false},
		{bound{figure: "x", against: lockedFile, limit: 2}, math.NaN(), false},
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

// Error messages in the report do not contain the directories of the bench, and
// close removes the directories.
func TestDirectories(t *testing.T) {
	b := newTestBench(t.Context(), t, "")
	m := describeMachine(b)
	if got := m.anonymous("open " + b.dir + "/a: open " + b.markerDir + "/b"); got != "open DIR/a: open DIR/b" {
		t.Error(got)
	}
	b.close()
	for _, dir := range []string{b.dir, b.markerDir} {
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("close did not remove %s: %v", dir, err)
		}
	}
}

// A peer that cannot run on this machine is not a failure.
func TestCannotRun(t *testing.T) {
	for err, want := range map[error]bool{errNotInstalled: true, errNotAllowed: true, errTimedOut: false} {
		res := result{row: row{name: "r", peers: []string{gofrs}}, failed: map[string]error{gofrs: fmt.Errorf("wrapped: %w", err)}}
		if got := failures([]result{res}) == nil; got != want {
			t.Errorf("%v is not a failure: %v, want %v", err, got, want)
		}
	}
}

// It is an error if a waiter wakes before the setter did anything, or if a wait
// returns without waiting.
func TestImpossibleWakes(t *testing.T) {
	b := newTestBench(t.Context(), t, t.TempDir())
	shell := func(script string) *proc {
		p, err := b.start(exec.Command("sh", "-c", script))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for woken, want := range map[string]bool{"9": false, "10": true} {
		waiter := &eventWaiter{proc: shell("echo " + woken + "; read line"), waiting: true}
		e := &eventProcs{setter: shell("read action; echo 10"), waiters: []*eventWaiter{waiter}}
		if latencies, lost, err := e.wake("set"); (err == nil) != want || lost > 0 {
			t.Errorf("set at 10, woken at %s: %v, %d lost, %v", woken, latencies, lost, err)
		}
	}
	if n, err := shell("echo 12").expectWaiting(); err == nil {
		t.Errorf("a process that did not wait: %d watchers", n)
	}
}

// acquireCanceled tells a canceled wait from one that acquired the lock and from
// one that failed, and measures the time since the cancellation.
func TestAcquireCanceled(t *testing.T) {
	canceled := peerLock{wait: func(ctx context.Context) error {
		<-ctx.Done()
		time.Sleep(5 * time.Millisecond)
		return fmt.Errorf("wrapped: %w", ctx.Err())
	}}
	for _, after := range []time.Duration{0, time.Millisecond} {
		if late, err := cancelWait(canceled, after); err != nil || late < 5*time.Millisecond || late > maxWait {
			t.Errorf("canceled after %v: %v, %v", after, late, err)
		}
	}
	free := peerLock{wait: func(ctx context.Context) error { return nil }}
	if _, acquired, err := acquireCanceled(free, time.Millisecond); !acquired || err != nil {
		t.Errorf("a free lock: %v, %v", acquired, err)
	}
	if _, err := cancelWait(free, time.Millisecond); err == nil {
		t.Error("cancelWait acquired a lock without an error")
	}
	failing := peerLock{wait: func(ctx context.Context) error { return errNotInstalled }}
	if _, err := cancelWait(failing, time.Millisecond); !errors.Is(err, errNotInstalled) {
		t.Error(err)
	}
}

// The libraries call Done of their context when they begin to wait, and not if they
// need not wait.
func TestOnWait(t *testing.T) {
	waits := func(wait func(context.Context) error) (began bool) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		wait(onWait(ctx, func() {
			began = true
			cancel()
		}))
		return began
	}
	dir := t.TempDir()
	for _, peer := range []string{ours, gofrs} {
		path := filepath.Join(dir, filepath.Base(peer))
		holder, err := newPeerLock(peer, path, false)
		if err != nil {
			t.Fatal(err)
		}
		waiter, err := newPeerLock(peer, path, false)
		if err != nil {
			t.Fatal(err)
		}
		if waits(holder.wait) {
			t.Errorf("%s: Done was called for a free lock", peer)
		}
		if !waits(waiter.wait) {
			t.Errorf("%s: Done was not called for a lock that is held", peer)
		}
		if err := holder.release(); err != nil { // until now the holder must not be garbage collected
			t.Errorf("%s: %v", peer, err)
		}
	}
	e := fileevent.New(filepath.Join(dir, "event"))
	if !waits(e.Wait) {
		t.Error("Done was not called for an event that is not set")
	}
	if err := e.Set(); err != nil {
		t.Fatal(err)
	}
	if waits(e.Wait) {
		t.Error("Done was called for an event that is set")
	}
}

// reacquireAll counts failed tries, and acquires as often as tries failed.
func TestReacquireAll(t *testing.T) {
	tries, acquired := []bool{true, false, true}, 0
	l := peerLock{
		tryOnce: func() (ok bool, err error) {
			ok, tries = tries[0], tries[1:]
			return ok, nil
		},
		acquire: func() error {
			acquired++
			return nil
		},
	}
	if failed, err := reacquireAll(l, 3); failed != 1 || acquired != 1 || err != nil {
		t.Errorf("%d tries failed, %d acquisitions afterwards: %v", failed, acquired, err)
	}
}

func TestOutOfOrder(t *testing.T) {
	if n := outOfOrder([]int{0, 1, 3, 2, 4, 5}); n != 1 {
		t.Errorf("one goroutine acquired out of order: %d", n)
	}
	if n := outOfOrder([]int{0, 1, 2}); n != 0 {
		t.Errorf("all goroutines acquired in order: %d", n)
	}
}

// blockedCalls counts a blocked call of flock(2) while it is blocked.
func TestBlockedCalls(t *testing.T) {
	before, err := blockedCalls()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "lock")
	holder, err := acquireAll(rawFlock, path)
	if err != nil {
		t.Fatal(err)
	}
	l, err := newPeerLock(rawFlock, path, false)
	if err != nil {
		t.Fatal(err)
	}
	acquired := make(chan error)
	go func() { acquired <- l.acquire() }()
	if err := awaitBlocked(path, 1); err != nil {
		t.Fatal(err)
	}
	if n, err := blockedCalls(); n != before+1 || err != nil {
		t.Errorf("%d blocked calls, %d before: %v", n, before, err)
	}
	if err := errors.Join(holder.release(), <-acquired); err != nil {
		t.Fatal(err)
	}
	if n, err := blockedCalls(); n != before || err != nil {
		t.Errorf("%d blocked calls afterwards, %d before: %v", n, before, err)
	}
}

// A bound can be for the figure of a peer.
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
	// Three holds begin at 0. The first ends at 10, and the fourth begins at 12.
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

// pulseCounts adds wake-ups, and its note says how many pulses lost some.
func TestPulseCounts(t *testing.T) {
	c := newPulseCounts()
	c.add(4, 0, 1)
	if s := c.sample(); s.note != "" {
		t.Error(s.note)
	}
	c.add(3, 1, 1)
	c.add(2, 2, 1)
	s := c.sample()
	if c.bad != 2 || sum(s.values["woken"]) != 9 || sum(s.values["lost"]) != 3 || !strings.HasPrefix(s.note, "2 of 3 ") {
		t.Errorf("%d bad pulses, %+v", c.bad, s)
	}
}

// All processes in the namespace together get as many inotify instances as the
// limit allows.
func TestInotifyLimit(t *testing.T) {
	b := newTestBench(t.Context(), t, t.TempDir())
	limit, err := b.newInotifyLimit(2)
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
	e, err := b.newEventProcs(bareFsnotify, path, 4, limit)
	if err != nil {
		t.Fatal(err)
	}
	if len(e.waiters) != 2 {
		t.Errorf("%d waiters got a watcher, want 2", len(e.waiters))
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
		t.Error("a row that does not exist was chosen")
	}
}

// The report of a canceled run has the cause instead of the error that the
// cancellation led to, and no verdicts.
func TestCanceledRun(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("canceled by the test")
	b := newTestBench(ctx, t, t.TempDir())
	interrupted := handover
	interrupted.measure = func(*bench, string) (sample, error) {
		cancel(cause)
		return sample{}, errors.New("the process was killed")
	}
	results := []result{b.run(interrupted), b.run(deadline)}
	if err := failures(results); !errors.Is(err, cause) || strings.Contains(err.Error(), "killed") {
		t.Error(err)
	}
	text := report(describeMachine(b), tinyScale, results)
	if strings.Contains(text, "reached") || strings.Contains(text, "MISSED") || !strings.Contains(text, cause.Error()) {
		t.Error(text)
	}
}

// The exit status tells a wrong command line from a failure, and incomplete
// results do not replace a file.
func TestExitStatus(t *testing.T) {
	results := filepath.Join(t.TempDir(), "results")
	if err := os.WriteFile(results, []byte("complete"), 0o666); err != nil {
		t.Fatal(err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		args   []string
		status int
		output string // a part of the standard output or the standard error
	}{
		{[]string{"-h"}, 0, "-quick"},
		{[]string{"-wrong"}, 2, "-wrong"},
		{[]string{"-only", "wrong"}, 2, `no row "wrong"`},
		{[]string{"wrong"}, 2, `unexpected argument "wrong"`},
		{[]string{"-only", "handover", "-dir", t.TempDir(), "-o", results}, 1, "context canceled"},
	} {
		var output bytes.Buffer
		if status := run(canceled, c.args, &output, &output); status != c.status || !strings.Contains(output.String(), c.output) {
			t.Errorf("bench %q: exit status %d, want %d, and %q in:\n%s", c.args, status, c.status, c.output, &output)
		}
	}
	if text, err := os.ReadFile(results); string(text) != "complete" || err != nil {
		t.Errorf("the results of a canceled run have replaced a file: %v", err)
	}
}
