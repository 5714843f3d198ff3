// Package sidecar keeps small files of a fixed size in DIR/.fsync, beside the files
// of DIR. A write to them is not reported to processes that watch DIR.
//
// The files contain hints. They are written in place: that needs no space on a full
// disk, and every user who may write to DIR can do it, even in a sticky directory.
// A reader may see half of a write. A user who may write to DIR can destroy the
// files; the next process creates them anew.
package sidecar

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/fsync-lock/fsync/internal/invalid"
)

// Dir is the name of the directory of the files.
const Dir = ".fsync"

// Tidied is the name of an attribute of DIR that gets another value when Dir is
// removed.
const Tidied = "tidied"

// A File is one of these files. It may not exist.
type File struct {
	parent string // DIR
	dir    string // DIR/.fsync
	name   string
	blank  []byte
}

// New returns the file with that name. dir is given with its last separator; it is
// empty for the working directory. blank is the content of a new file, and no
// file is longer than that.
func New(dir, name string, blank []byte) File {
	parent := dir
	if dir == "" {
		parent = "."
	}
	return File{parent, dir + Dir, name, blank}
}

// Path returns the path of the file.
func (f File) Path() string { return f.dir + string(filepath.Separator) + f.name }

// Read returns the content; the error is [fs.ErrNotExist] if the file does not
// exist. Opening the file makes an NFS client ask the server (nfs(5)).
func (f File) Read() ([]byte, error) {
	file, err := f.open(os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer file.close()
	content := make([]byte, len(f.blank))
	n, err := file.readAt(content, 0)
	if err != nil {
		return nil, err
	}
	return content[:n], nil
}

// Create makes the file if it is missing.
//
// A process that dies in Create leaves the complete file or none. It may also leave
// a file or an empty directory under a name that is never used again.
func (f File) Create() error {
	err := f.Overwrite(nil, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return f.create()
	}
	return err
}

// Overwrite writes content at the offset of an existing file; the error is
// [fs.ErrNotExist] if it does not exist. It opens without O_CREAT, which fails for
// another user's file in a sticky directory if fs.protected_regular is set
// (proc_sys_fs(5)).
func (f File) Overwrite(content []byte, offset int) error {
	if isDir, err := isDirectory(f.dir); err != nil {
		return err
	} else if !isDir { // through a symbolic link the write would go elsewhere
		return &fs.PathError{Op: "open", Path: f.dir, Err: invalid.Error("not a directory")}
	}
	file, err := f.open(os.O_WRONLY)
	if err != nil {
		return err
	}
	if len(content) > 0 {
		err = file.writeAt(content, offset)
	}
	if closeErr := file.close(); err == nil { // NFS may report a full disk only now (close(2))
		err = closeErr
	}
	return err
}

// open opens the file if it can be one of this package. It neither follows a
// symbolic link nor waits for the other end of a FIFO. It refuses a longer file
// or one with a second name, because a write could destroy another file.
func (f File) open(flag int) (handle, error) {
	file, err := open(f.Path(), flag)
	if err != nil {
		return file, err
	}
	ours, err := file.isPlain(len(f.blank))
	if err == nil && !ours {
		err = &fs.PathError{Op: "open", Path: f.Path(), Err: invalid.Error("another file is in its place")}
	}
	if err != nil {
		file.close()
	}
	return file, err
}

// create makes the file. The file gets its name when its content and permissions
// are complete, so that no other user is refused meanwhile. If two processes make
// it at the same time, the second replaces the first's file, or fails to if the
// directory is sticky.
func (f File) create() error {
	parent, err := os.Stat(f.parent)
	if err != nil {
		return err
	}
	if err := f.makeDir(parent); err != nil {
		return err
	}
	tmp := filepath.Join(f.dir, fmt.Sprintf("%016x.new", rand.Uint64()))
	err = fill(tmp, f.blank, f.parent, parent)
	if err == nil {
		if err = os.Rename(tmp, f.Path()); err == nil {
			return nil
		}
	}
	os.Remove(tmp)
	if _, there := os.Lstat(f.Path()); there == nil {
		return nil // another process was faster
	}
	return &fs.PathError{Op: "create", Path: f.Path(), Err: errors.Unwrap(err)}
}

// fill makes a file that every user may read who can reach it, and that every user
// may write who may write to the parent.
func fill(path string, content []byte, dir string, parent fs.FileInfo) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|OpenFlags, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	inherit(file, dir, parent, 0o2, 0o4)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	return err
}

