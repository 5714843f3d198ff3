package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/fsync-lock/fsync/cmd/internal/child"
	"github.com/fsync-lock/fsync/cmd/internal/cli"
	"github.com/fsync-lock/fsync/cmd/internal/runlog"
	"github.com/fsync-lock/fsync/internal/cwd"
)

// execute runs the command and passes signals on to it. It returns how the command ended,
// or why it could not be run.
//
// The command inherits the lock, so it holds the lock until it ends, even if this
// process is killed. A background process of the command may hold the lock for longer.
// So execute does not release the lock, which would end these holds, too.
func (j *job) execute(l lock, r *child.Relay, e *runlog.Entry) (child.Outcome, error) {
	if err := j.inheritLock(l); err != nil {
		return child.Outcome{Status: cli.ExitSystem}, err
	}
	j.tell("executing %s", j.command[0])
	path, err := child.LookPath(j.command[0])
	if err != nil {
		return notRun(j.command[0], err)
	}
	c := child.Command{Path: path, Argv: j.command, Env: j.environment(l), DieWithParent: j.close, Started: e.Running,
		Limit: child.Limit{Time: j.maxRuntime, KillAfter: j.killAfter}}
	if j.noFork {
		e.Started()
		return notRun(j.command[0], r.Become(c))
	}
	end, err := r.Run(c)
	if err != nil {
		return notRun(j.command[0], err)
	}
	return end, nil
}

// notRun is the outcome of a command that could not be run.
func notRun(command string, err error) (child.Outcome, error) {
	status, err := cli.NotRun(command, err)
	return child.Outcome{Status: status}, err
}

// The environment variables that --env sets.
const (
	fileVar = "FSYNC_LOCK_FILE"
	nameVar = "FSYNC_LOCK_NAME"
)

// environment returns the environment of the command: the variables of this process
// and, with --env, the path of the lock and its name, as --name takes it.
func (j *job) environment(l lock) []string {
	env := os.Environ()
	if !j.env {
		return env
	}
	kept := env[:0]
	for _, entry := range env { // drop the variables that an outer fsync-lock has set
		if !strings.HasPrefix(entry, fileVar+"=") && !strings.HasPrefix(entry, nameVar+"=") {
			kept = append(kept, entry)
		}
	}
	path := j.lockPath(l)
	if path == "" {
		return kept
	}
	path = cwd.Abs(path)
	name := filepath.Base(path)
	if ext := filepath.Ext(name); ext == ".lock" || ext == ".sem" {
		name = strings.TrimSuffix(name, ext)
	}
	return append(kept, fileVar+"="+path, nameVar+"="+name)
}

// lockPath returns the path of the lock; empty = not known.
func (j *job) lockPath(l lock) string {
	if l == nil {
		return j.path
	}
	return l.Path()
}
