package main

import (
	"errors"
	"os"
	"syscall"
)

// A process is the command.
type process struct {
	*os.Process
	apart bool // it never is: there are no groups here
}

// start starts a command with our files. Every one is leashed here: see
// bequeath.
func start(path string, argv, env []string, _, _ bool) (*process, error) {
	p, err := os.StartProcess(path, argv, &os.ProcAttr{
		Env: env, Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
	})
	if err != nil {
		return nil, reason(err)
	}
	return &process{Process: p}, nil
}

// become would be exec(3).
func become(string, []string, []string) error { return errors.ErrUnsupported }

// wait waits for the command's end.
func (p *process) wait(r *relay) outcome {
	state, err := p.Wait()
	r.over()
	if err != nil {
		return outcome{status: 1}
	}
	return outcome{status: state.ExitCode()}
}

// signal does nothing: what there is, the console sends to all.
func (p *process) signal(syscall.Signal) {}

// signalAll ends the command; there is only one way to.
func (p *process) signalAll(syscall.Signal) { p.Kill() }

func (p *process) groupLives() bool { return false }
