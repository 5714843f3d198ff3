package fileevent

import (
	"errors"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

// unlink removes the file at the path and reports whether it was this call
// that did. Windows lets two delete one file and tells both that they did it;
// it does not let two open it who share it with nobody. Closing it deletes it.
func unlink(path string) (bool, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err == nil {
		err = deleteAlone(name)
		// Who makes the marker has it open for a moment, and tells nobody when
		// it is closed.
		for try := 0; try < 10 && errors.Is(err, windows.ERROR_SHARING_VIOLATION); try++ {
			time.Sleep(time.Millisecond)
			err = deleteAlone(name)
		}
	}
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, windows.ERROR_SHARING_VIOLATION), errors.Is(err, windows.ERROR_DELETE_PENDING):
		return false, nil // somebody else takes it, or reads it and there will be another look
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

// renameTakes is whether of many that rename one file one succeeds.
const renameTakes = false

// rename tries again while somebody reads what is to be replaced.
func rename(from, to string) error {
	err := os.Rename(from, to)
	for try := 0; try < 10 && (errors.Is(err, windows.ERROR_SHARING_VIOLATION) || errors.Is(err, windows.ERROR_ACCESS_DENIED)); try++ {
		time.Sleep(time.Millisecond)
		err = os.Rename(from, to)
	}
	return err
}

// isFull reports whether the disk, or its owner's share of it, is full.
func isFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL) ||
		errors.Is(err, windows.ERROR_DISK_QUOTA_EXCEEDED)
}
