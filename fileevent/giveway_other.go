//go:build !linux

package fileevent

// giveWay has no call for it.
func giveWay() {}
