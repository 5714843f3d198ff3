package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/fsync-lock/fsync/filelock"
)

// patience is how long Append waits for other writers. Each of them needs only
// some microseconds.
const patience = 5 * time.Second

// Append adds a line for the run to the journal at path. If the file is missing,
// Append makes it with mode 0o600 before umask; the directory must exist.
//
// If the line would make a file that has lines larger than maxSize bytes, Append
// first renames the file to PATH.1, which replaces the previous PATH.1, and
// begins a new file. A maxSize of 0 or less is no limit. The new file gets the
// mode, the owner, the group and, on Linux, the access control list of the old
// one, as far as this process may set them. If it may not set the group, it gives
// the group of the new file at most the permissions of all other users. At no
// moment can a user read the new file who could not read the old one.
//
// Many goroutines and processes may append to one journal at the same time: each
// line is written as a whole. A partial line, which a crash or a full disk may
// leave, does not damage the next one. Append does not sync the file to the disk:
// a crash of the machine may lose the line.
//
// The file must be a regular file, not a link, and must not be called NAME.lock,
// which is a name for lock files; if it is not so, the error is [fs.ErrInvalid]
// or names the file. The error is [fs.ErrInvalid], too, if the run has no valid
// Outcome, no Lock, or a time or a PID out of range. A command of more than 16 KiB
// is cut and ends in an ellipsis.
//
// After an error the journal does not have the line, or has only a part of it.
// There is one exception: if only the renaming failed, the line is written and the
// file grows beyond maxSize. The error is [filelock.ErrLocked] if another process
// keeps the journal locked for 5 seconds. Any other error is an [*fs.PathError].
func Append(path string, r Run, maxSize int64) error {
	text, err := r.encode()
	if err == nil && strings.HasSuffix(path, ".lock") {
		err = errors.New("a journal must not be called NAME.lock: such names are for lock files")
	}
	if err != nil {
		return &fs.PathError{Op: "append", Path: path, Err: fmt.Errorf("%w: %w", fs.ErrInvalid, err)}
	}
	end := time.Now().Add(patience)
	for {
		again, err := appendOnce(path, text, maxSize, time.Until(end))
		if !again {
			return err
		}
	}
}

// appendOnce appends the line. It returns again if the file was renamed to make
// room, or removed: then the caller tries again with the new file.
//
// It holds the lock of the file meanwhile, so no other writer sees a line half
// written and none renames the file. A writer that waits for the lock of a file
// that is then renamed goes on to wait for the lock of the new file.
func appendOnce(path string, text []byte, maxSize int64, wait time.Duration) (again bool, err error) {
	lock := filelock.New(guard(path), filelock.Perm(0o600))
	if ok, err := lock.TryAcquireFor(wait); !ok {
		if err == nil {
			err = &fs.PathError{Op: "append", Path: path, Err: filelock.ErrLocked}
		}
		return false, err
	}
	defer func() {
		if e := lock.Release(); err == nil {
			err = e
		}
	}()
	made, full := makeRoom(path, int64(len(text)), maxSize)
	if made {
		return true, nil
	}
	err = write(path, text)
	if errors.Is(err, fs.ErrNotExist) && wait > 0 {
		if _, err := os.Lstat(guard(path)); errors.Is(err, fs.ErrNotExist) {
			return true, nil // the file was removed after it was locked
		}
	}
	if full == nil {
		return false, err
	}
	return false, errors.Join(full, err)
}

// makeRoom renames the file if n bytes more would make it larger than maxSize.
func makeRoom(path string, n, maxSize int64) (made bool, err error) {
	if maxSize <= 0 {
		return false, nil
	}
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 || info.Size()+n <= maxSize {
		return false, nil // if the file is missing or of another type, write returns the error
	}
	if err := rotate(path); err != nil {
		return false, &fs.PathError{Op: "rename", Path: path, Err: reason(err)}
	}
	return true, nil
}

// reason returns the inner error, without the operation and the path, which the
// caller adds itself.
func reason(err error) error {
	if inner := errors.Unwrap(err); inner != nil {
		return inner
	}
	return err
}

// write appends the line by one write(2). If a writer died in the middle of the
// line before, write ends that line first.
func write(path string, text []byte) (err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|openFlags, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return &fs.PathError{Op: "append", Path: path, Err: fmt.Errorf("%w: not a regular file", fs.ErrInvalid)}
	}
	last := []byte{'\n'}
	if info.Size() > 0 {
		if _, err := f.ReadAt(last, info.Size()-1); err != nil {
			return err
		}
	}
	if last[0] != '\n' {
		text = append([]byte{'\n'}, text...)
	}
	_, err = f.Write(text)
	return err
}
