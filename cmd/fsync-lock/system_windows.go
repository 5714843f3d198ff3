package main

import (
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

// inheritLock makes the command die with this process, so that it never runs without the
// lock: on Windows a command cannot inherit a lock. A job object ends all its processes
// when its last handle is closed, and a child is in its parent's job.
func (j *job) inheritLock(lock) error {
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

// letGo does nothing: this process keeps the lock until it ends, because processes
// that the command has left in the background run until then.
func (j *job) letGo(lock) {}

func shell(script string) []string {
	if sh := os.Getenv("SHELL"); sh != "" {
		return []string{sh, "-c", script}
	}
	return []string{"cmd", "/c", script}
}
