//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// In the namespace, /proc shows no process of others, or nothing, and the usual one is at
// another place.
func TestOtherProc(t *testing.T) {
	t.Parallel()
	for _, f := range allFaults {
		if f.name != "hidepid" && f.name != "no-proc" {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			o := &otherProc{kind: "proc", options: "hidepid=2,gid=65534"}
			if f.name == "no-proc" {
				o = &otherProc{kind: "tmpfs", options: "size=4k"}
			}
			if err := o.impossible(); err != nil {
				t.Skip(err)
			}
			r := &round{dir: t.TempDir()}
			undo, err := o.setup(r)
			must(t, err)
			defer undo()
			cmd := exec.Command("sh")
			cmd.Dir = r.dir
			o.enter(cmd, r.dir)
			s := startShell(t, cmd)
			for path, want := range map[string]string{
				fmt.Sprintf("/proc/%d", os.Getpid()):                "no",
				fmt.Sprintf("%s/%d", usualProc(r.dir), os.Getpid()): "yes",
				"/proc/self": map[bool]string{true: "yes", false: "no"}[o.hides()],
				fmt.Sprintf("%s/self/stat", usualProc(r.dir)): "yes",
			} {
				if got := s.do(fmt.Sprintf("if [ -e %s ]; then echo yes; else echo no; fi", path)); got != want {
					t.Errorf("%s exists: %s", path, got)
				}
			}
			if _, err := os.Stat("/proc/self"); err != nil {
				t.Error("outside the namespace:", err)
			}
		})
	}
}
