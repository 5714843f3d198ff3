//go:build !linux

package fileevent

// boot is not known here.
func boot() string { return "" }
