//go:build !unix

package testproc

// endWithTest does nothing: only on Unix can a process see, without a read, that the other
// end of a pipe is closed.
func endWithTest() {}
