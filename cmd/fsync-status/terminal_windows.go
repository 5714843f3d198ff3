package main

import (
	"os"
	"syscall"

	"golang.org/x/sys/windows"
)

// needsTERM means that a terminal without a TERM can only print. A console has none.
const needsTERM = false

// enableSequences makes the console obey escape sequences, as Windows 10 and later can.
func enableSequences(f *os.File) bool {
	h := windows.Handle(f.Fd())
	var mode uint32
	return windows.GetConsoleMode(h, &mode) == nil &&
		windows.SetConsoleMode(h, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}

var (
	endSignals   = []os.Signal{os.Interrupt, syscall.SIGTERM}
	otherSignals = []os.Signal{}
)

func isStop(os.Signal) bool { return false }

func isResize(os.Signal) bool { return false }

func number(sig os.Signal) int { return int(sig.(syscall.Signal)) }

func stopSelf(func()) {}

func awaitKey(*os.File) {}

// quietKeys makes the console send each key at once, without an echo. restore undoes
// that.
func quietKeys(f *os.File) (restore func()) {
	h := windows.Handle(f.Fd())
	var before uint32
	if windows.GetConsoleMode(h, &before) != nil {
		return func() {}
	}
	quiet := before &^ (windows.ENABLE_ECHO_INPUT | windows.ENABLE_LINE_INPUT)
	windows.SetConsoleMode(h, quiet|windows.ENABLE_VIRTUAL_TERMINAL_INPUT) // arrow keys send sequences, as on other systems
	return func() { windows.SetConsoleMode(h, before) }
}
