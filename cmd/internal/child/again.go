package child

import "syscall"

// Again makes the relay ready for another command after one has ended: from now
// on a signal ends this process, as it did before the first command. It reports
// false if TERM, INT, HUP or QUIT came while the command ran: the command got the
// signal, and the caller must not run another one.
func (r *Relay) Again(end Outcome) bool {
	r.awaitTyped(end)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch r.last {
	case syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT:
		return false
	}
	r.p, r.ended, r.last, r.tell = nil, false, 0, nil
	select {
	case <-r.came:
	default:
	}
	return true
}
