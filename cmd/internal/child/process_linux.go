package child

import (
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// A process is the command. Package syscall starts it, because package os would
// first start another process to find out what the kernel supports.
type process struct {
	pid      int
	ownGroup bool // it has a process group of its own

	descendants *descendants // nil if the command has no limit
}

// start starts a command with the standard files of this process.
func start(path string, argv, env []string, ownGroup, dieWithParent, limited bool) (*process, error) {
	p := &process{ownGroup: ownGroup}
	ended := make(chan os.Signal, 1)
	if limited {
		signal.Notify(ended, unix.SIGCHLD) // before the first descendant can end
		p.descendants = adoptDescendants(ownGroup)
	}
	if dieWithParent {
		runtime.LockOSThread() // the command dies with the thread that started it, see prctl(2)
	}
	pid, err := syscall.ForkExec(path, argv, &syscall.ProcAttr{
		Env: env, Files: standardFiles(), Sys: attributes(ownGroup, dieWithParent),
	})
	if p.pid = pid; err == nil && limited {
		p.descendants.command = pid
		go p.descendants.reapOrphans(ended)
	}
	return p, err
}

// standardFiles returns the command's first three descriptors. A descriptor that was
// closed when this process started is closed in the command, too.
func standardFiles() []uintptr {
	files := []uintptr{0, 1, 2}
	for fd := range files {
		if WasClosed(fd) {
			files[fd] = ^uintptr(0)
		}
	}
	return files
}

// wait waits for the command's end. The command stays a zombie, and keeps its PID,
// until Over has made sure that no signal is sent to it any more.
func (p *process) wait(r *Relay) Outcome {
	for unix.Waitid(unix.P_PID, p.pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
	r.Over()
	var ws syscall.WaitStatus
	for {
		if _, err := syscall.Wait4(p.pid, &ws, 0, nil); err != unix.EINTR {
			return outcomeOf(ws, err)
		}
	}
}

// signalAll sends TERM or KILL to the command and its descendants. It also continues
// them, because a stopped process does not handle TERM. It reports whether this process
// may signal the command.
func (p *process) signalAll(sig syscall.Signal) (sent bool) {
	if !p.descendants.known || p.descendants.signal(sig) != nil {
		p.signalGroup(sig)
	}
	return Survivor{PID: p.pid}.mayBeKilled()
}

// signalRest sends a signal to the descendants of a command that has ended.
func (p *process) signalRest(sig syscall.Signal) {
	if p.descendants.known {
		p.descendants.signal(sig)
	}
}

// left returns the command and its descendants that have not ended.
func (p *process) left() (list []Survivor) {
	living, err := p.descendants.living()
	if err != nil && p.groupLives() {
		return []Survivor{{PID: p.pid}}
	}
	for _, t := range living {
		list = append(list, Survivor{t.pid, t.name})
	}
	return list
}

// kill sends the command a signal.
func (p *process) kill(sig syscall.Signal) { syscall.Kill(p.pid, sig) }
