//go:build !unix

package testproc

// endWithTest does nothing: only Unix tells that the other end of a pipe is closed, without
// a read.
func endWithTest() {}
