//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A result says whether and how a bug was found.
type result struct {
	bug   bug
	found bool
	by    string // the violation, or the test
	after time.Duration
	err   error // why it was not put in, or not found
}

func (r result) String() string {
	if !r.found {
		return fmt.Sprintf("%s: NOT FOUND: %v", r.bug.name, r.err)
	}
	return fmt.Sprintf("%s: found in %.1f s: %s", r.bug.name, r.after.Seconds(), r.by)
}

// tableOf returns the results in Markdown.
func tableOf(results []result) string {
	var b strings.Builder
	b.WriteString("| bug | kind | what went wrong | mended in | found | by |\n|---|---|---|---|---|---|\n")
	for _, r := range results {
		found, by := fmt.Sprintf("%.1f s", r.after.Seconds()), r.by
		if !r.found {
			found, by = "**no**", r.err.Error()
		}
		by = strings.ReplaceAll(strings.ReplaceAll(by, "\n", " "), "|", "\\|")
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", r.bug.name, r.bug.kind, r.bug.what, r.bug.mendedIn, found, by)
	}
	return b.String()
}

// look puts a bug into the tree, looks for it, and takes it out again. The error means that
// the bug is still in the tree.
func (t tree) look(ctx context.Context, b bug, tests bool) (result, error) {
	r := result{bug: b}
	if r.err = t.put(b); r.err != nil {
		return r, nil
	}
	if tests || b.mix == "" {
		r.test(t)
	} else {
		r.torture(ctx, t)
	}
	return r, t.takeOut(b)
}

// test looks for the bug with its test.
func (r *result) test(t tree) {
	if r.bug.test == "" {
		r.err = errors.New("it names no test")
		return
	}
	start := time.Now()
	r.err = t.test(r.bug)
	r.found, r.after, r.by = r.err == nil, time.Since(start), r.bug.test
}

// torture looks for the bug with the torture, which ends at the first violation.
func (r *result) torture(ctx context.Context, t tree) {
	program, err := t.build()
	if err != nil {
		r.err = err
		return
	}
	ctx, cancel := context.WithTimeout(ctx, r.bug.within+graceTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "-length", r.bug.within.String(), "-mix", r.bug.mix, "-dir", filepath.Dir(t.dir))
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // it ends its processes
	cmd.WaitDelay = graceTime
	var report strings.Builder
	cmd.Stderr = &report
	start := time.Now()
	err = cmd.Run()
	r.after = time.Since(start)
	exit := (*exec.ExitError)(nil)
	switch {
	case err == nil:
		r.err = fmt.Errorf("the torture found nothing in %v", r.after.Round(time.Second))
	case errors.As(err, &exit) && exit.ExitCode() == statusViolation, violation.MatchString(report.String()):
		r.found, r.by = true, violationsIn(report.String()) // also if it could not end its processes then
		r.after = min(r.after, afterIn(report.String()))
	default:
		r.err = fmt.Errorf("the torture failed: %w: %s", err, lastLine(report.String()))
	}
}

// statusViolation is the exit status of the torture after a violation.
const statusViolation = 1

// graceTime is how long the torture may go on after its length: the last round has to end.
const graceTime = time.Minute

// violation matches what the torture prints about a violation.
var violation = regexp.MustCompile(`VIOLATION after (\S+) .*, kept in [^:]*: (([a-zA-Z -]+): .*)`)

// violationsIn returns the names of the checks that found something, and what the first of
// them found.
func violationsIn(report string) string {
	found := violation.FindAllStringSubmatch(report, -1)
	if found == nil {
		return lastLine(report)
	}
	var others []string
	for _, v := range found {
		if check := v[3]; check != found[0][3] && !slices.Contains(others, check) {
			others = append(others, check)
		}
	}
	if len(others) == 0 {
		return found[0][2]
	}
	return fmt.Sprintf("%s (and %s)", found[0][2], strings.Join(others, ", "))
}

// afterIn returns when the first violation was found, after the start of the torture.
func afterIn(report string) time.Duration {
	if v := violation.FindStringSubmatch(report); v != nil {
		if after, err := time.ParseDuration(v[1]); err == nil {
			return after
		}
	}
	return math.MaxInt64
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}
