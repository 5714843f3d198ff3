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
	mine      []os.Signal    // which signals are caught; set before caught is closed
	delivered chan struct{}  // closed when signals is closed and empty
	mainLeft  chan struct{}  // closed when the main thread takes no more signals

	mu          sync.Mutex              // guards the fields below, and the exit of this process
	beforeExit  func()                  // called before a signal ends this process; may be nil
	interrupted func(syscall.Signal)    // called with that signal; may be nil
	command     *process                // nil until it runs
	rest        *process                // the command, from its limit until its descendants have had their time to end
	probe       *probe                  // nil = none
	asking      map[syscall.Signal]bool // signals for which the probe is being asked
	over        bool                    // the command has ended, or there will be none
	last        syscall.Signal          // the last signal that came while the command ran
	came        chan struct{}           // has one element when last is set
}

// NewRelay returns a relay that does not catch signals yet.
func NewRelay() *Relay {
	return &Relay{
		caught: make(chan struct{}), delivered: make(chan struct{}), mainLeft: make(chan struct{}),
		came: make(chan struct{}, 1), asking: map[syscall.Signal]bool{},
	}
}

// Listen begins to catch signals, and returns before they are caught. That takes a
// while, and the caller can take the lock meanwhile.
func (r *Relay) Listen() {
	r.listening.Do(func() { go r.catch() })
}

// Ready returns when all signals are caught. From then on no signal is lost, and before
// a signal ends this process, the function of WhenInterrupted is called.
func (r *Relay) Ready() {
	r.Listen()
	<-r.caught
}

// BeforeExit sets a function to call before a signal ends this process.
func (r *Relay) BeforeExit(do func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.beforeExit = do
}

// WhenInterrupted sets a function to call if a signal ends this process before the
// command runs.
func (r *Relay) WhenInterrupted(do func(syscall.Signal)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.interrupted = do
}

// UnlessInterrupted removes the function of WhenInterrupted and calls do, unless a
// signal is ending this process.
func (r *Relay) UnlessInterrupted(do func()) {
	r.unlessOver(func() {
		r.interrupted = nil
		do()
	})
}

// unlessOver calls do if the command has not ended, and reports whether it did.
func (r *Relay) unlessOver(do func()) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return false
	}
	do()
	return true
}

// Over notes that the command has ended, or that there will be none. From then on no
// signal is sent to the command, because another process may soon have its PID. Nor does
// a signal end this process, so it can finish its messages.
func (r *Relay) Over() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = true
	if r.probe != nil {
		r.probe.stop()
		r.probe = nil
	}
}

// deliver handles a signal; typed means that the terminal sent it.
func (r *Relay) deliver(sig syscall.Signal, typed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.command != nil:
		switch {
		case !r.over:
			r.passOn(sig, typed && !r.command.ownGroup)
		case r.rest != nil && sig != sigCont && !(typed && !r.rest.ownGroup):
			r.rest.signalRest(sig)
		}
		if sig != sigCont {
			r.last = sig
			select {
			case r.came <- struct{}{}:
			default:
			}
		}
	case sig != sigCont && !r.over:
		if r.beforeExit != nil {
			r.beforeExit()
		}
		if r.interrupted != nil {
			r.interrupted(sig)
		}
		os.Exit(endBy(sig))
	}
}

// passOn sends the command a signal that came to this process, unless the command has
// received it, too. hasIt means that the terminal sent it to both; otherwise the probe
// is asked. If two equal signals come while the probe is being asked, only one is passed
// on, just as the kernel merges two equal pending signals.
func (r *Relay) passOn(sig syscall.Signal, hasIt bool) {
	probe, p := r.probe, r.command
	switch {
	case hasIt && probe != nil:
		go probe.reachedCommand(sig, p) // removes the report, which could be mistaken for one of the next signal
	case hasIt:
	case probe == nil || sig == sigCont:
		p.signal(sig)
	case !r.asking[sig]:
		r.asking[sig] = true
		go func() {
			reached := probe.reachedCommand(sig, p)
			if reached {
				time.Sleep(double)
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			delete(r.asking, sig)
			if !reached && !r.over && r.command == p {
				if p.ownGroup { // the signal goes to the whole group, and so to the probe
					probe.ignoreNext(sig)
				}
				p.signal(sig)
			}
		}()
	}
}

// double is how long after a report an equal signal counts as the same one. A sender
// such as timeout(1) signals this process and then its group: this process gets two
// signals, the command and the probe get one each.
const double = 50 * time.Millisecond

// forgetRest stops passing signals on to the descendants of a command that has ended.
func (r *Relay) forgetRest() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rest = nil
}

// stopCatching stops catching signals, before a program replaces this process. When it
// returns, all caught signals have been delivered; they would be lost with this program.
// Later signals have their default effect, where setDefault can set that.
func (r *Relay) stopCatching() {
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

// ignoreSignals is called if the command could not be executed, so that no signal cuts
// off the message about that.
func (r *Relay) ignoreSignals() {
	if len(r.mine) > 0 { // Ignore without arguments ignores every signal
		signal.Ignore(r.mine...)
	}
}
