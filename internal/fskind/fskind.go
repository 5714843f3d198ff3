// Package fskind tells what kind of file system a file or a directory is on: whether it
// reports changes, and whether a wait for a lock there can be interrupted.
package fskind

// A Kind is the kind of a file system. The zero Kind is for local file systems, which report
// all changes, and for those that this package does not know.
type Kind struct {
	Name string // for people

	// Silent: the file system does not report all changes, because some are made on
	// another host, or directly in the directories below an overlay.
	Silent bool

	// Network: another host answers, or another process (FUSE). If an answer is lost,
	// the request is repeated and may then return an error. Answers are cached. A
	// thread that waits for an answer cannot always be interrupted.
	Network bool
}

func network(name string) Kind { return Kind{name, true, true} }

func silent(name string) Kind { return Kind{name, true, false} }
