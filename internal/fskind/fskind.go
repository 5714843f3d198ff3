// Package fskind tells what kind of file system a directory is on, as far as
// that matters to those who wait for changes in it.
package fskind

// A Kind is what there is to know about a file system. The zero Kind is a
// local one, which reports all changes, and what is not known to be otherwise.
type Kind struct {
	Name string // for people; empty if it is not in our lists

	// Silent: there are changes that watchers are not told of, because they
	// are made on another host, or beneath the file system.
	Silent bool

	// Network: another host answers. What it is asked twice because an answer
	// was lost may come back as an error, and what it said is remembered here.
	Network bool
}

func network(name string) Kind { return Kind{name, true, true} }

func silent(name string) Kind { return Kind{name, true, false} }
