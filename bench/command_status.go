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
	description: "the time of `fsync-status DIR` for 10000 locks, of which 100 are held, while 400 other processes run; and the CPU time of `fsync-status --watch`",
	peers:       []string{ours},
	rounds:      func(s scale) int { return s.statusRounds },
	figures: []figure{
		{name: "one listing, p50", unit: nanoseconds, key: "once", reduce: quantile(0.5)},
		{name: "--watch of 10 locks, CPU time per second", unit: nanoseconds, key: "watch", reduce: median},
		{name: "--watch of 10000 locks, CPU time per second", unit: nanoseconds, key: "watch-many", reduce: median},
	},
	bounds: []bound{
		{figure: "one listing, p50", limit: ns(time.Second), text: "≤ 1 s"},
		{figure: "--watch of 10 locks, CPU time per second", limit: ns(10 * time.Millisecond), text: "≤ 10 ms"},
		{figure: "--watch of 10000 locks, CPU time per second", limit: ns(10 * time.Millisecond), text: "≤ 10 ms"},
	},
	measure: measureStatus,
}

// measureStatus measures --watch in a directory with few locks, which it reads
// every second, and in the one with many locks, which it reads every minute or
// two. The second measurement is longer, so that it includes such a read.
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
	for range b.scale.otherProcs {
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

// lockFiles makes n lock files in a new directory. The first ones are held, each
// by another process.
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
		if _, err := b.holdingWrapper(flockCommand, path); err != nil {
			return err
		}
	}
	return nil
}

// cpuOfWatch returns the CPU time per second of --watch while nothing changes.
func (b *bench) cpuOfWatch(command, dir string, during time.Duration) (float64, error) {
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
	go func() { // reads and drops what the command prints
		for buf := make([]byte, 4096); ; {
			if _, err := screen.Read(buf); err != nil {
				return
			}
		}
	}()
	time.Sleep(b.scale.watchTime / 5) // the start of the command does not count
	used, err := cpuTimeDuring(cmd.Process.Pid, func() error {
		time.Sleep(during) // the time that is measured
		if allThreadsIn(cmd.Process.Pid, "Z") {
			return errors.New("fsync-status --watch has ended")
		}
		return nil
	})
	return ns(used) / during.Seconds(), err
}

// openTerminal makes a pseudoterminal: tty is for a program, and screen reads what
// the program prints.
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
