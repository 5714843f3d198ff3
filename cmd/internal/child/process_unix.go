//go:build unix && !linux

package child

import (
	"os"
	"syscall"

	"github.com/fsync-lock/fsync/cmd/internal/cli"
)

// A process is the command.
type process struct {
	*os.Process
	pid      int
	ownGroup bool // it has a process group of its own
}

// start starts a command with the standard files of this process.
func start(path string, argv, env []string, ownGroup, dieWithParent, _ bool) (*process, error) {
	p, err := os.StartProcess(path, argv, &os.ProcAttr{
		Env: env, Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}, Sys: attributes(ownGroup, dieWithParent),
	})
	if err != nil {
		return nil, cli.Reason(err)
	}
	return &process{p, p.Pid, ownGroup}, nil
}

// wait waits for the command's end.
func (p *process) wait(r *Relay) Outcome {
	state, err := p.Wait()
	r.Over()
	if err != nil {
		return outcomeOf(0, err)
	}
	return outcomeOf(state.Sys().(syscall.WaitStatus), nil)
}

// signalAll sends TERM or KILL to the command and to its process group, and
// reports whether this process may signal the command.
func (p *process) signalAll(sig syscall.Signal) (sent bool) {
	p.signalGroup(sig)
	return Survivor{PID: p.pid}.mayBeKilled()
}

// signalRest sends a signal to the group of a command that has ended.
func (p *process) signalRest(sig syscall.Signal) {
	if p.ownGroup {
		syscall.Kill(-p.pid, sig)
	}
}

// left returns the command if its own group still has a process.
func (p *process) left() []Survivor {
	if !p.groupLives() {
		return nil
	}
	return []Survivor{{PID: p.pid}}
}

// kill sends the command a signal, unless it has ended.
func (p *process) kill(sig syscall.Signal) { p.Signal(sig) }
