package journal

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Run is one run of a command that waited for a lock or an event. Outcome says whether
// the command was started. Fields that are not known are zero. In this package, "lock"
// also means the event that a run waits for.
//
// The wait began at Start. The command got the lock at Start+Waited, and held it until
// Start+Waited+Held. Start is from the wall clock of Host. Waited and Held are measured
// by a monotonic clock and written to the microsecond.
type Run struct {
	Start time.Time // in UTC if read from a journal
	Kind  Kind

	// Lock is the absolute path of the lock file, of the directory of a semaphore, or
	// of an event. The paths of several events are joined by " and ". For descriptor 9
	// of a file whose path is not known, Lock is "descriptor 9", and for an empty path
	// "the empty path".
	Lock    string
	Name    string   // the name of the lock or event in its directory; empty if it was given as a path
	Command []string // the command and its arguments
	PID     int      // of the process that waited: fsync-lock or fsync-event
	Host    string
	User    string        // fsync-lock and fsync-event leave it out
	Waited  time.Duration // even if the run did not get the lock

	// Held is 0 if the run did not get the lock, and for the Outcome Started. For the
	// Outcome Running, it is the time until the line was written.
	Held    time.Duration
	Outcome Outcome
	Status  int    // the exit status of fsync-lock or fsync-event, usually that of the command; 0 if it was not known yet
	Signal  string // such as TERM, if a signal ended the wait or the command
	Reason  string // for people: why the command did not run, such as the holder of the lock, or why Status is not that of the command
}

// Kind says what a run waits for.
type Kind string

// Later versions may have other kinds.
const (
	KindLock  Kind = ""      // a lock or a slot of a semaphore
	KindEvent Kind = "event" // an event or several; the run holds nothing
)

// Outcome says how a run ended.
type Outcome string

const (
	Ran           Outcome = "ran"             // the command exited
	Signalled     Outcome = "signalled"       // a signal ended the command
	Killed        Outcome = "killed"          // the command reached its time limit and was killed
	Started       Outcome = "started"         // the command was started; its end is not recorded
	Running       Outcome = "running"         // the command, or a process that it started, was running when the line was written; its end is not recorded
	Skipped       Outcome = "skipped"         // the lock was held, or the event not set, and the run did not wait
	TimedOut      Outcome = "timed-out"       // the lock was held, or the event not set, until the wait timed out
	Interrupted   Outcome = "interrupted"     // a signal ended the wait
	FailedToLock  Outcome = "failed-to-lock"  // the lock file could not be opened or locked, or the event could not be read
	FailedToStart Outcome = "failed-to-start" // the command could not be started
)

// Outcomes returns all outcomes.
func Outcomes() []Outcome {
	return []Outcome{Ran, Signalled, Killed, Started, Running, Skipped, TimedOut, Interrupted, FailedToLock, FailedToStart}
}

// An identity tells which lines are of the same run.
type identity struct {
	start      int64 // in nanoseconds
	pid        int
	host, lock string
}

func (r Run) identity() identity {
	return identity{start: r.Start.UnixNano(), pid: r.PID, host: r.Host, lock: r.Lock}
}

// maxTime is the longest Waited or Held. Longer times are errors.
const maxTime = 20 * 365 * 24 * time.Hour

// check returns what is wrong with a run. Append refuses such a run, and a reader counts
// its line as foreign.
func (r Run) check() error {
	switch year := r.Start.UTC().Year(); {
	case !slices.Contains(Outcomes(), r.Outcome):
		return fmt.Errorf("there is no outcome %q", r.Outcome)
	case r.Lock == "":
		return errors.New("no lock")
	case year < 1970 || year > 2200: // so that any difference fits into a time.Duration
		return errors.New("the start is out of range")
	case r.Waited < 0 || r.Waited > maxTime || r.Held < 0 || r.Held > maxTime:
		return errors.New("the time waited or held is out of range")
	case r.PID < 0:
		return errors.New("a negative process ID")
	}
	return nil
}
