// Package beside keeps small files of a fixed size in DIR/.fsync, beside the
// files of DIR that people know. Writing to them is not reported to those who
// watch DIR.
//
// They hold hints. A file is written in place, which needs no space on a full
// disk and works for everybody who may write to DIR, in sticky directories
// too. A reader may see half of what is being written. Whoever may write to
// DIR can destroy them, and others make them anew.
package beside

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
)

// Dir is the name of the directory of the files.
const Dir = ".fsync"

// Tidied is the name of the attribute that differs after Dir has been removed.
const Tidied = "tidied"

// A File is one of them, whether it is there or not.
type File struct {
	parent string // DIR
	dir    string // DIR/.fsync
	name   string
	blank  []byte
}

// New returns the file of that name. The directory is given with its last
// separator, empty for the working directory. Blank is what a new file holds
// that nobody has written to yet; no file is longer than that.
func New(dir, name string, blank []byte) File {
	parent := dir
	if dir == "" {
		parent = "."
	}
	return File{parent, dir + Dir, name, blank}
}

// Path returns where the file is.
func (f File) Path() string { return f.dir + string(filepath.Separator) + f.name }

// Read returns the content; the error is [fs.ErrNotExist] if there is no such
// file. It opens the file rather than ask for its state, because that is what
// makes an NFS client ask the server (nfs(5)).
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
// A process that dies in here leaves the file or none, or a file or an empty
// directory under a name that nobody looks for.
func (f File) Create() error {
	err := f.Overwrite(nil, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return f.create()
	}
	return err
}

// Overwrite overwrites what stands at the offset of a file that is there; the
// error is [fs.ErrNotExist] if it is not. It opens without O_CREAT, which on somebody
// else's file in a sticky directory is refused where fs.protected_regular is
// set (proc_sys_fs(5)).
func (f File) Overwrite(content []byte, offset int) error {
	if isDir, err := isDirectory(f.dir); err != nil {
		return err
	} else if !isDir { // through a symbolic link we would write elsewhere
		return &fs.PathError{Op: "open", Path: f.dir, Err: misplaced("not a directory")}
	}
	file, err := f.open(os.O_WRONLY)
	if err != nil {
		return err
	}
	if len(content) > 0 {
		err = file.writeAt(content, offset)
	}
	if closeErr := file.close(); err == nil { // NFS tells about a full disk only now (close(2))
		err = closeErr
	}
	return err
}

// open opens the file if it is one of ours. It neither follows a symbolic link
// nor waits for the other end of a FIFO. A longer file or one with a second
// name is somebody's that was put in the way, and not ours to write to.
func (f File) open(flag int) (handle, error) {
	file, err := open(f.Path(), flag)
	if err != nil {
		return file, err
	}
	ours, err := file.isPlain(len(f.blank))
	if err == nil && !ours {
		err = &fs.PathError{Op: "open", Path: f.Path(), Err: misplaced("something else stands in its place")}
	}
	if err != nil {
		file.close()
	}
	return file, err
}

// create makes the file. It gets its name when it is complete, with permissions
// and all, so that nobody is refused who comes in the middle. Of two processes
// that make one at a time the later replaces the other's, unless the directory
// is sticky and does not let it.
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
		return nil // somebody was faster
	}
	return &fs.PathError{Op: "create", Path: f.Path(), Err: errors.Unwrap(err)}
}

// fill makes a file that everybody may read who comes this far, and everybody
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

// Make makes the directory of the files if it is missing; dir is as in New.
func Make(dir string) error {
	f := New(dir, "", nil)
	parent, err := os.Stat(f.parent)
	if err != nil {
		return err
	}
	return f.makeDir(parent)
}

// makeDir makes the directory of the files if it is missing. It too gets its
// name last. An empty one that somebody else has just made may be replaced.
func (f File) makeDir(parent fs.FileInfo) error {
	if info, err := os.Lstat(f.dir); err == nil && !info.IsDir() {
		return &fs.PathError{Op: "open", Path: f.dir, Err: misplaced("not a directory")}
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
		// An overlay in a user namespace renames no directory: it is made in its
		// place. Another user who comes in the middle is refused.
		err = f.mkdir(f.dir, parent)
	}
	if _, there := os.Lstat(f.dir); err == nil || there == nil {
		return nil // perhaps somebody was faster
	}
	return &fs.PathError{Op: "mkdir", Path: f.dir, Err: errors.Unwrap(err)}
}

// mkdir makes a directory with the permissions of the parent. Nobody but its
// maker may use it before it has them.
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

// A misplaced error says what is wrong with a file that the system would take.
// It is fs.ErrInvalid to callers.
type misplaced string

func (e misplaced) Error() string        { return string(e) }
func (e misplaced) Is(target error) bool { return target == fs.ErrInvalid }
