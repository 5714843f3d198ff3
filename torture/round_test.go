//go:build linux

package main

import (
	"bytes"
	"context"
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
	for _, mix := range []string{"small,calm", "small,kill,unlink,stop"} {
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
