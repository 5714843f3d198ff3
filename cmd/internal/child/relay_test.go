package child

import (
	"syscall"
	"testing"
)

// When the run is over, a signal does not end this process, and is not reported.
func TestSignalAfterTheEnd(t *testing.T) {
	t.Parallel()
	r := NewRelay()
	r.WhenInterrupted(func(sig syscall.Signal) { t.Errorf("%v was reported", sig) })
	r.Over()
	r.deliver(syscall.SIGTERM, false)
}
