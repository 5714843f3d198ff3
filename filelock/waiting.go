package filelock

import (
	"bytes"
	"os"
	"time"

	"github.com/fsync-lock/fsync/internal/file"
	"github.com/fsync-lock/fsync/internal/process"
)

// maxWaiting is the size at which a gate is emptied before a line is added.
const maxWaiting = 64 << 10

// A waiter is what other processes can know of a wait.
type waiter struct {
	gate  *gate
	since time.Time
	told  file.Info // the gate that tell has written to
}

// tell writes a line into the gate, for Waiters to show: which process waits, and
// since when. There is one line for each process, in the form of a record. The
// lines disappear with the gate. A failure leaves no line, and is not an error.
func (w *waiter) tell() {
	gate, err := w.gate.now()
	if err != nil {
		return
	}
	at, err := file.Lstat(gate.path)
	if err != nil || !at.Exists || !at.Mode.IsRegular() || w.told.Exists && at.ID == w.told.ID {
		return
	}
	w.told = at
	f, err := file.Open(gate.path, os.O_RDWR|os.O_APPEND)
	if err != nil {
		return
	}
	defer f.Close()
	text, ok := readWaiting(f)
	if !ok {
		return
	}
	if len(text) >= maxWaiting {
		f.Truncate(0)
	}
	me := process.Self()
	line := process.Record{Version: me.Version, PID: me.PID, Start: me.Start, Boot: me.Boot, PIDNS: me.PIDNS, Since: w.since}.Encode()
	if len(text) > 0 && len(text) < maxWaiting && text[len(text)-1] != '\n' {
		line = append([]byte("\n"), line...) // a process died in the middle of a line
	}
	f.Write(line)
}

// readWaiting returns the lines in a gate. It reports false if the file contains
// anything else.
func readWaiting(f *os.File) ([]byte, bool) {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() > 2*maxWaiting {
		return nil, false
	}
	text := make([]byte, info.Size())
	n, _ := f.ReadAt(text, 0)
	text = text[:n]
	return text, len(text) == 0 || bytes.HasPrefix(text, []byte(process.Mark))
}

// isGate reports whether the locked file is a gate, and not another file with the
// name of a gate.
func (h *handle) isGate() bool {
	f, err := h.open()
	if err != nil {
		return false
	}
	_, ok := readWaiting(f)
	return ok
}

// whoWaits returns when the processes of this machine began to wait, by their IDs.
func (g *gate) whoWaits() map[int]time.Time {
	told := map[int]time.Time{}
	at, err := file.Lstat(g.path)
	if err != nil || !at.Exists || !at.Mode.IsRegular() {
		return told
	}
	f, err := file.Open(g.path, os.O_RDONLY)
	if err != nil {
		return told
	}
	defer f.Close()
	text, _ := readWaiting(f)
	for line := range bytes.Lines(text) {
		if r, ok := process.Parse(line); ok && r.IsVisible() && r.MayRun() {
			told[r.PID] = r.Since
		}
	}
	return told
}
