//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

var status = row{
	name:        "status",
	description: "the time of `fsync-status DIR`, where there are 10000 locks, 100 of them held, on a machine with 500 processes more",
	peers:       []string{ours},
	rounds:      func(s scale) int { return s.statusRounds },
	figures: []figure{
		{name: "once, p50", unit: nanoseconds, key: "once", reduce: quantile(0.5)},
		{name: "--watch, CPU time in a second", unit: nanoseconds, key: "watch", reduce: median},
		{name: "--watch of so many, CPU time in a second", unit: nanoseconds, key: "watch-many", reduce: median},
	},
	bounds: []bound{
		{figure: "once, p50", limit: ns(time.Second), text: "≤ 1 s"},
		{figure: "--watch, CPU time in a second", limit: ns(10 * time.Millisecond), text: "≤ 10 ms"},
		{figure: "--watch of so many, CPU time in a second", limit: ns(10 * time.Millisecond), text: "≤ 10 ms"},
	},
	measure: measureStatus,
}

// measureStatus watches both a directory with few locks, at which the view
// looks every second, and the one with many, at which it looks every minute or
// two: for so long that this is in the figure.
func measureStatus(b *bench, _ string) (sample, error) {
	command, err := b.command("fsync-status")
	if err != nil {
		return sample{}, err
	}
	dir, few := filepath.Join(b.dir, "many-locks"), filepath.Join(b.dir, "few-locks")
	defer os.RemoveAll(dir)
	defer os.RemoveAll(few)
	if err := b.lockFiles(dir, b.scale.locks, b.scale.locksHeld); err != nil {
		return sample{}, err
	}
	if err := b.lockFiles(few, 10, 5); err != nil {
		return sample{}, err
	}
	for range b.scale.bystanders {
		if _, err := b.start(exec.CommandContext(b.ctx, "sleep", "1000")); err != nil {
			return sample{}, err
		}
	}
	values := map[string][]float64{}
	for range b.scale.statuses {
		took, err := timed(exec.CommandContext(b.ctx, command, dir))
		if err != nil {
			return sample{}, err
		}
		values["once"] = append(values["once"], ns(took))
	}
	cpu, err := b.cpuOfWatch(command, few, b.scale.watchTime)
	if err != nil {
		return sample{}, err
	}
	values["watch"] = []float64{cpu}
	cpu, err = b.cpuOfWatch(command, dir, 6*b.scale.watchTime)
	values["watch-many"] = []float64{cpu}
	return sample{values: values}, err
}

// lockFiles makes locks in a directory, the first of them held, each by a
// process of its own.
func (b *bench) lockFiles(dir string, n, held int) error {
	if err := os.Mkdir(dir, 0o777); err != nil {
		return err
	}
	for i := range n {
		path := filepath.Join(dir, fmt.Sprintf("lock-%d.lock", i))
		if err := os.WriteFile(path, nil, 0o666); err != nil {
			return err
		}
		if i >= held {
			continue
		}
		p, err := b.startWrapper(flockCommand, path)
		if err == nil {
			err = p.expect("runs")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// cpuOfWatch is the CPU time that a live view takes in a second in which
// nothing changes. It runs on a terminal that nobody looks at.
func (b *bench) cpuOfWatch(command, dir string, long time.Duration) (float64, error) {
	screen, tty, err := openTerminal()
	if err != nil {
		return 0, err
	}
	defer screen.Close()
	cmd := exec.CommandContext(b.ctx, command, "--watch", dir)
	cmd.Stdin, cmd.Stdout = tty, tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Pdeathsig: syscall.SIGKILL}
	err = cmd.Start()
	tty.Close()
	if err != nil {
		return 0, err
	}
	defer func() {
		cmd.Process.Kill()
		cmd.Wait()
	}()
	go func() { // until both ends are closed
		for buf := make([]byte, 4096); ; {
			if _, err := screen.Read(buf); err != nil {
				return
			}
		}
	}()
	time.Sleep(b.scale.watchTime / 5) // until it has begun
	before, err := cpuTime(cmd.Process.Pid)
	if err != nil {
		return 0, err
	}
	time.Sleep(long) // this is what is measured
	if inState(cmd.Process.Pid, "Z") {
		return 0, errors.New("fsync-status --watch has ended")
	}
	after, err := cpuTime(cmd.Process.Pid)
	return ns(after-before) / long.Seconds(), err
}

// openTerminal makes a terminal: what a user sees, and what programs have.
func openTerminal() (screen, tty *os.File, err error) {
	if screen, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		return nil, nil, err
	}
	if err = unix.IoctlSetPointerInt(int(screen.Fd()), unix.TIOCSPTLCK, 0); err == nil {
		err = unix.IoctlSetWinsize(int(screen.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80})
	}
	number := 0
	if err == nil {
		number, err = unix.IoctlGetInt(int(screen.Fd()), unix.TIOCGPTN)
	}
	if err == nil {
		tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		screen.Close()
	}
	return screen, tty, err
}
