//go:build !linux

package watch

import "github.com/fsnotify/fsnotify"

// narrow does nothing: kqueue(2) does not report each write to a file of a watched
// directory, and other systems have no way to narrow the reports.
func narrow(*fsnotify.Watcher, string) (number int, ok bool) { return 0, false }

func discard(*fsnotify.Watcher, int) {}
