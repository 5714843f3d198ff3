//go:build linux

package main

import (
	"bufio"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A process takes part in a round.
type process struct {
	number  int
	slot    int
	program program
	cmd     *exec.Cmd
	in      io.WriteCloser
	ended   chan struct{} // closed after wait(2)
	done    chan struct{} // closed when it has said that its clients are done, or has ended

	// Guarded by round.mu while the process lives.
	killed  span   // from kill(2) to the return of wait(2); zero if it was not killed
	stops   []span // in which it was stopped, or may have been
	stopped bool
	mayDie  int64  // since when a fault may end it; 0 = none
	left    string // what it says is left
	status  error  // its end
}

//go:embed peer.py
var peerScript string

// python is Debian's interpreter, which finds Debian's packages.
const python = "/usr/bin/python3"

// missing returns the reason why a program cannot be used here, or nil.
func (p program) missing() error {
	switch p {
	case flockProgram:
		_, err := exec.LookPath("flock")
		return err
	case fcntlProgram:
		_, err := os.Stat(python)
		return err
	case fsyncLock:
		return sourceIsMissing()
	case pyfilelock:
		if exec.Command(python, "-I", "-c", "import filelock").Run() != nil {
			return errors.New("Debian's python3-filelock is not installed")
		}
	}
	return nil
}

// command returns the command of a process.
func (r *round) command(p *process) *exec.Cmd {
	p.program = r.plan.slots[p.slot].program
	if p.program == fcntlProgram || p.program == pyfilelock {
		h := r.plan.slots[p.slot].clients[0]
		o := r.plan.objects[h.object]
		overlap := overlapPath(r.dir)
		if o.dirMoves {
			overlap = ""
		}
		return exec.Command(python, "-I", "-c", peerScript, historyPath(r.dir, p.number), overlap,
			strconv.Itoa(p.number<<8), strconv.Itoa(o.number), o.path, string(p.program), strconv.FormatBool(h.role == reads),
			strconv.FormatUint(r.plan.clientRand(p.number, 0).Uint64(), 10))
	}
	cmd := exec.Command("/proc/self/exe", r.dir, strconv.FormatUint(r.plan.seed, 10), strconv.Itoa(r.plan.round), r.mix.String(), fmt.Sprintf("%d.%d", p.number, p.slot))
	cmd.Env = append(os.Environ(), roleVar+"=worker")
	return cmd
}

// start starts the next process of a slot, unless the round is about to end.
func (r *round) start(slot int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	p := &process{number: len(r.processes) + 1, slot: slot, ended: make(chan struct{}), done: make(chan struct{})}
	p.cmd = r.command(p)
	p.cmd.Dir = objectsPath(r.dir)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer w.Close()
	p.cmd.Stdout = w
	stderr, err := os.OpenFile(r.stderrPath(p), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer stderr.Close()
	p.cmd.Stderr = stderr
	for _, f := range r.plan.faults {
		if f.prepare != nil {
			f.prepare(r, p)
		}
	}
	if p.in, err = p.cmd.StdinPipe(); err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		out.Close()
		return fmt.Errorf("start process %d, %s: %w", p.number, p.program, err)
	}
	r.processes = append(r.processes, p)
	r.bySlot[slot] = p
	r.ends.Add(1)
	go r.attend(p, out)
	return nil
}

func (r *round) stderrPath(p *process) string {
	return filepath.Join(r.dir, "stderr", strconv.Itoa(p.number))
}

// restartPause is the time from the end of a killed process to the start of the next one. If
// many are killed at once, their starts do not delay those that wait for the locks.
const restartPause = 20 * time.Millisecond

// attend reads what a process says, waits for its end, and starts another one in its place if
// it was killed.
func (r *round) attend(p *process, out *os.File) {
	defer r.ends.Done()
	said := make(chan struct{})
	go func() {
		defer close(said)
		r.listen(p, out)
	}()
	state, err := p.cmd.Process.Wait()
	at := now()
	p.in.Close()
	<-said
	out.Close()
	r.mu.Lock()
	if err == nil && !state.Success() && p.mayDie > 0 && r.lacksThread(p) {
		p.killed.from = p.mayDie
	}
	if p.killed.from > 0 {
		p.killed.to = at
	} else if err == nil && !state.Success() {
		err = errors.New(state.String())
	}
	p.status = err
	killed := p.killed.from > 0
	r.mu.Unlock()
	close(p.ended)
	if killed {
		r.pause(restartPause)
		if err := r.start(p.slot); err != nil {
			r.trouble(err)
		}
	}
}

// listen reads the lines of a process until it ends.
func (r *round) listen(p *process, out io.Reader) {
	said := false
	for in := bufio.NewScanner(out); in.Scan(); {
		line := in.Text()
		if left, ok := strings.CutPrefix(line, "left: "); ok {
			r.mu.Lock()
			p.left = left
			r.mu.Unlock()
		} else if line == "done" && !said {
			said = true
			close(p.done)
		}
	}
	if !said {
		close(p.done)
	}
}

// alive returns the processes that were neither killed nor have ended.
func (r *round) alive() (ps []*process) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.bySlot {
		if p != nil && p.killed.from == 0 {
			ps = append(ps, p)
		}
	}
	return ps
}

// kill kills processes at the same time, and returns when the kernel has released what they
// had.
func (r *round) kill(ps ...*process) {
	r.mu.Lock()
	for _, p := range ps {
		if p.killed.from == 0 {
			p.killed.from = now()
		}
	}
	r.mu.Unlock()
	for _, p := range ps {
		p.cmd.Process.Kill()
	}
	for _, p := range ps {
		<-p.ended
	}
}

// stop stops a process for a time (SIGSTOP, SIGCONT).
func (r *round) stop(p *process, d time.Duration) { r.stopWhile(p, func() { r.pause(d) }) }

// stopWhile stops a process while f runs.
func (r *round) stopWhile(p *process, f func()) {
	defer r.stopNow(p)()
	f()
}

// stopNow stops a process until goOn is called.
func (r *round) stopNow(p *process) (goOn func()) {
	r.mu.Lock()
	p.stops = append(p.stops, span{now(), never})
	i := len(p.stops) - 1
	r.mu.Unlock()
	p.cmd.Process.Signal(syscall.SIGSTOP)
	return func() {
		p.cmd.Process.Signal(syscall.SIGCONT)
		r.mu.Lock()
		p.stops[i].to = now()
		r.mu.Unlock()
	}
}

// tell makes a worker run a command of workerCommands.
func (r *round) tell(p *process, words ...string) error {
	_, err := io.WriteString(p.in, strings.Join(words, " ")+"\n")
	return err
}
