package term

import "os"

// InForeground is always true: a console has no background.
func InForeground() bool { return true }

// Writable is always true: Windows does not tell.
func Writable(*os.File) bool { return true }
