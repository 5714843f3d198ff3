// Package process tells which process this one is and which others there are, and
// has the record by which a process says in a file who it is.
//
// Processes are identified by their PID, in a PID namespace of a boot of a host, and
// by when they were started. On Linux all of it comes from /proc (proc(5)), which
// may be missing, or that of another PID namespace.
package process

import (
	"os"
	"sync"
)

// Self returns the record of this process, without the fields ID, Since and Note.
var Self = sync.OnceValue(func() Record {
	r := Record{Version: Version, PID: os.Getpid(), Start: ownStart(), Boot: boot(), PIDNS: namespace(), Command: program()}
	r.Host, _ = os.Hostname()
	return r
})

// IsVisible reports whether this process could see the writer of the record if it
// still ran.
func (r Record) IsVisible() bool {
	return r.Boot == Self().Boot && r.PIDNS == Self().PIDNS && hasOwnProc()
}

// MayRun reports whether the writer of the record may still run. A process that this
// one cannot see, on another host or in another PID namespace, may run.
func (r Record) MayRun() bool {
	me := Self()
	switch {
	case (r.Boot == "") != (me.Boot == ""): // /proc is missing, here or for the writer
		return true
	case r.Boot != me.Boot:
		return r.Host != me.Host // the same host: it was booted since
	case r.Boot == "" && r.Host != me.Host, !r.IsVisible():
		return true
	}
	start, alive := start(r.PID)
	return alive && (start == "" || start == r.Start)
}
