//go:build !(linux || darwin || dragonfly || freebsd || openbsd || windows)

package fskind

// Of knows nothing here.
func Of(string) Kind { return Kind{} }

// OfDescriptor knows nothing here.
func OfDescriptor(int) Kind { return Kind{} }
