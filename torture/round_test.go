//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"
)

// The test program plays the processes of a round, too.
func TestMain(m *testing.M) {
	if role := os.Getenv(roleVar); role != "" {
		os.Exit(playRole(role, os.Args[1:]))
	}
	os.Exit(m.Run())
}

// A short round of each kind has no violation, and the report counts what it did.
func TestRound(t *testing.T) {
	t.Parallel()
	for _, mix := range []string{"small,calm", "small,kill,unlink,stop", "small,slow-calls"} {
		t.Run(mix, func(t *testing.T) {
			t.Parallel()
			var out, errs bytes.Buffer
			if status := run(context.Background(), []string{"-seed", "7", "-round", "1", "-mix", mix, "-dir", t.TempDir()}, &out, &errs); status != 0 {
				t.Fatalf("status %d\n%s\n%s", status, errs.String(), out.String())
			}
			for _, want := range []string{"| seed | 7 |", "| rounds | 1, ", "| acquire | ", "| violations | 0 |"} {
				if !strings.Contains(out.String(), want) {
					t.Errorf("the report does not contain %q:\n%s", want, out.String())
				}
			}
		})
	}
}

// If the torture itself fails in a round, the report says so, and a run goes on only if it is
// asked to.
func TestSpoiledRound(t *testing.T) {
	t.Parallel()
	m, err := parseMix("small,calm,alone,exclusive")
	must(t, err)
	r, err := newRound(newPlan(7, 1, m), m, t.TempDir())
	must(t, err)
	r.trouble(errors.New("no such luck"))
	all := newReport(7, "")
	var errs bytes.Buffer
	all.check(r, func() {}, false, &errs)
	if !strings.Contains(all.text(), "says nothing: round 1: no such luck") || !strings.Contains(errs.String(), "no such luck") || all.rounds != 0 {
		t.Errorf("%s\n%s", errs.String(), all.text())
	}
	if !all.hasFailed(false) || all.hasFailed(true) {
		t.Error("when a run ends")
	}
	all.spoiled = make([]string, mostSpoiled)
	if !all.hasFailed(true) {
		t.Error("a run in which each round fails does not end")
	}
}
