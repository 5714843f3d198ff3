//go:build !linux

package testproc

// Halt skips the test: only Linux shows whether a process has stopped.
func (p *Proc) Halt() (goOn func()) {
	p.t.Helper()
	p.t.Skip("only Linux shows whether a process has stopped")
	return nil
}
