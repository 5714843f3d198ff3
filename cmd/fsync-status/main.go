// Fsync-status shows the locks, semaphores and events of a directory: the
// processes that hold them, set them or wait for them, and deadlocks. It also
// makes an HTML page of the journals that fsync-lock and fsync-event write.
//
// It prints a table, JSON or HTML on stdout, and errors on stderr after the name
// of the program. Text that other processes chose, such as a command line, is
// printed without control characters.
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

	"github.com/fsync-lock/fsync/cmd/internal/cli"
	"github.com/fsync-lock/fsync/cmd/internal/term"
	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/fskind"
)

func main() { os.Exit(run(os.Args)) }

// exitNotHeld is the exit status of --held if the lock is not held.
const exitNotHeld = 1

// run is the whole program: it reads the command line, looks, prints, and
// returns the exit status.
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

// printOnce prints the table, or JSON, of one look.
func (q *query) printOnce(out *os.File) int {
	l := q.look()
	circles := l.circles()
	if len(circles) > 0 {
		time.Sleep(secondLook)
		circles = confirmed(circles, l.again().circles())
	}
	v := l.view(circles)
	v.all = q.all
	w := bufio.NewWriter(out)
	var err error
	if q.json {
		err = v.writeJSON(w)
	} else {
		err = q.writeTable(w, out, v, l)
	}
	if err = cmp.Or(err, w.Flush()); err != nil {
		return q.program.Fail(cli.ExitOutput, err)
	}
	return q.complainAbout(l.problems())
}

// secondLook is the time before deadlocks are looked for a second time. A real
// deadlock stays; a process that is about to go on does so in less time.
const secondLook = 100 * time.Millisecond

func (q *query) writeTable(w io.Writer, out *os.File, v view, l *look) error {
	width, _, terminal := term.Size(out)
	if !terminal {
		width = 0
	}
	if len(v.Entries) == 0 && len(l.errs) == 0 {
		q.program.Complain("no locks, semaphores or events in " + l.where())
	}
	for _, line := range v.lines(l.labels, styleOf(terminal && hasColours(out)), width) {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
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

// answerHeld returns 0 if the lock, or every slot of the semaphore, is held.
//
// It asks the kernel. Only if the kernel does not tell of all holders, such as
// those in other PID namespaces, it tries the lock and releases it at once: at
// that moment a process that tries it without waiting finds it held. Trying a held
// lock disturbs no process, except on SMB: there it can end the hold of another
// process on this host.
func (q *query) answerHeld() int {
	l := q.look()
	if errs := l.problems(); len(errs) > 0 {
		return q.complainAbout(errs)
	}
	e := l.entries[0]
	switch {
	case e.full():
		return 0
	case e.Unknown == "":
		return exitNotHeld
	}
	held, err := e.tried()
	switch {
	case err == nil && held:
		return 0
	case err == nil:
		return exitNotHeld
	}
	return q.complainAbout([]error{fmt.Errorf("it is not known whether %s is held: %s; and fsync-status cannot try it: %w", l.labels[0], e.Unknown, err)})
}

// tried reports whether the lock, or every slot, is taken.
func (e entry) tried() (bool, error) {
	type locker interface {
		TryAcquire() (bool, error)
		Release() error
	}
	if info, err := os.Stat(e.Path); err == nil && info.Mode()&fs.ModeDevice != 0 {
		return false, errors.New("it is a device, and opening a device may have side effects")
	}
	if kind := fskind.Of(e.Path); slices.Contains([]string{"smb", "smb2", "cifs"}, kind.Name) {
		return false, errors.New("on " + kind.Name + ", a try may end the hold of another process")
	}
	var lock locker = filelock.New(e.Path, filelock.AnyFile())
	if e.isSemaphore() {
		if e.Slots == 0 {
			return false, nil // no process has acquired a slot yet
		}
		lock = filelock.NewSemaphore(e.Path, e.Slots)
	}
	got, err := lock.TryAcquire()
	if got {
		return false, lock.Release()
	}
	return err == nil, err
}
