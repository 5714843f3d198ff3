//go:build linux

package main

import (
	"math/rand/v2"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// strace accepts what delays returns for each seed. The process under it keeps its ID, and has a
// tracer, but no child.
func TestDelays(t *testing.T) {
	t.Parallel()
	if err := cannotDelay(); err != nil {
		t.Skip(err)
	}
	used := map[string]bool{}
	for seed := range uint64(12) {
		options := delays(rand.New(rand.NewPCG(seed, 0)), callClasses)
		if again := delays(rand.New(rand.NewPCG(seed, 0)), callClasses); !slices.Equal(options, again) {
			t.Errorf("%q and %q", options, again)
		}
		used[strings.Join(options, " ")] = true
		cmd := exec.Command("sh", "-c", tellAboutMe)
		wrap(cmd, slices.Concat(underStrace, options)...)
		out, err := cmd.Output()
		pid := strconv.Itoa(cmd.Process.Pid)
		if said := strings.Fields(string(out)); err != nil || len(said) != 2 || said[0] != pid || said[1] == "0" {
			t.Errorf("%q: process %s said %q: %v", options, pid, out, err)
		}
	}
	if len(used) < 10 {
		t.Errorf("only %d different delays for 12 seeds", len(used))
	}
}

// tellAboutMe prints the ID of the process, those of its children, and that of its tracer. All is
// done by the shell itself, which has no child for it.
const tellAboutMe = `
read children </proc/$$/task/$$/children
echo $$ $children
while read key value; do [ $key != TracerPid: ] || echo $value; done </proc/$$/status`

// This machine has calls of each class.
func TestCallClasses(t *testing.T) {
	t.Parallel()
	if err := cannotDelay(); err != nil {
		t.Skip(err)
	}
	for _, c := range callClasses {
		if !slices.ContainsFunc(strings.Split(c.calls, ","), func(name string) bool {
			return exec.Command("strace", "-o", "/dev/null", "-e", "trace="+strings.TrimPrefix(name, "?"), "true").Run() == nil
		}) {
			t.Errorf("this machine has none of %s", c.calls)
		}
	}
}
