//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/fsync-lock/fsync/filelock"
)

// An inspection takes every lock at the end of a round. It is a process of its own: if the
// library is broken, a wait may never end, and then the process is killed.
type inspection struct {
	objects string // the directory of the objects
	out     *os.File
}

// inspectionTime is how long an inspection may take. It takes some milliseconds if nothing is
// wrong.
const inspectionTime = 40 * time.Second

// inspect makes a process check, after all others have ended, that every lock is free and can
// be taken at once.
func (r *round) inspect() {
	ctx, cancel := context.WithTimeout(context.Background(), inspectionTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/proc/self/exe", r.objects(), strconv.FormatUint(r.plan.seed, 10), strconv.Itoa(r.plan.round), r.mix.String())
	cmd.Env = append(os.Environ(), roleVar+"=inspect")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGQUIT) } // it says what its goroutines do
	cmd.WaitDelay = time.Second                                              // then it is killed
	var said, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &errs
	err := cmd.Run()
	for line := range strings.Lines(said.String()) {
		check, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		r.violated(check, "%s", text)
	}
	if err != nil {
		name := filepath.Join(r.dir, "stderr", "inspection")
		os.WriteFile(name, errs.Bytes(), 0o644)
		r.violated("stuck", "the process that takes every lock at the end: %v; its goroutines are in %s", err, name)
	}
}

// playInspection runs the process: OBJECTS SEED ROUND MIX
func playInspection(args []string) error {
	if len(args) != 4 {
		return fmt.Errorf("wrong arguments: %q", args)
	}
	p, err := planOf(args[1], args[2], args[3])
	if err != nil {
		return err
	}
	in := inspection{args[0], os.Stdout}
	for _, o := range p.objects {
		switch o.kind {
		case exclusiveLock, sharedLock:
			in.takeLock(o)
		case semaphore:
			in.takeSemaphore(o)
		}
	}
	return nil
}

func (in inspection) path(o object) string { return filepath.Join(in.objects, o.path) }

// violated prints a violation on one line.
func (in inspection) violated(check, format string, args ...any) {
	fmt.Fprintln(in.out, check+": "+strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", " "))
}

// A holder that another process has started may still be about to end.
func tryUntilFree(try func() (bool, error)) (bool, error) {
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		taken, err := try()
		if taken || err != nil || time.Now().After(end) {
			return taken, err
		}
	}
}

// takeLock takes the lock, waits for it in vain once, and releases it. So a gate that a
// killed process has left is removed.
func (in inspection) takeLock(o object) {
	l, waiter := filelock.New(in.path(o)), filelock.New(in.path(o))
	taken, err := tryUntilFree(l.TryAcquire)
	if !taken {
		in.violated("not free", "%s: at the end the lock cannot be taken: %v", o.path, err)
		return
	}
	twice, err := waiter.TryAcquireFor(2 * time.Millisecond)
	if twice || err != nil {
		in.violated("exclusion", "%s: at the end a second process got the lock: %v, %v", o.path, twice, err)
	}
	if err := l.Release(); err != nil {
		in.violated("error", "%s: release at the end: %v", o.path, err)
	}
	in.awaitNoGate(in.path(o))
}

// takeSemaphore takes all slots, and no more.
func (in inspection) takeSemaphore(o object) {
	if n, err := filelock.Slots(in.path(o)); o.resized && err == nil {
		o.permit = n
	}
	s := filelock.NewSemaphore(in.path(o), o.permit)
	for i := range o.permit {
		if taken, err := tryUntilFree(s.TryAcquire); !taken {
			in.violated("not free", "%s: at the end only %d of %d slots can be taken: %v", o.path, i, o.permit, err)
			return
		}
	}
	more, err := filelock.NewSemaphore(in.path(o), o.permit).TryAcquireFor(2 * time.Millisecond)
	if more || err != nil {
		in.violated("permits", "%s: at the end there is another slot: %v, %v", o.path, more, err)
	}
	for range o.permit {
		err = errors.Join(err, s.Release())
	}
	if err != nil {
		in.violated("error", "%s: release at the end: %v", o.path, err)
	}
	in.awaitNoGate(filepath.Join(in.path(o), "slots"))
}

func (in inspection) awaitNoGate(path string) {
	for end := time.Now().Add(patience); gateIsThere(path); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			in.violated("left over", "the gate of %s is still there, although a waiter has come and gone", path)
			return
		}
	}
}
