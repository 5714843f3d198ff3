// Fsync-status shows the locks, semaphores and events of a directory: the
// processes that hold them, set them or wait for them, and deadlocks. It also
// makes an HTML page of the journals that fsync-lock and fsync-event write.
//
// It prints a table, JSON or HTML on stdout, and errors on stderr. Text that other
// processes chose, such as a command line, is printed without control characters.
//
// A snapshot (snapshot.go) is the state of the operands at one moment. A listing
// (listing.go) is the output for it, as JSON or as a table (table.go). For --watch
// (watch.go), a pager (pager.go) chooses the lines of the table that fit, and a screen
// (screen.go) draws them. Package report makes the page of --report.
package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/fsync-lock/fsync"
	"github.com/fsync-lock/fsync/cmd/fsync-status/internal/report"
	"github.com/fsync-lock/fsync/cmd/internal/cli"
	"github.com/fsync-lock/fsync/cmd/internal/term"
	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/file"
	"github.com/fsync-lock/fsync/internal/fskind"
)

func main() { os.Exit(run(os.Args)) }

// exitNotHeld is the exit status of --held if the lock is not held.
const exitNotHeld = 1

// run reads the command line, does what it asks for and returns the exit status.
func run(args []string) int {
	program := cli.Program(filepath.Base(args[0]))
	q, err := parse(program, args[1:])
	if err != nil {
		return program.Refuse(err)
	}
	switch {
	case q.held:
		return q.answerHeld()
	case q.report:
		return q.printReport(os.Stdout)
	case q.watch:
		return q.showLive(os.Stdout)
	}
	return q.printOnce(os.Stdout)
}

// confirmAfter is the time until a second snapshot, which confirms deadlocks. A process
// that only seems to be in a deadlock goes on in less time.
const confirmAfter = 100 * time.Millisecond

// printOnce prints the table or the JSON of one snapshot.
func (q *query) printOnce(out *os.File) int {
	s := q.takeSnapshot()
	deadlocks := s.deadlocks()
	if len(deadlocks) > 0 {
		time.Sleep(confirmAfter)
		deadlocks = confirmed(deadlocks, s.takeAgain().deadlocks())
	}
	l := s.listing(deadlocks)
	l.all = q.all
	w := bufio.NewWriter(out)
	var err error
	if q.json {
		err = l.writeJSON(w)
	} else {
		if len(s.entries) == 0 && len(s.errs) == 0 {
			q.program.Complain("no locks, semaphores or events in " + s.where())
		}
		err = l.writeTable(w, out)
	}
	if err = cmp.Or(err, w.Flush()); err != nil {
		return q.program.Fail(cli.ExitOutput, err)
	}
	return q.complainAbout(s.allErrors())
}

// writeTable writes the table in the style of the terminal out, if that is one.
func (l listing) writeTable(w io.Writer, out *os.File) error {
	width, _, terminal := term.Size(out)
	if !terminal {
		width = 0
	}
	for _, line := range l.lines(newStyle(terminal && hasColours(out)), width) {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

// printReport prints the page of the journals.
func (q *query) printReport(out *os.File) int {
	if term.IsTerminal(out) {
		q.program.Complain("--report: stdout is a terminal; redirect it to a file: --report JOURNAL > PAGE.html")
		return cli.ExitUsage
	}
	r, err := report.Read(q.operands, q.interval, q.program.Complain)
	if err != nil {
		return q.complainAbout([]error{err})
	}
	w := bufio.NewWriter(out)
	err = r.WriteHTML(w)
	if err = cmp.Or(err, w.Flush()); err != nil {
		return q.program.Fail(cli.ExitOutput, err)
	}
	return 0
}

func (q *query) complainAbout(errs []error) int {
	for _, err := range errs {
		q.program.Complain(err.Error())
	}
	if len(errs) > 0 {
		return cli.ExitNoInput
	}
	return 0
}

// answerHeld is --held. It returns 0 if the lock, or every slot of the semaphore, is
// held.
//
// It asks the kernel. If the kernel does not show all holders, such as those in other PID
// namespaces, answerHeld tries the lock.
func (q *query) answerHeld() int {
	s := q.takeSnapshot()
	if errs := s.allErrors(); len(errs) > 0 {
		return q.complainAbout(errs)
	}
	e := s.entries[0]
	if e.isFull() {
		return 0
	}
	if e.Unknown == "" {
		return exitNotHeld
	}
	free, err := e.try()
	switch {
	case err != nil:
		return q.complainAbout([]error{fmt.Errorf("it is not known whether %s is held: %s; and fsync-status cannot try it: %w", e.label, e.Unknown, err)})
	case free:
		return exitNotHeld
	}
	return 0
}

// try tries to acquire the lock, or a slot of the semaphore, and releases it at once.
// Another process that tries the lock at that moment without waiting finds it held.
// Trying a held lock disturbs no process, except on SMB: there it can end the hold
// of another process on this host.
func (e entry) try() (free bool, err error) {
	if info, err := file.Stat(e.Path); err == nil && info.Mode&fs.ModeDevice != 0 {
		return false, errors.New("it is a device, and opening a device may have side effects")
	}
	if kind := fskind.Of(e.Path); slices.Contains([]string{"smb", "smb2", "cifs"}, kind.Name) {
		return false, errors.New("on " + kind.Name + ", a try may end the hold of another process")
	}
	var lock interface {
		TryAcquire() (bool, error)
		Release() error
	} = filelock.New(e.Path, filelock.AnyFile())
	if e.Kind == fsync.KindSemaphore {
		lock = filelock.NewSemaphore(e.Path, e.Slots)
	}
	if free, err = lock.TryAcquire(); free {
		err = lock.Release()
	}
	return free, err
}
