package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/file"
)

// lockTimeout is how long Append waits for other writers. Each of them needs only
// some microseconds. Tests set a longer time, so that they do not fail on a busy machine.
var lockTimeout = 5 * time.Second

// Append adds a line for the run to the journal at path. If the file is missing,
// Append creates it with mode 0o600 before umask; the directory must exist. On systems
// other than Unix, Append also creates the lock file PATH.lock, and leaves it there.
//
// If the file with the new line would be larger than maxSize bytes, Append first
// rotates it: it renames the file to PATH.1, which replaces the previous PATH.1, and
// begins a new file. It does not rotate an empty file. A maxSize of 0 or less is no
// limit. On Unix the new file gets the mode, the owner, the group and, on Linux, the access
// control list of the old one, as far as this process may set them. If it may not set
// the group, the group of the new file gets at most the permissions of all other
// users. At no moment can a user read the new file who could not read the old one.
//
// Many goroutines and processes may append to one journal at the same time: lines are
// never mixed. A partial line, which a crash or a full disk may leave, does not damage
// the next line. Append does not sync the file to the disk: a crash of the
// machine may lose the line.
//
// The file must be a regular file, not a link, and its name must not end in .lock,
// as the names of lock files do. A command of more than 16 KiB is cut and ends in an
// ellipsis.
//
// The error is [fs.ErrInvalid] for another type of file or such a name, and for a run
// without a valid Outcome, without a Lock, or with a time or a PID out of range. It is
// [filelock.ErrLocked] if another process keeps the journal locked for 5 seconds. Every
// error is an [*fs.PathError], or joins two if both the rotation and the write failed.
//
// After an error the journal does not have the line, or has only a part of it. There
// is one exception: if only the rotation failed, the line is written, and the file
// grows beyond maxSize.
func Append(path string, r Run, maxSize int64) error {
	text, err := r.encode()
	if err == nil && strings.HasSuffix(path, ".lock") {
		err = errors.New("the name of a journal must not end in .lock, as the names of lock files do")
	}
	if err != nil {
		return &fs.PathError{Op: "append", Path: path, Err: fmt.Errorf("%w: %w", fs.ErrInvalid, err)}
	}
	end := time.Now().Add(lockTimeout)
	for {
		again, err := appendOnce(path, text, maxSize, time.Until(end))
		if !again {
			return err
		}
	}
}

// appendOnce locks the file and appends the line. again is true if the file was rotated
// or removed: then the caller calls appendOnce again, for the new file.
//
// While a writer holds the lock, no other process writes or rotates the file. If the file
// is rotated while another writer waits for its lock, that writer then waits for the lock
// of the new file.
func appendOnce(path string, text []byte, maxSize int64, wait time.Duration) (again bool, err error) {
	lock := filelock.New(lockPath(path), filelock.Perm(0o600))
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
	again, err = appendLocked(path, text, maxSize)
	return again && (err == nil || wait > 0), err // the file may be removed again and again
}

// appendLocked does the work of appendOnce under the lock. If the file was removed,
// again is true and there is an error.
func appendLocked(path string, text []byte, maxSize int64) (again bool, err error) {
	rotated, rotateErr := rotateIfFull(path, int64(len(text)), maxSize)
	if rotated {
		return true, nil
	}
	err = write(path, text)
	if errors.Is(err, fs.ErrNotExist) {
		locked, lookErr := file.Lstat(lockPath(path))
		again = lookErr == nil && !locked.Exists // the file was removed after it was locked
	}
	if rotateErr != nil {
		err = errors.Join(rotateErr, err)
	}
	return again, err
}

// rotateIfFull rotates the file if n bytes more would make it larger than maxSize.
func rotateIfFull(path string, n, maxSize int64) (rotated bool, err error) {
	if maxSize <= 0 {
		return false, nil
	}
	info, err := file.Lstat(path)
	if err != nil || !info.Mode.IsRegular() || info.Size == 0 || info.Size+n <= maxSize {
		return false, nil // if the file is missing or of another type, write returns the error
	}
	if err := rotate(path); err != nil {
		if inner := errors.Unwrap(err); inner != nil {
			err = inner // without its path, which would be in the message twice
		}
		return false, &fs.PathError{Op: "rename", Path: path, Err: err}
	}
	return true, nil
}

// write appends the line with one write(2). If the file ends in a partial line, it
// ends that line first.
func write(path string, text []byte) (err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|file.Flags|createFlag, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	info, err := file.Of(f)
	if err != nil {
		return err
	}
	if !info.Mode.IsRegular() {
		return &fs.PathError{Op: "append", Path: path, Err: fmt.Errorf("%w: not a regular file", fs.ErrInvalid)}
	}
	last := []byte{'\n'}
	if info.Size > 0 {
		if _, err := f.ReadAt(last, info.Size-1); err != nil {
			return err
		}
	}
	if last[0] != '\n' {
		text = append([]byte{'\n'}, text...)
	}
	_, err = f.Write(text)
	return err
}
