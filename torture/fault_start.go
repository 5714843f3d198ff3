//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// startsOthers is a fault that the checks know: a process that is just being started has copies
// of all files of its parent, for a moment.
const startsOthers = "start"

// startTime is how long that may take on a busy machine.
const startTime = 300 * time.Millisecond

func init() {
	addFault(&fault{
		name: startsOthers, about: "a process starts other programs all the time, short ones and some that last up to 3 s", every: 150 * time.Millisecond, leaves: true,
		strike: func(r *round, rng *rand.Rand) error {
			p := r.chooseRunning(rng, goProgram)
			if p == nil {
				return errMissed
			}
			return unlessGone(r.tell(p, startsOthers, fmt.Sprint(100+rng.IntN(400)), fmt.Sprint(rng.Uint64())))
		},
	})
	workerCommands[startsOthers] = startPrograms
}

// addQuiet adds locks with two clients each. Where more clients wait, one of them may have the
// lock at any moment, and nobody can tell that it stayed held by nobody.
func (p *plan) addQuiet(rng *rand.Rand) {
	for i := range 4 {
		o := p.addObject(object{kind: exclusiveLock, path: fmt.Sprintf("still/quiet%d.lock", i)})
		p.addClients(rng, o, nil, locks, locks)
	}
}

// startPrograms starts programs for a time: MILLISECONDS SEED. The long ones end with the round.
func startPrograms(w *worker, args []string, ending <-chan struct{}) {
	length, rng := timeAndSeed(args)
	var all sync.WaitGroup
	defer all.Wait()
	for end := time.Now().Add(length); time.Now().Before(end) && !w.isEnding(); {
		if rng.IntN(4) > 0 {
			if err := childCommand("true", longArguments...).Run(); err != nil {
				fmt.Fprintln(os.Stderr, "start:", err)
			}
			continue
		}
		long := childCommand("sleep", fmt.Sprintf("%.3f", 3*rng.Float64()))
		if err := long.Start(); err != nil {
			fmt.Fprintln(os.Stderr, "start:", err)
			continue
		}
		all.Go(func() {
			ended := make(chan struct{})
			go func() {
				long.Wait()
				close(ended)
			}()
			select {
			case <-ended:
			case <-ending:
				long.Process.Kill()
				<-ended
			}
		})
	}
}

// longArguments make execve(2) slow: the new process has the files of its parent until the end.
var longArguments = slices.Repeat([]string{strings.Repeat("a", 100<<10)}, 15)

// timeAndSeed reads the arguments of a command: MILLISECONDS SEED
func timeAndSeed(args []string) (time.Duration, *rand.Rand) {
	var ms, seed uint64
	fmt.Sscan(args[0]+" "+args[1], &ms, &seed)
	return time.Duration(ms) * time.Millisecond, rand.New(rand.NewPCG(seed, 0))
}

// childCommand returns a command that ends at the latest with this process.
func childCommand(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}
