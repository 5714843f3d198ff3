//go:build linux

package main

import (
	"cmp"
	"fmt"
	"math"
	"strings"
	"time"
)

// A row is one measurement that is made with several peers.
type row struct {
	name        string
	description string
	peers       []string // ours first
	figures     []figure
	bounds      []bound
	rounds      func(scale) int                      // how many
	measure     func(*bench, string) (sample, error) // one peer, one round
}

// A group is the rows of one section of the results. They share their peers.
type group struct {
	name  string
	peers []string // the columns
	rows  []row
}

var groups = []group{
	{"locks", lockPeers, []row{handover, uncontended, fairness, writer, waiting, crowd, killed, killedGroup, deadline, cancel, leftovers, falseHeld, semaphore}},
	{"events", eventPeers, []row{wake, pulse, fanout, processes, many, changes, busy, take}},
	{"commands", commandPeers, []row{wrap, wrapHandover, wrapWaiting, wrapCrowd, wrapRace, status, statusReport}},
}

func allRows() (rows []row) {
	for _, g := range groups {
		rows = append(rows, g.rows...)
	}
	return rows
}

// A sample is the result of one round with one peer: lists of values by key, and
// a note.
type sample struct {
	values map[string][]float64
	note   string
}

// A figure is a number that is computed from samples.
type figure struct {
	name   string
	unit   unit
	key    string                  // of the sample's values
	reduce func([]float64) float64 // computes the figure from the values
	pooled bool                    // computed from the values of all rounds together; otherwise the median of the rounds' figures
}

func (f figure) of(s sample) float64 { return f.reduce(s.values[f.key]) }

// over returns the figure over all rounds.
func (f figure) over(rounds []sample) float64 {
	var values []float64
	for _, s := range rounds {
		if f.pooled {
			values = append(values, s.values[f.key]...)
		} else {
			values = append(values, f.of(s))
		}
	}
	if f.pooled {
		return f.reduce(values)
	}
	return median(values)
}

// ratio returns the ratio of one peer's figure to another's. It is the median of
// the ratios of all rounds, because a disturbance in a round disturbs both peers.
func (f figure) ratio(a, b []sample) float64 {
	if f.pooled {
		return f.over(a) / f.over(b)
	}
	var ratios []float64
	for i := range min(len(a), len(b)) {
		ratios = append(ratios, f.of(a[i])/f.of(b[i]))
	}
	return median(ratios)
}

// A bound is a limit for a figure, or for the ratio of the figure to a peer's.
type bound struct {
	figure  string
	of      string // the peer whose figure it is; empty = ours
	against string // the peer to compare with; empty = the limit is for the figure itself
	limit   float64
	atLeast bool   // the limit is a lower bound
	text    string // the limit as the results show it
}

// noBound is the limit of a ratio that is only reported.
var noBound = math.Inf(1)

func (bd bound) peer() string { return cmp.Or(bd.of, ours) }

// A result is all samples of a row.
type result struct {
	row    row
	rounds map[string][]sample // by peer
	failed map[string]error    // why a peer has no samples, or too few
}

func (res result) figure(name string) figure {
	for _, f := range res.row.figures {
		if f.name == name {
			return f
		}
	}
	panic("no figure " + name + " in " + res.row.name)
}

// judge compares a bound to the samples. The value is NaN if a peer that the bound
// needs was not measured.
func (res result) judge(bd bound) (value float64, reached bool) {
	f := res.figure(bd.figure)
	if res.failed[bd.peer()] != nil || bd.against != "" && res.failed[bd.against] != nil {
		return math.NaN(), false
	}
	if bd.against == "" {
		value = f.over(res.rounds[bd.peer()])
	} else {
		value = f.ratio(res.rounds[bd.peer()], res.rounds[bd.against])
	}
	if bd.atLeast {
		return value, value >= bd.limit
	}
	return value, value <= bd.limit
}

// A unit says how to format a figure.
type unit string

const (
	nanoseconds unit = "ns"
	share       unit = "share"
	count       unit = "count"
	times       unit = "times"
	byteCount   unit = "bytes"
)

func (u unit) format(v float64) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case u == share:
		return fmt.Sprintf("%.3f", v)
	case u == count:
		return fmt.Sprintf("%.0f", v)
	case u == times:
		return formatRatio(v)
	case u == byteCount:
		return fmt.Sprintf("%.0f B", v)
	}
	return formatDuration(v)
}

// formatDuration formats nanoseconds with three digits.
func formatDuration(ns float64) string {
	if ns == 0 {
		return "0"
	}
	scaled, suffix := ns, "ns"
	for _, next := range []string{"µs", "ms", "s"} {
		if math.Abs(scaled) < 999.5 {
			break
		}
		scaled, suffix = scaled/1000, next
	}
	digits := 2
	for limit := 9.995; digits > 0 && math.Abs(scaled) >= limit; limit *= 10 {
		digits--
	}
	return fmt.Sprintf("%.*f %s", digits, scaled, suffix)
}

// ns converts a duration to a value of a sample.
func ns(d time.Duration) float64 { return float64(d) }

func rowNames(rows []row) (names []string) {
	for _, r := range rows {
		names = append(names, r.name)
	}
	return names
}

// choose returns the rows in a list of names, separated by commas. The name of a
// group means all its rows.
func choose(names string) ([]row, error) {
	if names == "" {
		return allRows(), nil
	}
	byName := map[string][]row{}
	for _, g := range groups {
		byName[g.name] = g.rows
		for _, r := range g.rows {
			byName[r.name] = []row{r}
		}
	}
	var chosen []row
	for name := range strings.SplitSeq(names, ",") {
		rows, ok := byName[name]
		if !ok {
			return nil, fmt.Errorf("no row %q; there are %s", name, strings.Join(rowNames(allRows()), ", "))
		}
		chosen = append(chosen, rows...)
	}
	return chosen, nil
}
