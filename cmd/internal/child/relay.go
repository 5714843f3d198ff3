// Package child runs the command of a wrapper such as fsync-lock: it starts the
// command, passes signals on to it, limits its time, and ends this process as
// the command ended.
package child

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// A Relay catches the signals of this process. Before the command starts, a signal
// ends this process and its wait for the lock. While the command runs, the
// signal is passed on to it. After the command, signals have no effect.
//
// A signal from the terminal is not passed on: the terminal sends it to the whole
// foreground, so the command would get it twice.
//
// deliver runs in the receiving goroutine, under mu, so no other goroutine has to
// be woken between the command's end and ours.
type Relay struct {
	listening sync.Once
	caught    chan struct{}  // closed when all signals are caught
	signals   chan os.Signal // the caught signals; set before caught is closed
	mine      []os.Signal    // the signals to catch; set before caught is closed
	delivered chan struct{}  // closed when signals is closed and empty
	left      chan struct{}  // closed when the main thread takes no more signals

	mu     sync.Mutex              // guards the fields below, and the exit of this process
	tidy   func()                  // called before a signal ends this process; may be nil
	tell   func(syscall.Signal)    // called with that signal; may be nil
	p      *process                // the command; nil until it runs
	rest   *process                // the command, from its limit until the processes that it left have had their time
	sentry *sentry                 // beside the command; nil = none
	asking map[syscall.Signal]bool // signals for which the sentry is being asked
	ended  bool                    // the command has ended, or there will be none
	last   syscall.Signal          // the last signal that came while the command ran
	came   chan struct{}           // has one element when last is set
}

// NewRelay returns a relay that does not catch signals yet.
func NewRelay() *Relay {
	return &Relay{
		caught: make(chan struct{}), delivered: make(chan struct{}), left: make(chan struct{}),
		came: make(chan struct{}, 1), asking: map[syscall.Signal]bool{},
	}
}

// Listen begins to catch signals, and returns before they are caught. That takes a
// while, in which the caller can take the lock.
func (r *Relay) Listen() {
	r.listening.Do(func() { go r.catch() })
}

// Ready returns when all signals are caught. From then on no signal is lost, or
// ends this process without a call of tell.
func (r *Relay) Ready() {
	r.Listen()
	<-r.caught
}

// deliver handles a signal; typed means that the terminal sent it.
func (r *Relay) deliver(sig syscall.Signal, typed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.p != nil:
		switch {
		case !r.ended:
			r.handOn(sig, typed && !r.p.apart)
		case r.rest != nil && sig != sigCont && !(typed && !r.rest.apart):
			r.rest.signalRest(sig)
		}
		if sig != sigCont {
			r.last = sig
			select {
			case r.came <- struct{}{}:
			default:
			}
		}
	case sig != sigCont && !r.ended:
		if r.tidy != nil {
			r.tidy()
		}
		if r.tell != nil {
			r.tell(sig)
		}
		os.Exit(endBy(sig))
	}
}

// handOn sends the command a signal that came to this process, unless the command
// has received it, too: from the terminal, or as the sentry reports. If two equal
// signals come while the sentry is being asked, only one is passed on, just as
// the kernel merges two equal pending signals.
func (r *Relay) handOn(sig syscall.Signal, hasIt bool) {
	s, p := r.sentry, r.p
	switch {
	case hasIt && s != nil:
		go s.got(sig, p) // takes the report, which would be mistaken for the next signal
	case hasIt:
	case s == nil || sig == sigCont:
		p.signal(sig)
	case !r.asking[sig]:
		r.asking[sig] = true
		go func() {
			got := s.got(sig, p)
			if got {
				time.Sleep(double)
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			delete(r.asking, sig)
			if !got && !r.ended && r.p == p {
				if p.apart { // the signal goes to the whole group, and so to the sentry
					s.expect(sig)
				}
				p.signal(sig)
			}
		}()
	}
}

// double is how long after a report an equal signal counts as the same one: a
// sender such as timeout(1) signals this process and then its group, so that two
// come here, one to the command, and one to the sentry.
const double = 50 * time.Millisecond

// start starts the command after signals are caught. A signal that comes
// meanwhile is passed on to the command.
func (r *Relay) start(c Command) (*process, error) {
	r.Ready()
	r.mu.Lock()
	defer r.mu.Unlock()
	p, err := c.start()
	if err == nil {
		r.p = p
		r.sentry = post(p) // while the command is loaded: that takes longer
	}
	return p, err
}

// release stops catching signals, before a program replaces this process. When it
// returns, all caught signals are delivered; otherwise they would be lost. Later
// signals have their default effect, where setDefault can set that.
func (r *Relay) release() {
	r.leaveMainThread()
	select {
	case <-r.caught:
	default:
		return // signals were never caught
	}
	for _, sig := range r.mine {
		setDefault(sig.(syscall.Signal))
	}
	signal.Stop(r.signals)
	close(r.signals)
	<-r.delivered
}

// ignore makes this process ignore signals when the command could not be executed,
// so that no signal cuts off the message about it.
func (r *Relay) ignore() {
	if len(r.mine) > 0 { // Ignore without arguments ignores every signal
		signal.Ignore(r.mine...)
	}
}

// Before sets a function to call before a signal ends this process.
func (r *Relay) Before(tidy func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tidy = tidy
}

// WhenInterrupted sets a function to call if a signal ends this process before the
// command runs.
func (r *Relay) WhenInterrupted(tell func(syscall.Signal)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tell = tell
}

// InsteadOfTelling calls do, unless a signal is ending this process, and removes
// the function of WhenInterrupted.
func (r *Relay) InsteadOfTelling(do func()) {
	r.unlessOver(func() {
		r.tell = nil
		do()
	})
}

// unlessOver calls do if the command has not ended, and reports whether it did.
func (r *Relay) unlessOver(do func()) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return false
	}
	do()
	return true
}

// Over notes that the command has ended, or that there will be none. The command
// gets no more signals, because its PID may soon be that of another process.
// Signals do not end this process any more, so it can finish its messages.
func (r *Relay) Over() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	if r.sentry != nil {
		r.sentry.dismiss()
		r.sentry = nil
	}
}

// leaveRest ends the passing on of signals to the processes that the command has
// left.
func (r *Relay) leaveRest() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rest = nil
}

// Mourn ends this process as the command ended, by the same signal if one came to
// both. A shell needs that: it stops a loop if Ctrl-C killed a command, and goes
// on if the command handled Ctrl-C.
func (r *Relay) Mourn(end Outcome) int {
	r.awaitTyped(end)
	r.mu.Lock()
	defer r.mu.Unlock()
	if end.By != 0 && end.By == r.last {
		return endBy(end.By)
	}
	return end.Status
}

// awaitTyped waits for our copy of an INT from the terminal that ended the
// command: it may still be on its way.
func (r *Relay) awaitTyped(end Outcome) {
	r.mu.Lock()
	awaited := end.By == sigInt && r.last != sigInt && !r.p.apart && fromTerminal(sigInt)
	r.mu.Unlock()
	if !awaited {
		return
	}
	select {
	case <-r.came:
	case <-time.After(time.Second):
	}
}

// An Outcome is how a command ended.
type Outcome struct {
	Status int            // the exit status of this process
	By     syscall.Signal // the signal that ended it; 0 = none

	Overtime bool       // it ran longer than its limit; By is KILL if it was killed
	Left     []Survivor // processes that it has started, or it itself, that did not end
}
