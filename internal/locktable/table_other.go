//go:build !linux

package locktable

// Flocks returns nothing: this kernel has no table of its locks.
func Flocks() string { return "" }
