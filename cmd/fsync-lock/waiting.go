package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsync-lock/fsync/cmd/internal/child"
	"github.com/fsync-lock/fsync/cmd/internal/term"
	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/printable"
)

// askAgain is how long showWait uses a list of holders again: finding them takes work.
const askAgain = 5 * time.Second

// showWait shows on a terminal that this process waits for the lock, and which
// process holds it, until stop is called.
func (j *job) showWait(l lock, r *child.Relay) (stop func()) {
	var asked time.Time
	var who []filelock.Holder
	notice := term.Show(func() string {
		if now := time.Now(); asked.IsZero() || now.Sub(asked) >= askAgain {
			who, asked = holders(l), now
		}
		line := string(j.program) + ": waiting for " + j.label(l)
		if who := held(who); who != "" {
			line += ", " + who
		}
		return line
	})
	r.BeforeExit(notice.Wipe)
	return notice.Wipe
}

// reportConflict prints, on a terminal or with --verbose, why the lock was not acquired
// and which process holds it. It returns the holder for the journal, if there is one.
func (j *job) reportConflict(l lock, err error, journalled bool) string {
	var inTheWay *filelock.LockedError
	if errors.As(err, &inTheWay) { // resize has printed it
		return held(j.log.Holders(inTheWay.Holders))
	}
	shown := j.verbose || !j.skip && term.IsTerminal(os.Stderr) && term.Writable(os.Stderr)
	if !shown && !journalled {
		return ""
	}
	list := holders(l)
	who, written := held(list), held(j.log.Holders(list))
	if !shown {
		return written
	}
	if j.verbose {
		line := "failed to get lock"
		if j.timeout > 0 {
			line = "timeout while waiting to get lock"
		}
		j.program.Complain(line)
	}
	switch {
	case who != "":
		j.program.Complain(j.label(l) + " is " + who)
	case !j.verbose:
		j.program.Complain(j.label(l) + " is held")
	}
	return written
}

// holders returns the holders of the lock. If there seem to be none, it asks again: the
// kernel's table of locks is read in pieces, and a line may be missed while other lines
// come and go.
func holders(l lock) (list []filelock.Holder) {
	for range 3 {
		if list = suspects(l); len(list) > 0 {
			break
		}
	}
	return list
}

// suspects returns the processes that probably hold the lock.
func suspects(l lock) []filelock.Holder {
	if l, ok := l.(filelock.Inspectable); ok {
		return filelock.Inspect(l)[0].LikelyHolders()
	}
	list, _ := l.Holders()
	return list
}

// label returns the name of the lock in messages, as on the command line.
func (j *job) label(l lock) string {
	if j.path != "" {
		return printable.Shorten(j.path, 80)
	}
	if path := l.Path(); path != "" {
		return printable.Shorten(filepath.Base(path), 80)
	}
	return fmt.Sprintf("descriptor %d", j.fd)
}

// held returns a text about the holder that has held the lock longest: held 2m13s by
// pid 4242 (rsync -a /srv). It is empty if no holder is known.
func held(holders []filelock.Holder) string {
	holders = jobs(holders)
	if len(holders) == 0 {
		return ""
	}
	h := holders[0]
	for _, other := range holders[1:] {
		if !other.Since.IsZero() && (h.Since.IsZero() || other.Since.Before(h.Since)) {
			h = other
		}
	}
	var b strings.Builder
	b.WriteString("held ")
	if d := time.Since(h.Since).Truncate(time.Second); !h.Since.IsZero() && d >= 0 {
		b.WriteString(d.String() + " ")
	}
	fmt.Fprintf(&b, "by pid %d", h.PID)
	if h.Command != "" {
		fmt.Fprintf(&b, " (%s)", printable.Shorten(h.Command, 80))
	}
	if here, _ := os.Hostname(); h.Host != "" && h.Host != here {
		b.WriteString(" on " + printable.Shorten(h.Host, 64))
	}
	if more := len(holders) - 1; more > 0 {
		fmt.Fprintf(&b, " and %d more", more)
	}
	return b.String()
}

// jobs leaves out fsync-lock and flock, if other processes are in the list: a command
// tells more about why the lock is held than its wrapper.
func jobs(holders []filelock.Holder) []filelock.Holder {
	var list []filelock.Holder
	for _, h := range holders {
		program, _, _ := strings.Cut(h.Command, " ")
		switch strings.TrimSuffix(filepath.Base(program), ".exe") {
		case "fsync-lock", "flock":
		default:
			list = append(list, h)
		}
	}
	if len(list) == 0 {
		return holders
	}
	return list
}
