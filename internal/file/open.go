package file

import (
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/fsync-lock/fsync/internal/invalid"
)

// Flags make an open safe where other users may put files: it does not follow a
// symbolic link at the end of the path, it does not wait for the other end of a FIFO
// or for a device, and a terminal does not become the controlling terminal. They are
// 0 on Windows.
const Flags = NoFollow | noWait

// NoFollow is the flag among [Flags] that makes an open fail if there is a symbolic link
// at the end of the path.
const NoFollow = noFollow

// Open opens an existing file with [Flags]. If another process has a lease on the file,
// Open tries again, see [Unleased].
func Open(path string, flag int) (f *os.File, err error) {
	err = Unleased(func() error {
		f, err = os.OpenFile(path, flag|Flags, 0)
		return err
	})
	return f, err
}

// Unleased calls open. If open fails because another process has a lease on the file,
// Unleased calls it again, for a tenth of a second. Meanwhile the kernel asks that process
// to give up the lease, and takes the lease away only after 45 seconds
// (/proc/sys/fs/lease-break-time).
func Unleased(open func() error) error {
	for try := 0; ; try++ {
		err := open()
		if !IsLeased(err) || try == 100 {
			return err
		}
		time.Sleep(time.Millisecond)
	}
}

// IsLeased reports whether a file could not be opened because another process has a
// lease on it (fcntl(2), F_SETLEASE), as Samba may have.
func IsLeased(err error) bool { return isLeased(err) }

// IsLink reports whether an open with [NoFollow] failed because there is a symbolic
// link at the end of the path.
func IsLink(err error) bool { return isLink(err) }

// Read returns the content of the regular file at the path, from the offset on and at
// most max bytes, and describes the file. The error is [fs.ErrNotExist] if the file is
// missing, and [fs.ErrInvalid] if it is not a regular file.
//
// Read is for small files that other processes may be writing. It reads with one call,
// so it never joins parts of two writes. It opens only regular files, because opening a
// device can have effects.
func Read(path string, offset int64, max int) ([]byte, Info, error) {
	info, err := Lstat(path)
	if err != nil {
		return nil, info, err
	}
	if !info.Exists {
		return nil, info, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	if !info.Mode.IsRegular() {
		return nil, info, notRegular(path)
	}
	f, err := Open(path, os.O_RDONLY)
	if IsLink(err) {
		err = notRegular(path)
	}
	if err != nil {
		return nil, info, err
	}
	defer f.Close()
	if info, err = Of(f); err != nil {
		return nil, info, err
	}
	if !info.Mode.IsRegular() { // it was replaced after Lstat
		return nil, info, notRegular(path)
	}
	content, err := readOnce(f, offset, min(int64(max), info.Size-offset))
	return content, info, err
}

func notRegular(path string) error {
	return &fs.PathError{Op: "read", Path: path, Err: invalid.Error("it is not a regular file")}
}

// readOnce reads with one system call. [os.File.ReadAt] would make a second call, to see
// the end of the file.
func readOnce(f *os.File, offset, length int64) ([]byte, error) {
	if length <= 0 {
		return nil, nil
	}
	if offset > 0 {
		if _, err := f.Seek(offset, io.SeekStart); err != nil {
			return nil, err
		}
	}
	content := make([]byte, length)
	n, err := f.Read(content)
	if err == io.EOF {
		err = nil
	}
	return content[:n], err
}
