package fileevent

import (
	"errors"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

// unlink removes the file at the path and reports whether this call removed it. If two
// processes delete one file, Windows reports success to both. So unlink opens the file
// without sharing, which only one process can do at a time, and so that closing deletes it.
func unlink(path string) (bool, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err == nil {
		err = deleteAlone(name)
		// The process that makes the marker has it open for a moment, and nothing reports
		// when it closes the file.
		for try := 0; try < 10 && errors.Is(err, windows.ERROR_SHARING_VIOLATION); try++ {
			time.Sleep(time.Millisecond)
			err = deleteAlone(name)
		}
	}
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, windows.ERROR_SHARING_VIOLATION), errors.Is(err, windows.ERROR_DELETE_PENDING):
		return false, nil // another process takes or reads the marker; there will be another look
	}
	return false, &fs.PathError{Op: "take", Path: path, Err: err}
}

func deleteAlone(name *uint16) error {
	h, err := windows.CreateFile(name, windows.DELETE, 0, nil, windows.OPEN_EXISTING,
		windows.FILE_FLAG_DELETE_ON_CLOSE|windows.FILE_FLAG_OPEN_REPARSE_POINT, 0)
	if err != nil {
		return err
	}
	return windows.CloseHandle(h)
}

// renameTakes: if many processes rename one file, several may succeed.
const renameTakes = false

// rename tries again while another process reads the file that rename replaces.
func rename(from, to string) error {
	err := os.Rename(from, to)
	for try := 0; try < 10 && (errors.Is(err, windows.ERROR_SHARING_VIOLATION) || errors.Is(err, windows.ERROR_ACCESS_DENIED)); try++ {
		time.Sleep(time.Millisecond)
		err = os.Rename(from, to)
	}
	return err
}

// isFull reports whether the disk or the user's quota is full.
func isFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL) ||
		errors.Is(err, windows.ERROR_DISK_QUOTA_EXCEEDED)
}
