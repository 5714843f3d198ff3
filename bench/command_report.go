//go:build linux

package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

var statusReport = row{
	name:        "report",
	description: "`fsync-status --report` of a journal of 1000000 runs with 20 locks in half a year: the size of the page, the resident memory and the time",
	peers:       []string{ours},
	rounds:      func(s scale) int { return s.reportRounds },
	figures: []figure{
		{name: "page size", unit: byteCount, key: "page", reduce: median},
		{name: "resident memory, max", unit: byteCount, key: "resident", reduce: median},
		{name: "time", unit: nanoseconds, key: "time", reduce: median},
		{name: "CPU time", unit: nanoseconds, key: "cpu", reduce: median},
	},
	bounds: []bound{
		{figure: "page size", limit: 5e6, text: "≤ 5 MB"},
		{figure: "resident memory, max", limit: 200e6, text: "≤ 200 MB"},
		{figure: "time", limit: ns(15 * time.Second), text: "≤ 15 s"},
	},
	measure: measureReport,
}

func measureReport(b *bench, _ string) (sample, error) {
	command, err := b.command("fsync-status")
	if err != nil {
		return sample{}, err
	}
	path := filepath.Join(b.dir, "runs.jsonl")
	defer os.Remove(path)
	if err := writeRuns(path, b.scale.reportRuns); err != nil {
		return sample{}, err
	}
	page, err := os.Create(filepath.Join(b.dir, "runs.html"))
	if err != nil {
		return sample{}, err
	}
	defer os.Remove(page.Name())
	defer page.Close()
	cmd := exec.CommandContext(b.ctx, command, "--report", path)
	cmd.Stdout = page
	took, err := timed(cmd)
	if err != nil {
		return sample{}, err
	}
	info, err := page.Stat()
	if err != nil {
		return sample{}, err
	}
	used := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return sample{values: map[string][]float64{
		"page": {float64(info.Size())}, "resident": {float64(used.Maxrss << 10)}, "time": {ns(took)},
		"cpu": {ns(cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime())},
	}}, nil
}

// writeRuns writes a journal of n runs, some of which wait, fail, are killed or are
// skipped. It does not use journal.Append, which opens and locks the file for each
// line: that would take minutes.
func writeRuns(path string, n int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range n {
		outcome, status, held := "ran", 0, i*7919%600
		switch i * 7907 % 1000 {
		case 0, 1, 2:
			status = 1
		case 3:
			outcome, status = "killed", 124
		case 4, 5:
			outcome, status, held = "skipped", 1, 0
		}
		fmt.Fprintf(w, `{"fsync_run":1,"start":"%s","lock":"/run/lock/fsync/job-%d.lock","name":"job-%[2]d","command":["/usr/local/bin/job","--number","%d"],"pid":%d,"host":"web%d","waited_seconds":%d.25,"held_seconds":%d.5,"outcome":"%s","exit_status":%d}`+"\n",
			start.Add(time.Duration(i)*16*time.Second).Format(time.RFC3339Nano), i%20, i, i%30000+1000, i%300, i%5, held, outcome, status)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}
