// Package userdir finds the directory for names, where fsync-lock, fsync-event and
// fsync-status look up a NAME if --dir is not given.
//
// All processes of a user must find the same directory; otherwise two of them
// could hold the lock with one name at the same time. A login shell, cron, a
// systemd unit and su set different variables, so this is the order:
//
//   - $FSYNC_DIR, if it is set. It must be an absolute path: cron does not expand
//     variables, so FSYNC_DIR=$HOME/.fsync in a crontab would mean a directory called
//     $HOME in each job's working directory.
//   - $XDG_RUNTIME_DIR/fsync, if that runtime directory belongs to the user and
//     is not that of a login session. The session's directory, /run/user/UID, is
//     removed at logout even if jobs still run, and cron does not know it. A
//     relative path is ignored, as the specification of the variable demands. A
//     directory of another user, which root may get from sudo or su, is ignored,
//     and so is a directory that every user may write to, such as /tmp.
//   - /run/fsync for root, whatever HOME is. Only root can write to /run. On some
//     systems every user can write to /run/lock, and could create the directory
//     first. /run is empty after a boot.
//   - ~/.local/state/fsync for other users. It is private, outlives sessions, and
//     every process of the user can find it: cron sets HOME, and the password
//     file has the directory if HOME is missing or names another user's directory.
//     XDG_STATE_HOME is not used, because cron does not run a user's profile.
//     /tmp and /var/tmp are not used, because files there are deleted even while
//     they are locked, and a service may have its own /tmp.
//   - ~/.local/state/fsync/HOST, if other hosts share the home directory. A job
//     should not wait for the same job on another host, and few network file
//     systems lock reliably between hosts.
//   - %LOCALAPPDATA%\fsync on Windows.
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

// ErrUsage means that the user has to correct --dir or FSYNC_DIR, not a file. The exit
// status is 64.
var ErrUsage = errors.New("no directory for names")

// A usageError is an ErrUsage with its own text.
type usageError string

func (e usageError) Error() string { return string(e) }
func (usageError) Unwrap() error   { return ErrUsage }

// Default returns the directory that Open uses without --dir. It may not exist.
func Default() (string, error) {
	dir, _, err := find()
	return dir, err
}

// Open returns the manager of the directory given by --dir, or of the default
// directory if given is empty. It creates a missing directory with access for
// the user only. It refuses a default directory that other users can write to,
// unless it is FSYNC_DIR. The error may be [ErrUsage].
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
		return nil, fmt.Errorf("%w; choose another directory with --dir or FSYNC_DIR", err)
	}
	return m, checkPrivate(dir)
}

// Path returns the path of the file of a name: in the directory given by --dir, or in
// the default directory if given is empty. It is for messages: without a default
// directory, an error that Open reports, the path is relative.
func Path(given, name, ext string) string {
	if given == "" {
		given, _ = Default()
	}
	return filepath.Join(given, name) + ext
}

// find returns the default directory, and whether it must be private. FSYNC_DIR need not
// be private, because the user chose it.
func find() (dir string, private bool, err error) {
	if dir := os.Getenv("FSYNC_DIR"); dir != "" {
		return dir, false, checkChosen(dir)
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) && isOurs(dir) && !isShared(dir) && !isSession(dir) {
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

// checkChosen refuses an FSYNC_DIR with variables that cron or systemd did not expand.
// A $ in an absolute path is taken for a part of a name only if the directory exists.
func checkChosen(dir string) error {
	if err := CheckAbsolute("FSYNC_DIR", dir); err != nil || !strings.Contains(dir, "$") {
		return err
	}
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	return usageError(fmt.Sprintf("FSYNC_DIR is %q, which does not exist: cron and systemd do not expand variables; write the whole path", dir))
}

// CheckAbsolute refuses a relative path in an environment variable. The error is an
// [ErrUsage].
func CheckAbsolute(variable, path string) error {
	if filepath.IsAbs(path) {
		return nil
	}
	return usageError(fmt.Sprintf("%s is %q, which is not an absolute path: cron and systemd do not expand variables or ~; write the whole path", variable, path))
}

// isOurs reports whether this user owns the directory at the path.
func isOurs(dir string) bool {
	info, err := os.Stat(dir)
	return err == nil && info.IsDir() && ours(info)
}

// isShared reports whether every user can make files in the directory.
func isShared(dir string) bool {
	info, err := os.Stat(dir)
	return err == nil && writers(info)&0o002 != 0
}

// onNetwork reports whether other hosts may share the directory. A FUSE file
// system counts, because most of them do not tell whether they use a network.
func onNetwork(dir string) bool { return fskind.Of(dir).Network }

// checkPrivate refuses a directory that other users can write to or replace: they
// could hold this user's locks for ever.
func checkPrivate(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() || !ours(info) || writers(info)&0o022 != 0 {
		return &fs.PathError{Op: "open", Path: dir, Err: errors.New("it must be a directory that belongs to this user and that no other user may write to; remove it, or choose another directory with --dir or FSYNC_DIR")}
	}
	return nil
}
