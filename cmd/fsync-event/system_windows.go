package main

import (
	"syscall"
)

const sigCont = syscall.Signal(-1) // there is none

// caught is Ctrl-C, the only signal that there is.
func caught() []syscall.Signal { return []syscall.Signal{syscall.SIGINT} }

// fromTerminal is always true: the console sends its signals to every process
// on it, and nobody else sends any.
func fromTerminal(syscall.Signal) bool { return true }

func endBy(sig syscall.Signal) int { return exitSignal + int(sig) }
