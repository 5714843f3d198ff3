// Package userdir finds the directory of names: where fsync-lock, fsync-event
// and fsync-status look up a NAME when no --dir says it.
//
// All processes of a user have to find the same directory, or two of them hold
// a lock of one name at the same time. A login shell, cron, a systemd unit and
// su set different variables, so this is the order, and why:
//
//   - $FSYNC_DIR, if it is set. It must be an absolute path: cron expands no
//     variables, and FSYNC_DIR=$HOME/.fsync in a crontab would be a directory
//     called $HOME in each job's working directory.
//   - $XDG_RUNTIME_DIR/fsync, if somebody gave the process a runtime directory
//     that belongs to its user and is not a login session's. The session's,
//     /run/user/UID, is removed at logout, below a job that still runs, and
//     cron does not know it. A relative path is ignored, as the specification
//     of the variable says, and so is another user's directory, which root may
//     have from sudo or su.
//   - for root /run/fsync, whatever HOME is. Only root can write to /run;
//     /run/lock is open to everybody on some systems, and anybody could make
//     a directory there first. It is empty after a boot.
//   - else ~/.local/state/fsync, which is private, outlives sessions and is
//     known to every process of the user: cron sets HOME, and without HOME, or
//     with the HOME of another user, the password file has it. XDG_STATE_HOME
//     is not asked, because cron does not have what a profile sets.
//     Directories in /tmp and /var/tmp are cleaned while locks are held, and a
//     service may have its own /tmp.
//   - on a home that other hosts share, ~/.local/state/fsync/HOST: a job of one
//     host should not wait for, or skip because of, the same job of another,
//     and few network file systems lock reliably between hosts.
//   - on Windows %LOCALAPPDATA%\fsync.
package userdir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/fsync-lock/fsync"
	"github.com/fsync-lock/fsync/internal/fskind"
)

// ErrUsage is in every error that the user mends by --dir or FSYNC_DIR, not by
// changing a file: the exit status for it is 64.
var ErrUsage = errors.New("no directory of names")

// A usageError is an ErrUsage with its own text.
type usageError string

func (e usageError) Error() string { return string(e) }
func (usageError) Unwrap() error   { return ErrUsage }

// Default returns the directory that Open uses without --dir. It may not exist.
func Default() (string, error) {
	dir, _, err := find()
	return dir, err
}

// Open returns the manager of the directory that --dir gives, or, if that is
// empty, of the default one. It makes a missing directory, for the user alone.
// It refuses a default directory that others can write to, unless it is
// FSYNC_DIR. It may return an [ErrUsage].
func Open(given string) (*fsync.Manager, error) {
	dir, private := given, false
	if dir == "" {
		var err error
		if dir, private, err = find(); err != nil {
			return nil, err
		}
	}
	m, err := fsync.Open(dir, fsync.Perm(0o700))
	switch {
	case !private:
		return m, err
	case err != nil:
		return nil, fmt.Errorf("%w; give another directory by --dir or FSYNC_DIR", err)
	}
	return m, checkPrivate(dir)
}

// find returns the default directory, and whether it must be the user's alone:
// yes, unless the user chose it.
func find() (dir string, private bool, err error) {
	if dir := os.Getenv("FSYNC_DIR"); dir != "" {
		return dir, false, checkChosen(dir)
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) && isOurs(dir) && !isSession(dir) {
		return filepath.Join(dir, "fsync"), true, nil
	}
	base, shared, err := base()
	if err != nil {
		return "", false, err
	}
	if shared {
		host, err := os.Hostname()
		if err != nil {
			return "", false, err
		}
		return filepath.Join(base, host), true, nil
	}
	return base, true, nil
}

// checkChosen refuses an FSYNC_DIR that cron, or a file of a systemd unit, has
// handed over as it stood there. A $ in an absolute path is part of a name only
// if there is such a directory.
func checkChosen(dir string) error {
	if filepath.IsAbs(dir) {
		if !strings.Contains(dir, "$") {
			return nil
		}
		if _, err := os.Stat(dir); err == nil {
			return nil
		}
		return usageError(fmt.Sprintf("FSYNC_DIR is %q: cron and systemd expand no variables, so write the path out", dir))
	}
	return usageError(fmt.Sprintf("FSYNC_DIR is %q, which is not an absolute path: cron and systemd expand no variables and no ~, so write the path out", dir))
}

// isOurs reports whether this user owns the directory at the path.
func isOurs(dir string) bool {
	info, err := os.Stat(dir)
	return err == nil && info.IsDir() && ours(info)
}

// onNetwork reports whether other hosts can have the same directory. Most FUSE
// file systems cannot be told from a network's.
func onNetwork(dir string) bool { return fskind.Of(dir).Network }

// checkPrivate refuses a directory that others can put files into, or lead
// elsewhere: they could hold our locks for ever.
func checkPrivate(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() || !ours(info) || info.Mode().Perm()&0o022 != 0 {
		return &fs.PathError{Op: "open", Path: dir, Err: errors.New("it is not a directory of this user's alone; remove it, or give another by --dir or FSYNC_DIR")}
	}
	return nil
}
