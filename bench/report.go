//go:build linux

package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// report returns the results in Markdown. It contains no path and no host name of
// this machine.
func report(m machine, s scale, results []result) string {
	var text strings.Builder
	text.WriteString("# Results\n\nMeasured by `go run .` in this folder; README.md explains the rows and how to read the results.\n\n")
	text.WriteString(m.String())
	if s.name != fullScale.name {
		fmt.Fprintf(&text, "\nThis was a **%s** run, with fewer rounds, processes and seconds than the rows say. Do not draw conclusions from it.\n", s.name)
	}
	for _, g := range groups {
		if mine := g.among(results); len(mine) > 0 {
			if bounds := boundsTable(mine); len(bounds) > 1 {
				fmt.Fprintf(&text, "\n## Bounds of %s\n\n%v", g.name, bounds)
			}
			fmt.Fprintf(&text, "\n## Figures of %s\n\n%v%s", g.name, figuresTable(mine, g.peers), remarks(m, mine))
		}
	}
	return text.String()
}

// among returns the results of a group's rows.
func (g group) among(results []result) (mine []result) {
	for _, res := range results {
		if slices.Contains(rowNames(g.rows), res.row.name) {
			mine = append(mine, res)
		}
	}
	return mine
}

// boundsTable returns a table with a line for each bound.
func boundsTable(results []result) table {
	t := table{{"row", "figure", "ours", "peer", "peer's figure", "ratio", "bound", ""}}
	for _, res := range results {
		for _, bd := range res.row.bounds {
			f := res.figure(bd.figure)
			value, reached := res.judge(bd)
			peer, peerFigure, ratio := "", "", ""
			if bd.against != "" {
				peer, peerFigure, ratio = bd.against, res.cell(f, bd.against), formatRatio(value)
			}
			name := bd.figure
			if bd.of != "" {
				name += "; " + bd.of
			}
			t = append(t, []string{res.row.name, name, res.cell(f, bd.peer()), peer, peerFigure, ratio, bd.text, bd.verdict(value, reached)})
		}
	}
	return t
}

func (bd bound) verdict(value float64, reached bool) string {
	switch {
	case math.IsNaN(value):
		return "not run"
	case bd.limit == noBound:
		return ""
	case reached:
		return "reached"
	}
	return "**MISSED**"
}

// formatRatio formats a ratio below 0.5 as a fraction, as the bounds are written.
func formatRatio(v float64) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case v < 1.0/999.5: // %.3g would write 1/1e+03
		return fmt.Sprintf("1/%.0f", 1/v)
	case v < 0.5:
		return fmt.Sprintf("1/%.3g", 1/v)
	}
	return fmt.Sprintf("%.2f ×", v)
}

// figuresTable returns a table with a line for each figure and a column for each
// peer.
func figuresTable(results []result, peers []string) table {
	t := table{append([]string{"row", "figure"}, peers...)}
	for _, res := range results {
		for _, f := range res.row.figures {
			line := []string{res.row.name, f.name}
			for _, peer := range peers {
				line = append(line, res.cell(f, peer))
			}
			t = append(t, line)
		}
	}
	return t
}

// cell returns a peer's figure, or why it has none.
func (res result) cell(f figure, peer string) string {
	rounds, err := res.rounds[peer], res.failed[peer]
	switch {
	case cannotRun(err):
		return "not run"
	case err != nil:
		return "failed"
	case len(rounds) == 0, rounds[0].values[f.key] == nil:
		return ""
	}
	text := f.unit.format(f.over(rounds))
	for _, s := range rounds {
		if strings.HasPrefix(s.note, "starved") {
			return "starved; " + text
		}
	}
	return text
}

// remarks returns a list of the descriptions, errors and notes of the rows.
func remarks(m machine, results []result) string {
	var list []string
	for _, res := range results {
		list = append(list, fmt.Sprintf("%s: %s; rounds: %d.", res.row.name, res.row.description, len(res.rounds[ours])))
		for _, peer := range res.row.peers {
			if err := res.failed[peer]; err != nil {
				list = append(list, fmt.Sprintf("%s, %s: %s: %s.", res.row.name, peer, res.cell(res.row.figures[0], peer), m.anonymous(err.Error())))
			}
			for i, s := range res.rounds[peer] {
				if s.note != "" {
					list = append(list, fmt.Sprintf("%s, %s, round %d: %s.", res.row.name, peer, i+1, s.note))
				}
			}
		}
	}
	return "\n- " + strings.Join(list, "\n- ") + "\n"
}

// A table is lines of cells. The first line is the header.
type table [][]string

func (t table) String() string {
	var text strings.Builder
	for i, line := range t {
		text.WriteString("| " + strings.Join(line, " | ") + " |\n")
		if i == 0 {
			text.WriteString(strings.Repeat("|---", len(line)) + "|\n")
		}
	}
	return text.String()
}

func today() string { return time.Now().UTC().Format("2006-01-02 15:04 UTC") }
