//go:build !linux

package fileevent

// yield does nothing: there is no such call here.
func yield() {}
