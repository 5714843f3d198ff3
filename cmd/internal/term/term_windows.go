// Package term is about terminals.
package term

import (
	"os"

	"golang.org/x/sys/windows"
)

// Columns returns the width of the console f, or false if f is not a console.
func Columns(f *os.File) (int, bool) {
	var info windows.ConsoleScreenBufferInfo
	err := windows.GetConsoleScreenBufferInfo(windows.Handle(f.Fd()), &info)
	return int(info.Size.X), err == nil
}

// InForeground is always true: a console has no background.
func InForeground() bool { return true }

// Takes is always true: Windows does not tell.
func Takes(*os.File) bool { return true }
