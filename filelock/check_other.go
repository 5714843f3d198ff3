//go:build !linux

package filelock

import "os"

// shownMode returns unknownMode: these systems do not show the locks of an open file.
func shownMode(*os.File) lockMode { return unknownMode }
