package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/internal/testproc"
)

// The command gets a signal once, whether the signal is sent to the wrapper alone, to its
// process group, or to one process after the other, as by systemd when it stops a unit.
func TestSignalsComeOnce(t *testing.T) {
	t.Parallel()
	for name, send := range map[string]func(wrapper int){
		"alone": func(wrapper int) { syscall.Kill(wrapper, syscall.SIGTERM) },
		"group": func(wrapper int) { syscall.Kill(-wrapper, syscall.SIGTERM) },
		"each": func(wrapper int) {
			sendSlowly(append([]int{wrapper}, children(wrapper)...))
		},
		"each, backwards": func(wrapper int) {
			all := append([]int{wrapper}, children(wrapper)...)
			slices.Reverse(all)
			sendSlowly(all)
		},
		"both": func(wrapper int) { // as timeout(1) does
			syscall.Kill(wrapper, syscall.SIGTERM)
			syscall.Kill(-wrapper, syscall.SIGTERM)
		},
	} {
		for _, options := range [][]string{nil, {"--max-runtime", "1h"}, {"-o"}} {
			t.Run(fmt.Sprint(name, options), func(t *testing.T) {
				t.Parallel()
				testproc.Punctual(t, func() error {
					p := startCounting(t, options, "count-signals")
					send(p.PID())
					p.Expect("got terminated.")
					// When this signal is passed on, all earlier ones have been.
					p.Signal(syscall.SIGHUP)
					if got := p.Line(); got != "got hangup." {
						return fmt.Errorf("the command %s twice", got)
					}
					// And a signal is not taken for an earlier one.
					p.Signal(syscall.SIGHUP)
					p.Expect("got hangup.")
					p.end()
					return nil
				})
			})
		}
	}
}

// sendSlowly sends TERM to one process after the other.
func sendSlowly(pids []int) {
	for _, pid := range pids {
		syscall.Kill(pid, syscall.SIGTERM)
		time.Sleep(time.Millisecond)
	}
}

// The same on a machine that is so busy that the probe does not run for a while.
func TestSignalComesOnceWithASlowProbe(t *testing.T) {
	t.Parallel()
	p := startCounting(t, nil, "count-signals")
	probe := probeOf(p.PID())
	syscall.Kill(probe, syscall.SIGSTOP)
	testproc.Until(t, "the probe has stopped", func() bool { return testproc.IsStopped(probe) })
	syscall.Kill(-p.PID(), syscall.SIGTERM)
	p.Expect("got terminated.")
	time.Sleep(400 * time.Millisecond) // the wrapper waits 100 ms for a report, and longer while the probe has the signal
	syscall.Kill(probe, syscall.SIGCONT)
	p.Signal(syscall.SIGHUP)
	p.Expect("got hangup.")
	p.end()
}

// All processes have been stopped. CONT to the wrapper continues the command, but not the
// probe.
func TestSignalAfterAStop(t *testing.T) {
	t.Parallel()
	p := startCounting(t, nil, "count-signals")
	all := append([]int{p.PID()}, children(p.PID())...)
	syscall.Kill(-p.PID(), syscall.SIGSTOP)
	for _, pid := range all {
		testproc.Until(t, "all are stopped", func() bool { return testproc.IsStopped(pid) })
	}
	p.Signal(syscall.SIGCONT)
	probe := probeOf(p.PID())
	for _, pid := range all {
		if pid != probe {
			testproc.Until(t, "it goes on", func() bool { return !testproc.IsStopped(pid) })
		}
	}
	syscall.Kill(-p.PID(), syscall.SIGTERM)
	p.Expect("got terminated.")
	testproc.Until(t, "the probe is asked", func() bool { return !testproc.IsStopped(probe) })
	p.Signal(syscall.SIGHUP)
	p.Expect("got hangup.")
	p.end()
}

// The probe does not get the TERM that is sent at the limit. Otherwise it would report
// that TERM, and the next one would not be passed on.
func TestSignalAfterTheLimit(t *testing.T) {
	t.Parallel()
	for limit := 1; ; limit *= 2 { // on a busy machine the limit may be over before the command is ready
		p := launchCounting(t, []string{"--max-runtime", strconv.Itoa(limit)}, "count-signals")
		if _, ready := <-p.Lines(); !ready {
			continue
		}
		p.Expect("got terminated.")
		p.Signal(syscall.SIGTERM)
		p.Expect("got terminated.")
		p.Send("end")
		if status := p.Exit(); status != 124 {
			t.Errorf("exit status %d, want 124", status)
		}
		return
	}
}

