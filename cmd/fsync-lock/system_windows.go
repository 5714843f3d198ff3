package main

import (
	"os"
	"os/signal"
	"unsafe"

	"github.com/fsync-lock/fsync/filelock"
	"golang.org/x/sys/windows"
)

func notify() <-chan os.Signal {
	c := make(chan os.Signal, 8)
	signal.Notify(c, os.Interrupt)
	return c
}

// fromTerminal is always true: Windows has no signals but those that the
// console sends to every process on it.
func fromTerminal(os.Signal) bool { return true }

// bequeath cannot hand the lock down: locks are not inherited on Windows. So
// that no command ever runs without the lock, it dies with this process: a job
// object ends all that is in it when its last handle is closed, and children
// are in the job of their parent.
func bequeath(*filelock.Lock) error {
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

func isScript(error) bool { return false }

func shell(script string) []string {
	if sh := os.Getenv("SHELL"); sh != "" {
		return []string{sh, "-c", script}
	}
	return []string{"cmd", "/c", script}
}

// ours is always true: who may write where is not in a file's mode here.
func ours(os.FileInfo) bool { return true }

func endBy(os.Signal) int { return exitSignal + 2 }

func diedOf(*os.ProcessState, os.Signal) bool { return false }

func exitStatus(state *os.ProcessState) int { return state.ExitCode() }
