//go:build !linux

package fileevent

// tidy does nothing: this package uses extended attributes only on Linux.
func (m marker) tidy() {}

func (m marker) archived(string) version { return version{} }

func (m marker) keepSidecar() (release func()) { return func() {} }
