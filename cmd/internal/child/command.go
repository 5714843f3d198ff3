package child

import (
	"syscall"

	"github.com/fsync-lock/fsync/cmd/internal/cli"
)

// A Command is a program to run, with the standard files of this process.
type Command struct {
	Path    string // the file
	Argv    []string
	Env     []string // nil = ours
	Leashed bool     // it dies with this process, where the system supports that
	Started func()   // called when it runs, if not nil
	Limit   Limit
}

// Run runs a command and returns how it ended, or why it could not be started.
// A signal that comes meanwhile is passed on to it.
func (r *Relay) Run(c Command) (Outcome, error) {
	p, err := r.start(c)
	if err != nil {
		return Outcome{}, err
	}
	if c.Started != nil {
		c.Started()
	}
	if c.Limit.Time == 0 {
		return p.wait(r), nil
	}
	clock := c.Limit.on(p, r)
	ended := make(chan Outcome, 1)
	go func() { ended <- p.wait(r) }()
	select {
	case end := <-ended:
		if !clock.exceeded.IsZero() {
			end = clock.outcome(p, end)
			r.leaveRest()
		}
		return end, nil
	case <-clock.gaveUp:
		r.Over()
		return Outcome{Status: cli.ExitNotEnded, Overtime: true, Left: p.left()}, nil
	}
}

func (c Command) start() (p *process, err error) {
	limited := c.Limit.Time > 0
	apart := limited && !isJob()
	err = runAs(c.Path, c.Argv, func(path string, argv []string) error {
		p, err = start(path, argv, c.environment(), apart, c.Leashed, limited)
		return err
	})
	return p, err
}

// Become replaces this process by the command. It returns only if that fails.
func (r *Relay) Become(c Command) error {
	r.release()
	closeStandardFiles()
	err := runAs(c.Path, c.Argv, func(path string, argv []string) error {
		return become(path, argv, c.environment())
	})
	r.ignore()
	return err
}

func (c Command) environment() []string {
	if c.Env == nil {
		return syscall.Environ()
	}
	return c.Env
}

// runAs runs a file, or lets the shell run it if it is a script without "#!", as
// execvp(3) does.
func runAs(path string, argv []string, run func(path string, argv []string) error) error {
	err := run(path, argv)
	if isScript(err) {
		err = run("/bin/sh", append([]string{"sh", path}, argv[1:]...))
	}
	return err
}
