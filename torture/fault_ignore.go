//go:build linux

package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"
)

// ignoresSigurg is a fault that the clients know: they have many deadlines then.
const ignoresSigurg = "sigurg-ignored"

func init() {
	addFault(&fault{
		name: ignoresSigurg, about: "a process ignores SIGURG and handles it again, all the time", every: 300 * time.Millisecond, overtakes: true,
		strike: func(r *round, rng *rand.Rand) error {
			p := r.chooseRunning(rng, goProgram)
			if p == nil {
				return errMissed
			}
			return unlessGone(r.tell(p, "ignore-sigurg", fmt.Sprint(100+rng.IntN(400)), fmt.Sprint(rng.Uint64())))
		},
	})
	workerCommands["ignore-sigurg"] = ignoreOnAndOff
	addFault(&fault{
		name: "sigurg-blocked", about: "processes start with SIGURG blocked, and the Go runtime does not unblock it (GODEBUG=asyncpreemptoff=1)",
		why: func() error { return exec.Command("env", "--block-signal=URG", "true").Run() },
		prepare: func(r *round, p *process) {
			if p.program == goProgram && p.slot%2 == 0 {
				wrap(p.cmd, "env", "--block-signal=URG", "GODEBUG=asyncpreemptoff=1")
				r.struck["sigurg-blocked"]++ // the caller has locked r.mu
			}
		},
	})
}

// unlessGone returns errMissed if the process does not listen any more.
func unlessGone(err error) error {
	if errors.Is(err, unix.EPIPE) || errors.Is(err, os.ErrClosed) {
		return errMissed
	}
	return err
}

// ignoreOnAndOff changes within microseconds what the process does with SIGURG: MILLISECONDS SEED
func ignoreOnAndOff(w *worker, args []string, _ <-chan struct{}) {
	length, rng := timeAndSeed(args)
	handled := make(chan os.Signal, 1)
	for end := time.Now().Add(length); time.Now().Before(end) && !w.isEnding(); {
		signal.Ignore(unix.SIGURG)
		spin(time.Duration(rng.Int64N(int64(20 * time.Microsecond))))
		signal.Notify(handled, unix.SIGURG) // Reset would not bring the handler of the Go runtime back
		signal.Stop(handled)
		spin(time.Duration(rng.Int64N(int64(20 * time.Microsecond))))
	}
}

// spin lets a time pass that is too short for a timer.
func spin(d time.Duration) {
	for end := now() + int64(d); now() < end; {
	}
}
