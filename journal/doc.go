// Package journal keeps a log of runs: one line for each run of a command that
// waits for a lock or an event. The line says when the wait began, how long it
// took, how long the command held the lock, and how the run ended. "fsync-lock
// --journal" and "fsync-event run --journal" write it, and "fsync-status
// --report" draws it.
//
// A line is a JSON object. Its first field is the version of the format:
//
//	{"fsync_run":1,"start":"2026-01-02T03:00:00.000123456Z","lock":"/run/lock/backup.lock","command":["backup","-a"],"pid":4242,"host":"web1","user":"root","waited_seconds":0.25,"held_seconds":61.5,"outcome":"ran","exit_status":0}
//
// A run that takes longer than half a second has two lines. The first says that
// it is running, the second how it ended; both have the same start, process,
// host and lock, and a reader returns them as one run. If fsync-lock or
// fsync-event is killed, the second line is missing.
//
// The fields are those of [Run]; empty fields are left out. Later versions may
// add fields to version 1, which older readers ignore. A change that older
// readers cannot ignore gets another version number.
//
// Many processes may append to one journal at the same time. A journal contains
// command lines, so a file that [Append] makes can be read by its owner only.
package journal
