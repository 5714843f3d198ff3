package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// execute runs the command with our files and hands signals through to it. It
// returns how the command ended, or why it could not be run.
//
// The command inherits the lock, so that it is held for as long as it runs,
// whatever becomes of this process. A background process that it leaves
// behind inherits it too. The lock is not released here: that would end it for
// those as well.
func (j *job) execute(l lock, r *relay, e *entry) (outcome, error) {
	if err := j.bequeath(l); err != nil {
		return outcome{status: exitSystem}, err
	}
	j.tell("executing %s", j.command[0])
	path, err := lookPath(j.command[0])
	if err != nil {
		return j.notRun(err)
	}
	env := j.environment(l)
	if j.noFork {
		e.started()
		r.release()
		err := runAs(path, j.command, func(path string, argv []string) error {
			return become(path, argv, env)
		})
		r.ignore()
		return j.notRun(err)
	}
	p, err := r.run(func() (p *process, err error) {
		apart := j.maxRuntime > 0 && !isJob()
		err = runAs(path, j.command, func(path string, argv []string) error {
			p, err = start(path, argv, env, apart, j.close)
			return err
		})
		return p, err
	})
	if err != nil {
		return j.notRun(err)
	}
	e.running()
	limit := j.limitTime(p, r)
	end := p.wait(r)
	if !limit.exceeded.IsZero() {
		end = limit.outcome(p, end)
	}
	return end, nil
}

// notRun is the status and the message for a command that could not be run.
func (j *job) notRun(err error) (outcome, error) {
	status := exitNoExec
	if isShortage(err) || errors.Is(err, syscall.EAGAIN) {
		status = exitSystem
	}
	return outcome{status: status}, fmt.Errorf("cannot run %s: %w", j.command[0], err)
}

// runAs runs a file, by the shell if it is a script without "#!", as execvp(3)
// does.
func runAs(path string, argv []string, run func(path string, argv []string) error) error {
	err := run(path, argv)
	if isScript(err) {
		err = run("/bin/sh", append([]string{"sh", path}, argv[1:]...))
	}
	return err
}

// Names of the environment variables that --env sets.
const (
	fileVar = "FSYNC_LOCK_FILE"
	nameVar = "FSYNC_LOCK_NAME"
)

// environment is the command's: ours, and with --env the lock's path and its
// name, which is what --name would call it.
func (j *job) environment(l lock) []string {
	env := os.Environ()
	if !j.env {
		return env
	}
	kept := env[:0]
	for _, entry := range env { // a lock around this one has set its own
		if !strings.HasPrefix(entry, fileVar+"=") && !strings.HasPrefix(entry, nameVar+"=") {
			kept = append(kept, entry)
		}
	}
	path, err := filepath.Abs(j.lockPath(l))
	if err != nil || path == "" {
		return kept
	}
	name := filepath.Base(path)
	if ext := filepath.Ext(name); ext == ".lock" || ext == ".sem" {
		name = strings.TrimSuffix(name, ext)
	}
	return append(kept, fileVar+"="+path, nameVar+"="+name)
}

// lockPath is the path of the lock, as far as it is known.
func (j *job) lockPath(l lock) string {
	if l == nil {
		return j.path
	}
	return l.Path()
}
