// Package fskind tells what kind of file system a file or a directory is on: whether it
// reports changes, and whether a wait for a lock there can be interrupted.
package fskind

// A Kind is the kind of a file system. A local file system, which reports all changes, has
// the zero Kind, and so has one that is not in our lists.
type Kind struct {
	Name string // for people; empty if it is not in our lists

	// Silent: the file system does not report all changes, because some are made on
	// another host, or in the directories that it is made of.
	Silent bool

	// Network: another host answers, or another process (FUSE). If an answer is lost,
	// the request is repeated and may then return an error. Answers are cached. A
	// thread that waits for an answer cannot always be interrupted.
	Network bool
}

func network(name string) Kind { return Kind{name, true, true} }

func silent(name string) Kind { return Kind{name, true, false} }
