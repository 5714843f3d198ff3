package filelock

import "time"

// State is who holds and who waits for a lock or a semaphore, as far as that
// can be found out, at one moment.
type State struct {
	Holders []Holder
	Waiters []Waiter
	Err     error // why it cannot be looked at, a [*fs.PathError]
}

// Waiter is a process that waits for a lock, as far as that can be found out.
// Fields that are not known are zero.
type Waiter struct {
	PID     int       // in the PID namespace of the caller
	Command string    // the command line, arguments joined by spaces
	Since   time.Time // when it began to wait, by its own clock
	Shared  bool
}

// A Locker is a [*Lock] or a [*Semaphore].
type Locker interface {
	Path() string
	Holders() ([]Holder, error)
	Waiters() ([]Waiter, error)
	seen() (want, error)
}

var _, _ Locker = (*Lock)(nil), (*Semaphore)(nil)

// Inspect returns the state of each lock, as Holders and Waiters do, at the
// price of one: the kernel is asked once for all of them, and so what it says
// of them is of the same moment. That is what shows a deadlock.
func Inspect(locks ...Locker) []State {
	states, wants := make([]State, len(locks)), make([]want, len(locks))
	for i, l := range locks {
		wants[i], states[i].Err = l.seen()
	}
	inspect(states, wants, true)
	return states
}

// Waiters returns the processes that wait for the lock, those first that the
// kernel will serve first. It is the best effort of the moment: it takes no
// lock, and the answer may be stale. Empty means that none is known.
//
// The Linux kernel is asked (/proc/locks), so those who wait with flock(1) or
// from another language are seen too. A process is listed once, however many
// of its goroutines wait, and perhaps still after a wait of it was given up.
// Since when it waits is known only of waits of this package, after their first
// second, where the gate can be written. On other systems nobody is known.
func (l *Lock) Waiters() ([]Waiter, error) { return waiters(l.seen()) }

// Waiters returns the processes that wait for a slot, as [Lock.Waiters] does.
func (s *Semaphore) Waiters() ([]Waiter, error) { return waiters(s.seen()) }

func waiters(w want, err error) ([]Waiter, error) {
	if err != nil {
		return nil, err
	}
	state := w.state(true)
	return state.Waiters, state.Err
}

func holders(w want, err error) ([]Holder, error) {
	if err != nil {
		return nil, err
	}
	state := w.state(true)
	return state.Holders, state.Err
}

// state is the state of what is wanted. Unless it is to be thorough, it tells
// only of holders, and not of those who inherited a lock.
func (w want) state(thorough bool) State {
	states := make([]State, 1)
	inspect(states, []want{w}, thorough)
	return states[0]
}
