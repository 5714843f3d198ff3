package filelock

import (
	"bytes"
	"os"
	"slices"
	"time"

	"github.com/fsync-lock/fsync/internal/file"
	"github.com/fsync-lock/fsync/internal/process"
)

// maxLines is the size at which a gate is emptied before a line is added.
const maxLines = 64 << 10

// tell writes a line into the gate: which process waits, and since when. Waiters shows it.
// There is one line for each process, in the form of a record. The lines disappear with
// the gate. If tell fails there is no line, which is not an error.
func (w *waiter) tell() {
	gate, err := w.gate.current()
	if err != nil {
		return
	}
	at, err := file.Lstat(gate.path)
	if err != nil || !at.Mode.IsRegular() || !at.Exists || at.ID == w.told {
		return
	}
	w.told = at.ID
	f, err := file.Open(gate.path, os.O_RDWR|os.O_APPEND)
	if err != nil {
		return
	}
	defer f.Close()
	text, ok := readLines(f)
	if !ok {
		return
	}
	if len(text) >= maxLines {
		f.Truncate(0)
	}
	me := process.Self()
	line := process.Record{Version: me.Version, PID: me.PID, Start: me.Start, Boot: me.Boot, PIDNS: me.PIDNS, Since: w.since}.Encode()
	if len(text) > 0 && len(text) < maxLines && text[len(text)-1] != '\n' {
		line = slices.Insert(line, 0, '\n') // a process died in the middle of a line
	}
	f.Write(line)
}

// readLines returns the lines in a gate. It reports false if the file contains
// anything else.
func readLines(f *os.File) ([]byte, bool) {
	at, err := file.Of(f)
	if err != nil || !at.Mode.IsRegular() || at.Size > 2*maxLines {
		return nil, false
	}
	text := make([]byte, at.Size)
	n, _ := f.ReadAt(text, 0)
	return text[:n], isLines(text[:n])
}

func isLines(text []byte) bool { return len(text) == 0 || bytes.HasPrefix(text, []byte(process.Mark)) }

// isGate reports whether the locked file is a gate, and not another file with the
// name of a gate.
func (h *hold) isGate() bool {
	f, err := h.osFile()
	if err != nil {
		return false
	}
	_, ok := readLines(f)
	return ok
}

// waitingSince returns, by PID, when the processes of this machine began to wait.
func (g *gate) waitingSince() map[int]time.Time {
	since := map[int]time.Time{}
	text, _, err := file.Read(g.path, 0, 2*maxLines)
	if err != nil || !isLines(text) {
		return since
	}
	for line := range bytes.Lines(text) {
		if r, ok := process.Parse(line); ok && r.IsVisible() && r.MayRun() {
			since[r.PID] = r.Since
		}
	}
	return since
}
