//go:build !linux

package fileevent

// tidy does nothing: a tombstone can be moved nowhere.
func (m marker) tidy() {}

func (m marker) archived() version { return version{} }
