// Package runlog writes the journal of a program that runs commands: it has the options
// of the journal, and writes the lines of a run.
package runlog

import (
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/fsync-lock/fsync/cmd/internal/cli"
	"github.com/fsync-lock/fsync/cmd/internal/getopt"
	"github.com/fsync-lock/fsync/cmd/internal/userdir"
	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/journal"
)

// A Log is the journal that the options choose.
type Log struct {
	File    string // empty = none
	MaxSize int64  // 0 = no limit
	NoArgs  bool   // the journal names the command without its arguments

	inherited bool // File comes from FSYNC_JOURNAL
}

// FromEnvironment returns the log to use without options.
func FromEnvironment() Log { return Log{File: os.Getenv("FSYNC_JOURNAL"), inherited: true} }

// Options returns the options of the journal. They have no abbreviations.
func (l *Log) Options() []getopt.Option {
	return []getopt.Option{
		{Long: []string{"journal"}, Arg: "FILE", Whole: true, Set: l.setFile},
		{Long: []string{"journal-max-size"}, Arg: "SIZE", Whole: true, Set: cli.Parsed(&l.MaxSize, cli.Size)},
		{Long: []string{"journal-no-args"}, Whole: true, Set: cli.Flag(&l.NoArgs)},
	}
}

func (l *Log) setFile(arg string) error {
	l.File, l.inherited = arg, false
	return nil
}

// Check refuses a maximum size without a journal. If a command is to run, it also refuses
// a relative FSYNC_JOURNAL: each job would have a journal in its own working directory.
// --journal-no-args without a journal does no harm.
func (l *Log) Check(runs bool) error {
	switch {
	case l.MaxSize > 0 && l.File == "":
		return errors.New("--journal-max-size needs --journal or FSYNC_JOURNAL")
	case runs && l.inherited && l.File != "":
		return userdir.CheckAbsolute("FSYNC_JOURNAL", l.File)
	}
	return nil
}

// written returns the command as the journal shows it.
func (l *Log) written(command []string) []string {
	if l.NoArgs && len(command) > 1 {
		return command[:1]
	}
	return command
}

// Holders returns the holders of a lock as the journal shows them.
func (l *Log) Holders(list []filelock.Holder) []filelock.Holder {
	if !l.NoArgs {
		return list
	}
	list = slices.Clone(list)
	for i := range list {
		list[i].Command, _, _ = strings.Cut(list[i].Command, " ")
	}
	return list
}

// Append is [journal.Append]. Tests make it wait longer for a locked journal.
var Append = journal.Append

func (l *Log) append(r journal.Run) error { return Append(l.File, r, l.MaxSize) }
