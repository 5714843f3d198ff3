package watch

import (
	"io/fs"
	"syscall"

	"golang.org/x/sys/windows"
)

// An identity identifies a directory, whatever its path.
type identity struct {
	volume uint32
	index  uint64
}

func identify(dir string) (identity, error) {
	fail := func(err error) (identity, error) {
		return identity{}, &fs.PathError{Op: "watch", Path: dir, Err: err}
	}
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return fail(err)
	}
	// Ask for no access rights and share everything, so that another process can
	// remove the directory meanwhile.
	h, err := windows.CreateFile(name, 0,
		windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE,
		nil, windows.OPEN_EXISTING, windows.FILE_FLAG_BACKUP_SEMANTICS, 0)
	if err != nil {
		return fail(err)
	}
	defer windows.CloseHandle(h)
	var info windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(h, &info); err != nil {
		return fail(err)
	}
	if info.FileAttributes&windows.FILE_ATTRIBUTE_DIRECTORY == 0 {
		return fail(syscall.ENOTDIR)
	}
	return identity{info.VolumeSerialNumber, uint64(info.FileIndexHigh)<<32 | uint64(info.FileIndexLow)}, nil
}
