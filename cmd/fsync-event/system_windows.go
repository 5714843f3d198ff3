package main

import (
	"os"
	"syscall"

	"golang.org/x/sys/windows"
)

const sigCont = syscall.Signal(-1) // there is none

// caught is Ctrl-C, the only signal that there is.
func caught() []syscall.Signal { return []syscall.Signal{syscall.SIGINT} }

// fromTerminal is always true: the console sends its signals to every process
// on it, and nobody else sends any.
func fromTerminal(syscall.Signal) bool { return true }

func endBy(sig syscall.Signal) int { return exitSignal + int(sig) }

// columns returns the width of the console that f is, if it is one.
func columns(f *os.File) (int, bool) {
	var info windows.ConsoleScreenBufferInfo
	err := windows.GetConsoleScreenBufferInfo(windows.Handle(f.Fd()), &info)
	return int(info.Size.X), err == nil
}

func inForeground() bool { return true }
