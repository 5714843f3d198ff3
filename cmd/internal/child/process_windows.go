package child

import (
	"errors"
	"os"
	"syscall"

	"github.com/fsync-lock/fsync/cmd/internal/cli"
)

// A process is the command.
type process struct {
	*os.Process
	ownGroup bool // always false: there are no process groups
}

// start starts a command with the standard files of this process. Every command dies
// with this process: fsync-lock has put both into a job object.
func start(path string, argv, env []string, _, _, _ bool) (*process, error) {
	p, err := os.StartProcess(path, argv, &os.ProcAttr{
		Env: env, Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
	})
	if err != nil {
		return nil, cli.Reason(err)
	}
	return &process{Process: p}, nil
}

// become fails: Windows has no exec(3).
func become(string, []string, []string) error { return errors.ErrUnsupported }

// isJob is always true: there are no process groups.
func isJob() bool { return true }

func isScript(error) bool { return false }

// wait waits for the command's end.
func (p *process) wait(r *Relay) Outcome {
	state, err := p.Wait()
	r.Over()
	if err != nil {
		return Outcome{Status: 1}
	}
	return Outcome{Status: state.ExitCode()}
}

// signal does nothing: the console sends its signals to every process itself.
func (p *process) signal(syscall.Signal) {}

// signalAll ends the command, whatever the signal.
func (p *process) signalAll(syscall.Signal) (sent bool) { return p.Kill() == nil }

func (p *process) signalRest(syscall.Signal) {}

func (p *process) left() []Survivor { return nil }

func (s Survivor) mayBeKilled() bool { return true }
