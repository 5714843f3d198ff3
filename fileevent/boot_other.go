//go:build !linux

package fileevent

// boot returns nothing: there is no ID of the boot here.
func boot() string { return "" }
