// Package child runs the command of a wrapper such as fsync-lock: it starts the
// command, hands signals on to it, limits its time, and ends this process as
// the command ended.
package child

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// A Relay has the signals that come to this process. Until there is a command
// they end the process, and with it the wait for the lock; from then on they
// are handed to the command; when that has ended they do nothing any more.
//
// A signal from the terminal is not handed on: the terminal sends it to all of
// its foreground, and so to the command too, which would get it twice.
//
// Who delivers a signal does so itself, under the mutex. So nobody waits for
// the command's end but the one who waits for it in the kernel, and there is
// nothing to wake up between that end and ours.
type Relay struct {
	listening sync.Once
	caught    chan struct{}  // closed when no signal can kill this process but by our hand
	signals   chan os.Signal // what is caught; set before caught is closed
	mine      []os.Signal    // which are, likewise
	delivered chan struct{}  // closed when signals is, and empty
	left      chan struct{}  // closed when the main thread takes no signals any more

	mu     sync.Mutex              // guards the fields below; the end of the process is under it too
	tidy   func()                  // what to do before the end; nil = nothing
	tell   func(syscall.Signal)    // whom to tell of it; nil = nobody
	p      *process                // the command; nil until it runs
	sentry *sentry                 // beside it; nil = none
	asking map[syscall.Signal]bool // of which signals the sentry is asked
	ended  bool                    // it has, or there will be none
	last   syscall.Signal
	came   chan struct{} // has one when last is set
}

// NewRelay returns a relay that does not listen yet.
func NewRelay() *Relay {
	return &Relay{
		caught: make(chan struct{}), delivered: make(chan struct{}), left: make(chan struct{}),
		came: make(chan struct{}, 1), asking: map[syscall.Signal]bool{},
	}
}

// Listen begins to catch signals. It does not wait until they are: that takes
// a while, in which the lock can be taken.
func (r *Relay) Listen() {
	r.listening.Do(func() { go r.catch() })
}

// Ready returns when no signal is lost any more, or ends this process without
// whoever is to be told of it.
func (r *Relay) Ready() {
	r.Listen()
	<-r.caught
}

// deliver does what is to be done about a signal. Typed says that the terminal
// sent it.
func (r *Relay) deliver(sig syscall.Signal, typed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.p != nil:
		if !r.ended {
			r.handOn(sig, typed && !r.p.apart)
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

// handOn sends the command a signal that has come to this process, unless the
// command has got it, too: the terminal has sent it to both, or the sentry tells
// so. Of two equal signals that come while the sentry is waited for one is
// handed on, as the kernel does it with two that a process has not yet taken.
func (r *Relay) handOn(sig syscall.Signal, hasIt bool) {
	s, p := r.sentry, r.p
	switch {
	case hasIt && s != nil:
		go s.got(sig, p) // so that what it reports is not taken for the next one
	case hasIt:
	case s == nil || sig == sigCont:
		p.signal(sig)
	case !r.asking[sig]:
		r.asking[sig] = true
		go func() {
			got := s.got(sig, p)
			r.mu.Lock()
			defer r.mu.Unlock()
			delete(r.asking, sig)
			if !got && !r.ended && r.p == p {
				if p.apart { // it goes to the whole group
					s.expect(sig)
				}
				p.signal(sig)
			}
		}()
	}
}

// post posts the sentry beside a command, if that still runs.
func (r *Relay) post(p *process) {
	r.unlessOver(func() {
		if r.p == p {
			r.sentry = post(p)
		}
	})
}

// start starts the command, when signals are caught. One that comes while it is
// started is handed to it.
func (r *Relay) start(c Command) (*process, error) {
	r.Ready()
	r.mu.Lock()
	defer r.mu.Unlock()
	p, err := c.start()
	if err == nil {
		r.p = p
		if sentryAfter > 0 {
			time.AfterFunc(sentryAfter, func() { r.post(p) })
		}
	}
	return p, err
}

// release ends the catching, before a program is executed in our place: what
// was caught and not yet delivered would be lost with us. What comes from now
// on does what it does by default, where the system can be told so, and what
// has come is delivered when release returns.
func (r *Relay) release() {
	r.leaveMainThread()
	select {
	case <-r.caught:
	default:
		return // there was nothing to wait for
	}
	for _, sig := range r.mine {
		setDefault(sig.(syscall.Signal))
	}
	signal.Stop(r.signals)
	close(r.signals)
	<-r.delivered
}

// ignore has signals do nothing any more, when the command could not be
// executed after all: what there is to be said of it is not to be cut short.
func (r *Relay) ignore() {
	if len(r.mine) > 0 { // without any it would ignore all that there are
		signal.Ignore(r.mine...)
	}
}

// Before has something done before a signal ends this process.
func (r *Relay) Before(tidy func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tidy = tidy
}

// WhenInterrupted has somebody told if a signal ends this process before there
// is a command.
func (r *Relay) WhenInterrupted(tell func(syscall.Signal)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tell = tell
}

// InsteadOfTelling does something unless the relay has told of a signal, and has
// nobody told of one that comes later.
func (r *Relay) InsteadOfTelling(do func()) {
	r.unlessOver(func() {
		r.tell = nil
		do()
	})
}

// unlessOver does something to the command, if that has not ended, and reports
// whether it did.
func (r *Relay) unlessOver(do func()) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return false
	}
	do()
	return true
}

// Over says that the command has ended, and must not be sent anything any more:
// its PID is about to be somebody else's. Or that there will be no command, and
// that what this process has still to say is not to be cut short.
func (r *Relay) Over() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	if r.sentry != nil {
		r.sentry.dismiss()
		r.sentry = nil
	}
}

// Mourn ends this process by the signal that ended both it and the command, as
// if it had not been caught here: a shell goes on with its loop if a command
// has dealt with Ctrl-C, and stops if Ctrl-C has killed it.
func (r *Relay) Mourn(end Outcome) int {
	r.awaitTyped(end)
	r.mu.Lock()
	defer r.mu.Unlock()
	if end.By != 0 && end.By == r.last {
		return endBy(end.By)
	}
	return end.Status
}

// awaitTyped waits for an INT that the terminal has sent to the command, and so
// to us as well: it may still be on its way.
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
	Status int            // as it is handed on
	By     syscall.Signal // what ended it; 0 = itself

	Overtime bool       // it was told to end because it ran for too long; By is KILL if it was killed
	Left     []Survivor // and these were not ended
}
