// Package process describes processes: this one, the others of the machine, and those
// that have left a record of themselves in a file.
//
// A process is identified by its PID, its PID namespace, the boot of its host, and the
// time of its start. On Linux the last three come from /proc (proc(5)), which may be
// missing, or show another PID namespace.
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

// IsVisible reports whether this process could see the writer of the record if the
// writer still ran.
func (r Record) IsVisible() bool { return r.isVisibleTo(Self()) }

func (r Record) isVisibleTo(me Record) bool {
	return r.Boot == me.Boot && r.PIDNS == me.PIDNS && hasOwnProc()
}

// MayRun reports whether the writer of the record may still run. A process that this
// one cannot see, on another host or in another PID namespace, may run.
func (r Record) MayRun() bool { return r.mayRunBeside(Self()) }

func (r Record) mayRunBeside(me Record) bool {
	switch {
	case (r.Boot == "") != (me.Boot == ""): // one of the two has no /proc
		return true
	case r.Boot != me.Boot:
		return r.Host != me.Host // on the same host, the boot has ended the writer
	case r.Boot == "" && r.Host != me.Host, !r.isVisibleTo(me):
		return true
	}
	start, alive := start(r.PID)
	return alive && (start == "" || start == r.Start)
}
