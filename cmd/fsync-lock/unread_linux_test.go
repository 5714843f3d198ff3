package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// If no process reads the messages, the command still runs, and no longer than its limit.
func TestNobodyReads(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		args   []string
		status int
	}{
		{"verbose", []string{"--verbose", "a.lock", "sh", "-c", "exit 3"}, 3},
		{"journal", []string{"--journal", "missing/j", "a.lock", "sh", "-c", "exit 3"}, 3},
		{"limit", []string{"--verbose", "--max-runtime", ".1", "a.lock", "sleep", "1000"}, 124},
		{"kill", []string{"--verbose", "--max-runtime", "3", "--kill-after", ".1", "a.lock", "sh", "-c", "trap '' TERM; while :; do sleep .1; done"}, 137},
		{"conflict", []string{"--verbose", "-n", "held.lock", "true"}, 1},
		{"wrong", []string{"--no-such-option"}, 64},
	} {
		for how, pipe := range map[string]func(*testing.T) *os.File{"gone": goneReader, "full": fullPipe} {
			if how == "full" && c.name != "limit" && c.name != "kill" {
				continue // the write blocks, as in any program
			}
			t.Run(c.name+" "+how, func(t *testing.T) {
				t.Parallel()
				cmd := exec.Command("fsync-lock", c.args...)
				cmd.Dir = t.TempDir()
				hold(t, filepath.Join(cmd.Dir, "held.lock"))
				w := pipe(t)
				if cmd.Stderr = w; how == "gone" {
					cmd.Stdout = w
				}
				cmd.Run()
				if got := cmd.ProcessState.ExitCode(); got != c.status {
					t.Errorf("exit status %d (%v), want %d", got, cmd.ProcessState, c.status)
				}
			})
		}
	}
}

func goneReader(t *testing.T) *os.File {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	t.Cleanup(func() { w.Close() })
	return w
}

func fullPipe(t *testing.T) *os.File {
	_, w := filledPipe(t)
	return w
}

func filledPipe(t *testing.T) (r, w *os.File) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	fd := int(w.Fd())
	if err := syscall.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := syscall.Write(fd, make([]byte, 4096)); errors.Is(err, syscall.EAGAIN) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.SetNonblock(fd, false); err != nil {
		t.Fatal(err)
	}
	return r, w
}
