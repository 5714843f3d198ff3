// Package fskind tells what kind of file system a file or a directory is on: whether
// its changes are reported, and whether a wait for a lock there can be interrupted.
package fskind

// A Kind is the kind of a file system. The zero Kind is that of a local one, which
// reports all changes, and of one that is not in our lists.
type Kind struct {
	Name string // for people; empty if it is not in our lists

	// Silent: watchers are not told of all changes, because some are made on
	// another host, or beneath the file system.
	Silent bool

	// Network: another host answers, or another process (FUSE). A request that is
	// repeated because its answer was lost may return an error, and answers are
	// cached. A thread that waits for an answer may not be interrupted.
	Network bool
}

func network(name string) Kind { return Kind{name, true, true} }

func silent(name string) Kind { return Kind{name, true, false} }