// A signal to processes by the name of the wrapper reaches the command.
func TestSignalByName(t *testing.T) {
	t.Parallel()
	testproc.Need(t, "pkill")
	for _, how := range []string{"-x", "-f"} {
		p := startCounting(t, nil, "count-signals")
		pattern := map[string]string{"-x": "fsync-lock", "-f": "^fsync-lock a.lock count-signals"}[how]
		if out, err := exec.Command("pkill", "-TERM", "-g", strconv.Itoa(p.PID()), how, pattern).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		p.Expect("got terminated.")
		p.end()
	}
}

// If the command has left the process group that gets the signal, it gets the signal from
// the wrapper.
func TestSignalToAGroupThatTheCommandLeft(t *testing.T) {
	t.Parallel()
	testproc.Need(t, "setsid")
	p := startCounting(t, nil, "sh", "-c", "sleep .1; exec setsid count-signals")
	syscall.Kill(-p.PID(), syscall.SIGTERM)
	p.Expect("got terminated.")
	p.end()
}

// The command gets one TERM from the real timeout(1), which passes a TERM on in the same
// way as it sends TERM when its time is up.
func TestTimeoutSendsOnce(t *testing.T) {
	t.Parallel()
	testproc.Need(t, "timeout")
	cmd := exec.Command("timeout", "1000", "fsync-lock", "a.lock", "count-signals")
	cmd.Dir = t.TempDir()
	p := testproc.StartCmd(t, cmd)
	p.Expect("ready")
	wrapper := children(p.PID())[0]
	testproc.Until(t, "there is a probe", func() bool { return probeOf(wrapper) != 0 })
	p.Signal(syscall.SIGTERM)
	p.Expect("got terminated.")
	syscall.Kill(wrapper, syscall.SIGHUP)
	p.Expect("got hangup.")
	p.Send("end")
	p.Exit()
}

// The probe ends with the wrapper, and has no file open except its pipe.
func TestProbe(t *testing.T) {
	t.Parallel()
	p := startCounting(t, nil, "count-signals")
	probe := probeOf(p.PID())
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", probe))
	if err != nil || len(files) != 1 {
		t.Errorf("it has %v open, %v", files, err)
	}
	p.Kill()
	testproc.Until(t, "the probe is gone", func() bool {
		return syscall.Kill(probe, 0) == syscall.ESRCH || stat(t, strconv.Itoa(probe)).state == "Z"
	})
}

// A counting is the program count-signals with its wrapper, which leads a process group.
type counting struct {
	*testproc.Proc
	t *testing.T
}

// startCounting starts count-signals and its wrapper, and returns when the command runs
// and the probe is ready.
func startCounting(t *testing.T, options []string, command ...string) counting {
	t.Helper()
	c := launchCounting(t, options, command...)
	c.Expect("ready")
	testproc.Until(t, "there is a probe", func() bool { return probeOf(c.PID()) != 0 })
	return c
}

// launchCounting is startCounting without the wait.
func launchCounting(t *testing.T, options []string, command ...string) counting {
	t.Helper()
	cmd := exec.Command("fsync-lock", slices.Concat(options, []string{"a.lock"}, command)...)
	cmd.Dir = t.TempDir()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return counting{testproc.StartCmd(t, cmd), t}
}

// end makes the command end, and fails the test if the command got more signals.
func (c counting) end() {
	c.t.Helper()
	c.Send("end")
	for line := range c.Lines() {
		c.t.Errorf("then it said %q", line)
	}
	if status := c.Exit(); status != 0 {
		c.t.Errorf("exit status %d", status)
	}
}

// children returns the child processes of a process.
func children(pid int) (list []int) {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, file := range files {
		text, _ := os.ReadFile(file)
		for _, field := range strings.Fields(string(text)) {
			n, _ := strconv.Atoi(field)
			list = append(list, n)
		}
	}
	return list
}

// probeOf returns the probe of a wrapper; 0 = none is ready.
func probeOf(pid int) int {
	for _, child := range children(pid) {
		name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", child))
		files, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", child))
		if string(name) == "signals\n" && len(files) == 1 {
			return child
		}
	}
	return 0
}
