package main

import (
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

// bequeath cannot hand the lock down: locks are not inherited on Windows. So
// that no command ever runs without the lock, it dies with this process: a job
// object ends all that is in it when its last handle is closed, and children
// are in the job of their parent.
func (j *job) bequeath(lock) error {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return os.NewSyscallError("CreateJobObject", err)
	}
	var info windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION
	info.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
	_, err = windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info)))
	if err != nil {
		return os.NewSyscallError("SetInformationJobObject", err)
	}
	return os.NewSyscallError("AssignProcessToJobObject", windows.AssignProcessToJobObject(job, windows.CurrentProcess()))
}

// letGo keeps the lock until this process ends: what the command has left in
// the background ends with it, and not before.
func (j *job) letGo(lock) {}

func shell(script string) []string {
	if sh := os.Getenv("SHELL"); sh != "" {
		return []string{sh, "-c", script}
	}
	return []string{"cmd", "/c", script}
}
