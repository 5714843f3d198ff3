package journal

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// Run is one run of a command under a lock, or of one that waited for an event, or
// one that did not come to be.
// Fields that are not known are zero.
//
// It wanted the lock at Start, had it from Start+Waited, and was done with it
// at Start+Waited+Held. Start is by the wall clock of Host; the other two are
// of a clock that is never set, and are written to the microsecond.
type Run struct {
	Start   time.Time // in UTC once it was read from a journal
	Kind    Kind
	Lock    string   // absolute path of the lock file, or of the semaphore's directory; of a descriptor's, if it is known; of the event, or of several with " and " between them
	Name    string   // of the lock or event in a directory of them; empty if it was given as a path
	Command []string // the command and its arguments
	PID     int      // of the process that waited: fsync-lock or fsync-event
	Host    string
	User    string        // fsync-lock leaves it out
	Waited  time.Duration // for the lock, in vain or not
	Held    time.Duration // until the command ended, or if it was running, until the line was written; 0 if it did not get the lock, or if its end is not known
	Outcome Outcome
	Status  int    // exit status, of fsync-lock too; 0 if the end is not known
	Signal  string // which one it was if a signal had to do with the end: TERM
	Reason  string // for people, why it did not run: who had the lock, or the error
}

// Kind is what a run waits for. The word lock stands for both in what is said of
// a Run.
type Kind string

// The kinds that there are. Later versions may have others.
const (
	Lock  Kind = ""      // a lock or a slot of a semaphore
	Event Kind = "event" // a set; the run holds nothing
)

// Outcome is what became of a run.
type Outcome string

// The outcomes that there are.
const (
	Ran           Outcome = "ran"             // the command ended by itself, with Status
	Signalled     Outcome = "signalled"       // a signal ended the command
	Killed        Outcome = "killed"          // the command was ended because it ran for too long
	Started       Outcome = "started"         // the command was started, and nobody saw its end
	Running       Outcome = "running"         // the command was running when the line was written, and no line tells of its end
	Skipped       Outcome = "skipped"         // the lock was held or the event not set, and was not waited for
	TimedOut      Outcome = "timed-out"       // the lock was held, or the event not set, for longer than it was to be waited for
	Interrupted   Outcome = "interrupted"     // a signal ended the wait
	FailedToLock  Outcome = "failed-to-lock"  // the lock file could not be opened or locked, or the event not be looked at
	FailedToStart Outcome = "failed-to-start" // the lock was had, and the command could not be run
)

// Outcomes returns every outcome that there is.
func Outcomes() []Outcome {
	return []Outcome{Ran, Signalled, Killed, Started, Running, Skipped, TimedOut, Interrupted, FailedToLock, FailedToStart}
}

// An identity tells a run from all others. All lines of a run have the same.
type identity struct {
	start      int64 // in nanoseconds
	pid        int
	host, lock string
}

func (r Run) identity() identity {
	return identity{start: r.Start.UnixNano(), pid: r.PID, host: r.Host, lock: r.Lock}
}

// maxTime bounds waits and holds, far beyond any that make sense.
const maxTime = 20 * 365 * 24 * time.Hour

// check says what is wrong with a run that is to be written or was read.
func (r Run) check() error {
	switch year := r.Start.UTC().Year(); {
	case !slices.Contains(Outcomes(), r.Outcome):
		return fmt.Errorf("there is no outcome %q", r.Outcome)
	case r.Lock == "":
		return errors.New("no lock")
	case year < 1970 || year > 2200: // what lies between is less than the longest time.Duration
		return errors.New("no time of start that can be written")
	case r.Waited < 0 || r.Waited > maxTime || r.Held < 0 || r.Held > maxTime:
		return errors.New("a time out of range")
	case r.PID < 0:
		return errors.New("a negative process ID")
	}
	return nil
}

// entry is a run as it is read from a journal; encode writes it.
type entry struct {
	Start   time.Time `json:"start"`
	Kind    Kind      `json:"kind"`
	Lock    string    `json:"lock"`
	Name    string    `json:"name"`
	Command []string  `json:"command"`
	PID     int       `json:"pid"`
	Host    string    `json:"host"`
	User    string    `json:"user"`
	Waited  float64   `json:"waited_seconds"`
	Held    float64   `json:"held_seconds"`
	Outcome Outcome   `json:"outcome"`
	Status  int       `json:"exit_status"`
	Signal  string    `json:"signal"`
	Reason  string    `json:"reason"`
}

const (
	version    = 1
	format     = "fsync_run"
	mark       = `{"` + format + `":` // what a line begins with
	maxCommand = 16 << 10             // bytes of a command that are kept
	maxReason  = 4 << 10
	maxLine    = 256 << 10 // escaped, a byte can become six
)

func (l entry) run() Run {
	return Run{
		Start: l.Start.UTC(), Kind: l.Kind, Lock: l.Lock, Name: l.Name,
		Command: l.Command, PID: l.PID, Host: l.Host, User: l.User,
		Waited: duration(l.Waited), Held: duration(l.Held),
		Outcome: l.Outcome, Status: l.Status, Signal: l.Signal, Reason: l.Reason,
	}
}

// duration is -1 for what no time.Duration can be.
func duration(seconds float64) time.Duration {
	if us := math.Round(seconds * 1e6); us >= 0 && us <= float64(maxTime/time.Microsecond) {
		return time.Duration(us) * time.Microsecond
	}
	return -1
}
