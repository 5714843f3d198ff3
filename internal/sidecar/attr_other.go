//go:build !linux

package sidecar

// Attr returns nil: there are no attributes here.
func Attr(dir, name string) []byte { return nil }
