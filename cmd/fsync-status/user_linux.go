package main

import (
	"os"
	"os/user"
	"strconv"
	"syscall"

	proc "github.com/fsync-lock/fsync/internal/process"
)

// users finds the users of processes.
type users struct {
	host  string // the name of this host
	names map[uint32]string
}

// of returns the user of a process, or "" if that is not known. If a record names the
// process, its ID may be from another PID namespace. So a process with this ID counts only
// if it runs the same command.
func (u *users) of(pid int, host, command string) string {
	if pid <= 0 || host != u.host {
		return ""
	}
	info, err := os.Stat("/proc/" + strconv.Itoa(pid))
	if err != nil || proc.CommandLine(pid) != command {
		return ""
	}
	return u.name(info.Sys().(*syscall.Stat_t).Uid)
}

// name returns the name of a user, or the number of a user without a name.
func (u *users) name(uid uint32) string {
	name, ok := u.names[uid]
	if !ok {
		name = strconv.FormatUint(uint64(uid), 10)
		if known, err := user.LookupId(name); err == nil {
			name = known.Username
		}
		if u.names == nil {
			u.names = map[uint32]string{}
		}
		u.names[uid] = name
	}
	return name
}
