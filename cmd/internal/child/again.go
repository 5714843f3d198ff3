package child

import "syscall"

// Again makes the relay ready for another command after one that has ended: a
// signal that comes from now on ends this process, as it did before the first.
// It reports false if one has come that ends programs, while the command ran:
// the command had it, and there is to be no other command.
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
