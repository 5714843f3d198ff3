//go:build !linux

package watch

import "github.com/fsnotify/fsnotify"

// narrow has nothing to do: kqueue(2) has no report per write of a file that
// only the directory is watched for, and elsewhere there is no way.
func narrow(*fsnotify.Watcher, string) bool { return false }
