//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
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
	b, err := newBench(t.Context(), tiny, t.TempDir(), testLog{t})
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	var results []result
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			res := b.run(r)
			results = append(results, res)
			for _, peer := range r.peers {
				if err := res.failed[peer]; errors.Is(err, errNotInstalled) {
					continue
				} else if err != nil {
					t.Errorf("%s: %v", peer, err)
					continue
				}
				if got, want := len(res.rounds[peer]), r.rounds(tiny); got != want {
					t.Errorf("%s: %d rounds, want %d", peer, got, want)
				}
				for _, f := range r.figures {
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
	checkReport(t, b, report(lookAtMachine(b), tiny, results))
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
	return -1e6 < v && v < ns(patience)
}

// The report has every row and every peer, and nothing of this machine that
// is private.
func checkReport(t *testing.T, b *bench, text string) {
	for _, want := range append(rowNames(rows), allPeers...) {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in the report", want)
		}
	}
	host, _ := os.Hostname()
	wd, _ := os.Getwd()
	for _, private := range []string{b.dir, wd, filepath.Dir(wd), " " + host + " "} {
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
		row:    row{name: "r", figures: []figure{{name: "x", list: "x", reduce: median}}},
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
		{bound{figure: "x", limit: 20}, 20, true},
		{bound{figure: "x", limit: 19, atLeast: true}, 20, true},
		{bound{figure: "x", limit: 21, atLeast: true}, 20, false},
		{bound{figure: "x", against: fasteners, limit: 2}, math.NaN(), false},
	} {
		value, reached := res.judge(c.bound)
		if reached != c.reached || value != c.value && !(math.IsNaN(value) && math.IsNaN(c.value)) {
			t.Errorf("%+v: %v, %v; want %v, %v", c.bound, value, reached, c.value, c.reached)
		}
	}
}

func TestChoose(t *testing.T) {
	chosen, err := choose(rows, "writer,handover")
	if err != nil || strings.Join(rowNames(chosen), " ") != "writer handover" {
		t.Error(rowNames(chosen), err)
	}
	if _, err := choose(rows, "writer,nothing"); err == nil {
		t.Error("there is no row nothing")
	}
}

// A run that is ended says so, and shows no figures that it has not got.
func TestEndedRun(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("that is enough")
	b, err := newBench(ctx, tiny, t.TempDir(), testLog{t})
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	cancel(cause)
	results := []result{b.run(deadline), b.run(handover)}
	if err := failures(results); !errors.Is(err, cause) {
		t.Error(err)
	}
	text := report(lookAtMachine(b), tiny, results)
	if strings.Contains(text, "reached") || strings.Contains(text, "MISSED") || !strings.Contains(text, cause.Error()) {
		t.Error(text)
	}
}
