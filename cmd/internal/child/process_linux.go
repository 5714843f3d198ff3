package child

import (
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// A process is the command. It is started by package syscall because package os
// first finds out, by a process that it starts for that, what the kernel can
// do.
type process struct {
	pid   int
	apart bool // it has a process group of its own
}

// start starts a command with our files. A leashed one dies with this process.
func start(path string, argv, env []string, apart, leashed bool) (*process, error) {
	if leashed {
		runtime.LockOSThread() // it dies with the thread that started it, see prctl(2)
	}
	pid, err := syscall.ForkExec(path, argv, &syscall.ProcAttr{
		Env: env, Files: []uintptr{0, 1, 2}, Sys: Attributes(apart, leashed),
	})
	return &process{pid, apart}, err
}

// wait waits for the command's end. It stays a zombie, and keeps its PID, until
// nobody will send it a signal any more.
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

// kill sends the command a signal.
func (p *process) kill(sig syscall.Signal) { syscall.Kill(p.pid, sig) }
