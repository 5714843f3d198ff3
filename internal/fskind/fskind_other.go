//go:build !(linux || darwin || dragonfly || freebsd || openbsd || windows)

package fskind

// Of returns the zero Kind: this package knows no kinds on these systems.
func Of(string) Kind { return Kind{} }

// OfDescriptor returns the zero Kind.
func OfDescriptor(int) Kind { return Kind{} }
