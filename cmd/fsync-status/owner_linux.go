package main

import (
	"os"
	"os/user"
	"strconv"
	"syscall"

	proc "github.com/fsync-lock/fsync/internal/process"
)

// owners finds out whose processes are.
type owners struct {
	host  string
	names map[uint32]string
}

// of returns whose a process is, if it is one of this host's. A process ID of
// which only a record tells may be one in another PID namespace, and ours
// another process's: it is ours if it runs the same command.
func (o *owners) of(pid int, host, command string) string {
	if pid <= 0 || host != o.host {
		return ""
	}
	info, err := os.Stat("/proc/" + strconv.Itoa(pid))
	if err != nil || proc.CommandLine(pid) != command {
		return ""
	}
	return o.name(info.Sys().(*syscall.Stat_t).Uid)
}

// name returns the name of a user, or the number if there is none.
func (o *owners) name(uid uint32) string {
	name, ok := o.names[uid]
	if !ok {
		name = strconv.FormatUint(uint64(uid), 10)
		if u, err := user.LookupId(name); err == nil {
			name = u.Username
		}
		if o.names == nil {
			o.names = map[uint32]string{}
		}
		o.names[uid] = name
	}
	return name
}
