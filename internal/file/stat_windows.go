package file

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

func lstat(path string) (Info, error) {
	return statWith("lstat", path, windows.FILE_FLAG_OPEN_REPARSE_POINT)
}
func stat(path string) (Info, error) { return statWith("stat", path, 0) }

// statWith opens the file without any access rights. So it works even if another process
// has locked the file, and other processes may remove the file meanwhile.
func statWith(op, path string, flag uint32) (Info, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return Info{}, &fs.PathError{Op: op, Path: path, Err: err}
	}
	handle, err := windows.CreateFile(name, 0, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE,
		nil, windows.OPEN_EXISTING, windows.FILE_FLAG_BACKUP_SEMANTICS|flag, 0) // the first flag is for directories
	if errors.Is(err, fs.ErrNotExist) {
		return Info{}, nil
	}
	if err != nil {
		return Info{}, &fs.PathError{Op: op, Path: path, Err: err}
	}
	f := os.NewFile(uintptr(handle), path)
	defer f.Close()
	return fstat(f)
}

func fstat(f *os.File) (Info, error) {
	is, err := f.Stat()
	if err != nil {
		return Info{}, err
	}
	info := Info{Exists: true, Mode: is.Mode(), Size: is.Size(), Links: 1, ModTime: is.ModTime()}
	var of windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(windows.Handle(f.Fd()), &of); err != nil {
		if is.Mode()&(fs.ModeDevice|fs.ModeNamedPipe) != 0 { // these have no ID
			return info, nil
		}
		return Info{}, &fs.PathError{Op: "fstat", Path: f.Name(), Err: err}
	}
	info.ID = ID{uint64(of.VolumeSerialNumber), uint64(of.FileIndexHigh)<<32 | uint64(of.FileIndexLow)}
	info.Links = uint64(of.NumberOfLinks)
	return info, nil
}
