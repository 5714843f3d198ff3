package child

import (
	"syscall"
	"time"
)

// A Command is a program to run, with the standard files of this process.
type Command struct {
	Path          string // the file
	Argv          []string
	Env           []string // nil = that of this process
	DieWithParent bool     // KILL it when this process ends, where the system supports that
	Started       func()   // called when it runs, if not nil
	Limit         Limit
}

// An Outcome is how a command ended.
type Outcome struct {
	Status int            // the exit status of this process
	By     syscall.Signal // the signal that ended the command; 0 = none

	Overtime bool       // it ran longer than its limit; By is KILL if it was killed
	Left     []Survivor // the command and descendants of it, if they did not end
}

// Run runs a command and returns how it ended, or why it could not be started. It
// passes signals on to the command.
func (r *Relay) Run(c Command) (Outcome, error) {
	p, err := r.start(c)
	if err != nil {
		return Outcome{}, err
	}
	if c.Started != nil {
		c.Started()
	}
	if c.Limit.Time > 0 {
		return r.waitLimited(p, c.Limit), nil
	}
	return p.wait(r), nil
}

// start starts the command when all signals are caught. It holds mu, so a signal that
// comes meanwhile is passed on to the command.
func (r *Relay) start(c Command) (*process, error) {
	r.Ready()
	r.mu.Lock()
	defer r.mu.Unlock()
	p, err := c.start()
	if err == nil {
		r.command = p
		r.probe = startProbe(p) // while the kernel loads the command, which takes longer
	}
	return p, err
}

func (c Command) start() (p *process, err error) {
	limited := c.Limit.Time > 0
	ownGroup := limited && !isJob()
	err = runAs(c.Path, c.Argv, func(path string, argv []string) error {
		p, err = start(path, argv, c.environment(), ownGroup, c.DieWithParent, limited)
		return err
	})
	return p, err
}

// ExitLike ends this process by the signal that ended the command, if that signal came
// to both. Otherwise it returns the exit status. A shell needs that: it stops a loop if
// Ctrl-C killed a command, and goes on if the command handled Ctrl-C.
func (r *Relay) ExitLike(end Outcome) int {
	r.awaitCtrlC(end)
	r.mu.Lock()
	defer r.mu.Unlock()
	if end.By != 0 && end.By == r.last {
		return endBy(end.By)
	}
	return end.Status
}

// Again makes the relay ready for another command after one has ended: from now
// on a signal ends this process, as it did before the first command. It reports
// false if TERM, INT, HUP or QUIT came while the command ran: the command got the
// signal, and the caller must not run another one.
func (r *Relay) Again(end Outcome) bool {
	r.awaitCtrlC(end)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch r.last {
	case syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT:
		return false
	}
	r.command, r.over, r.last, r.interrupted = nil, false, 0, nil
	select {
	case <-r.came:
	default:
	}
	return true
}

// awaitCtrlC waits for the INT of the terminal, if INT ended the command: this process
// gets it, too, but maybe later.
func (r *Relay) awaitCtrlC(end Outcome) {
	r.mu.Lock()
	expected := end.By == sigInt && r.last != sigInt && !r.command.ownGroup && fromTerminal(sigInt)
	r.mu.Unlock()
	if !expected {
		return
	}
	select {
	case <-r.came:
	case <-time.After(time.Second):
	}
}

// Become replaces this process by the command. It returns only if that fails.
func (r *Relay) Become(c Command) error {
	r.stopCatching()
	closeStandardFiles()
	err := runAs(c.Path, c.Argv, func(path string, argv []string) error {
		return become(path, argv, c.environment())
	})
	r.ignoreSignals()
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
