package child

import (
	"syscall"
	"testing"
)

// When the run is over a signal neither ends this process nor is told of.
func TestSignalAfterTheEnd(t *testing.T) {
	t.Parallel()
	r := NewRelay()
	r.WhenInterrupted(func(sig syscall.Signal) { t.Errorf("told of %v", sig) })
	r.Over()
	r.deliver(syscall.SIGTERM, false)
}
