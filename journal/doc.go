// Package journal keeps a log of runs. A run is a command that waited for a lock or an
// event. The line of a run says when the wait began, how long it took, how long the
// command held the lock, and how the run ended. "fsync-lock --journal" and "fsync-event run
// --journal" write a journal, and "fsync-status --report" draws it.
//
// A line is a JSON object. The first field is the version of the format:
//
//	{"fsync_run":1,"start":"2026-01-02T03:00:00.000123456Z","lock":"/run/lock/backup.lock","command":["backup","-a"],"pid":4242,"host":"web1","user":"root","waited_seconds":0.25,"held_seconds":61.5,"outcome":"ran","exit_status":0}
//
// The fields are those of [Run]. Empty texts and lists, and a PID of 0, are left out.
// Later versions of this package may add fields to version 1; older readers ignore them.
// A change that older readers cannot ignore gets another version number.
//
// A run whose command takes longer than half a second has two lines. The first says that
// the command is running, the second how it ended. Both have the same start, PID, host
// and lock, and a reader returns them as one run. If fsync-lock or fsync-event is killed,
// the second line is missing.
//
// Many processes may append to one journal at the same time. A journal contains command
// lines, so [Append] creates it for its owner alone. If you change its
// permissions, those of the next file after a rotation are the same.
package journal