// Misplaced returns an error if DIR/.fsync is not a directory, for a caller that
// is about to move a file there: through a symbolic link, another user could
// have it moved elsewhere. The argument is as in New.
func Misplaced(dir string) error {
	isDir, err := isDirectory(dir + Dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err == nil && !isDir:
		return &fs.PathError{Op: "open", Path: dir + Dir, Err: invalid.Error("not a directory")}
	}
	return err
}

// Make creates DIR/.fsync if it is missing; dir is as in New.
func Make(dir string) error {
	f := New(dir, "", nil)
	parent, err := os.Stat(f.parent)
	if err != nil {
		return err
	}
	return f.makeDir(parent)
}

// makeDir makes the directory of the files if it is missing. It begins again if
// another process made the directory first, and a third has removed that by now,
// as Tidy does.
func (f File) makeDir(parent fs.FileInfo) (err error) {
	for range maxAttempts {
		if err = f.tryMakeDir(parent); !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	return err
}

const maxAttempts = 100

// tryMakeDir creates DIR/.fsync if it is missing. The directory, too, gets its name
// last. The rename may replace an empty one that another process has just made.
func (f File) tryMakeDir(parent fs.FileInfo) error {
	if info, err := os.Lstat(f.dir); err == nil && !info.IsDir() {
		return &fs.PathError{Op: "open", Path: f.dir, Err: invalid.Error("not a directory")}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	tmp := fmt.Sprintf("%s.%016x", f.dir, rand.Uint64())
	err := f.mkdir(tmp, parent)
	if err == nil {
		if err = os.Rename(tmp, f.dir); err == nil {
			return nil
		}
		os.Remove(tmp)
	}
	if errors.Is(err, syscall.EXDEV) {
		// An overlay in a user namespace cannot rename a directory, so make it
		// under its name. Until it has its permissions, other users are refused.
		err = f.mkdir(f.dir, parent)
	}
	if _, there := os.Lstat(f.dir); err == nil || there == nil {
		return nil // perhaps another process was faster
	}
	return &fs.PathError{Op: "mkdir", Path: f.dir, Err: errors.Unwrap(err)}
}

// Sweep removes what processes have left that were killed while they made the
// directory of the files; dir is as in New. It does nothing in a large directory.
// What was made just now may still get its name.
func Sweep(dir string) {
	parent := New(dir, "", nil).parent
	d, err := os.Open(parent)
	if err != nil {
		return
	}
	defer d.Close()
	names, err := d.Readdirnames(maxSwept)
	if err != nil && err != io.EOF || len(names) == maxSwept {
		return
	}
	for _, name := range names {
		if ok, _ := filepath.Match(Dir+".????????????????", name); !ok {
			continue
		}
		path := dir + name
		if info, err := os.Lstat(path); err == nil && info.IsDir() && time.Since(info.ModTime()) > sweepAfter {
			os.Remove(path) // if it is empty
		}
	}
}

const (
	maxSwept   = 1000
	sweepAfter = 10 * time.Second
)

// mkdir makes a directory with the permissions of the parent. Only this user may
// use it before it has them.
func (f File) mkdir(path string, parent fs.FileInfo) error {
	if err := os.Mkdir(path, 0o700); err != nil {
		return err
	}
	err := inheritDir(path, f.parent, parent)
	if err != nil {
		os.Remove(path)
	}
	return err
}
