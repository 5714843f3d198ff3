package main

import (
	"os"
	"testing"

	proc "github.com/fsync-lock/fsync/internal/process"
)

// The user of a process is known if the process is on this host and runs the expected
// command.
func TestUserOfProcess(t *testing.T) {
	t.Parallel()
	u := &users{host: "here"}
	pid := os.Getpid()
	command := proc.CommandLine(pid)
	if user := u.of(pid, "here", command); user == "" {
		t.Error("the user of this process is not known")
	}
	for name, user := range map[string]string{
		"another command": u.of(pid, "here", command+" x"),
		"another host":    u.of(pid, "there", command),
		"no process":      u.of(0, "here", command),
	} {
		if user != "" {
			t.Errorf("%s: %s", name, user)
		}
	}
}
