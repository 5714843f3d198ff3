// Package journal keeps a file with one line for each run of a command that
// waits for a lock or an event: when it wanted the lock, how long it waited and how long it held it,
// and what became of it. fsync-lock --journal writes it, and fsync-status
// --report draws it.
//
// A line is a JSON object, its first field the version of its format:
//
//	{"fsync_run":1,"start":"2026-01-02T03:00:00.000123456Z","lock":"/run/lock/backup.lock","command":["backup","-a"],"pid":4242,"host":"web1","user":"root","waited_seconds":0.25,"held_seconds":61.5,"outcome":"ran","exit_status":0}
//
// A run that takes long has a line before, which says that it is running; the
// line of its end has the same start, process, host and lock, and stands for
// both when the journal is read. A run whose process was killed has only the
// first one.
//
// The fields are those of [Run], and those that are empty are left out. Later
// versions may add fields to version 1, which readers of today pass over; what
// they cannot pass over gets another version.
//
// Any number of processes may append to one journal at once. It holds command
// lines, so nobody but its owner may read one that [Append] made.
package journal
