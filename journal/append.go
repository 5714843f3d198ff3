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

// patience is how long Append waits for other writers, each of which takes
// some microseconds.
const patience = 5 * time.Second

// Append adds a run to the end of the journal at path, and makes the file,
// with mode 0o600 before umask, if it is missing; not so its directory. If the
// line would make the file larger than maxSize bytes, and there are lines in
// it, the file is first renamed to PATH.1, in the place of the one before, and
// a new one begun. A maxSize of 0 or less is no limit.
//
// The new file has the mode, the owner, the group and the access control list
// (on Linux) of the one before, as far as this process may give them. In another
// group it lets that do no more than everybody. It is never, not for a moment,
// open to anybody who could not read the one before.
//
// Any number of goroutines and processes may append to one journal at once:
// each line is whole, and stands in the journal or in PATH.1 as long as that
// is there. What a crash or a full disk leaves of a line spoils no other. The
// line is not synced to the disk: a crash of the machine may lose it.
//
// The file must be a regular one, no link, and not be called NAME.lock, which
// is what lock files are called: else the error is [fs.ErrInvalid] or names
// the file. A command of more than 16 KiB is cut, and ends in an ellipsis
// then. A run that is not well-formed is [fs.ErrInvalid], too.
//
// After an error the line is not in the journal, or not as a whole; except
// that if only the renaming has failed it is, and the journal grows on.
// [filelock.ErrLocked] is the error if somebody keeps the journal locked for
// some seconds. Any other is a [*fs.PathError].
func Append(path string, r Run, maxSize int64) error {
	text, err := r.encode()
	if err == nil && strings.HasSuffix(path, ".lock") {
		err = errors.New("a journal cannot be called that: the name is for lock files")
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

// appendOnce appends the line, unless the file has to make room first, or was
// taken away: then it is to be done again, with the file that is there next.
//
// The file is locked meanwhile. So nobody else finds the line before half
// written, and nobody renames the file: whoever waits for the lock of a file
// that was renamed goes on to wait for the next one's.
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
			return true, nil // it was removed since it was locked
		}
	}
	if full == nil {
		return false, err
	}
	return false, errors.Join(full, err)
}

// makeRoom renames a file that has no room for n bytes more.
func makeRoom(path string, n, maxSize int64) (made bool, err error) {
	if maxSize <= 0 {
		return false, nil
	}
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 || info.Size()+n <= maxSize {
		return false, nil // if there is no file, or another kind, write says so
	}
	if err := rotate(path); err != nil {
		return false, &fs.PathError{Op: "rename", Path: path, Err: reason(err)}
	}
	return true, nil
}

// reason leaves out of an error what the message says anyway.
func reason(err error) error {
	if inner := errors.Unwrap(err); inner != nil {
		return inner
	}
	return err
}

// write appends the line by one write(2), behind the end of a line: whoever
// died in the middle of one has left no end.
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
