package watch

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// A place without a watch, or with one that does not report all changes, is
// examined by a timer: often at first, because most waits are short, then less and
// less often, and never for more than a tenth of the time.
const (
	pollFirst = 10 * time.Millisecond
	pollLast  = 240 * time.Millisecond // so that the waiter wakes within 250
	pollShare = 10
)

// fewEntries is the largest number of entries for which it is cheaper that each
// waiter looks for its own than to read the whole directory.
const fewEntries = 32

// setPolling starts or stops the timer. The caller holds mu.
func (h *hub) setPolling(p *place, why string) {
	started := p.why == "" && why != ""
	p.why = why
	switch {
	case started && p.poll == nil:
		p.pause = pollFirst
		p.poll = time.AfterFunc(p.pause, func() { h.polled(p) })
	case started:
		p.pause = pollFirst
		p.poll.Reset(p.pause)
	case why == "" && p.poll != nil:
		p.poll.Stop()
	}
}

// hurry makes a polled place be examined soon, because there is a new
// subscription. The caller holds mu.
func (h *hub) hurry(p *place) {
	if p.why != "" && p.pause > pollFirst && p.poll.Stop() {
		p.pause = pollFirst
		p.poll.Reset(p.pause)
	}
}

// polled is the function of the timer. It does nothing if the timer was stopped
// while it fired.
func (h *hub) polled(p *place) {
	h.mu.Lock()
	idle, busy, missing := p.why == "", p.busy, p.id == identity{}
	p.busy = p.busy || !idle
	h.mu.Unlock()
	if idle {
		return
	}
	start := time.Now()
	if !busy {
		if missing && h.appeared(p) {
			h.settle(p)
		}
		h.examine(p)
		h.release(p)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if p.why != "" {
		p.pause = nextPause(p.pause, time.Since(start))
		p.poll.Reset(p.pause)
	}
}

func nextPause(pause, took time.Duration) time.Duration {
	return max(min(pause*3/2, pollLast), pollShare*took)
}

// appeared reports whether the missing directory of a place now exists.
func (h *hub) appeared(p *place) bool {
	dir := p.path()
	refreshParent(dir)
	_, err := identify(dir)
	return err == nil
}

// examine nudges the subscriptions that may be met now. If there are few entries,
// it nudges all. Otherwise it reads the directory and its board, and nudges those
// whose entry exists (or, for Vanish, does not) or was announced. It does not
// compare listings, so it does not depend on what an earlier examination saw.
func (h *hub) examine(p *place) {
	dir := p.path()
	h.mu.Lock()
	few := p.entries <= fewEntries || dir == "" // then all waiters must see the error
	h.mu.Unlock()
	var there map[string]struct{}
	var board []byte
	if few {
		refresh(dir)
	} else {
		there, board = list(dir), readBoard(dir)
	}
	if h.blind.Load() {
		return
	}
	h.mu.Lock()
	var due []*Subscription
	for key, spt := range p.spots {
		for ; spt != nil; spt = spt.also {
			_, is := there[key]
			if there == nil || opaque(key) || is != (spt.aim == Vanish) || p.rung(spt.name, board) {
				due = spt.nudge(due)
			}
		}
	}
	p.board = board
	h.mu.Unlock()
	send(due)
}

// rung reports whether the name may have been announced since the last
// examination. The caller holds mu.
func (p *place) rung(name string, board []byte) bool {
	return board == nil || p.board == nil || slot(board, name) != slot(p.board, name)
}

// list returns the folded names of the entries of the directory, or nil if it
// cannot be read. A missing directory has no entries.
func list(dir string) map[string]struct{} {
	f, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]struct{}{}
	}
	if err != nil {
		return nil
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil {
		return nil
	}
	there := make(map[string]struct{}, len(names))
	for _, name := range names {
		there[fold(name)] = struct{}{}
	}
	return there
}

// refresh opens the directory and closes it again. An NFS client answers lstat(2)
// from its cache for up to a minute, even that a file does not exist; opening the
// directory makes it ask the server (nfs(5), close-to-open cache consistency). On
// other file systems it costs microseconds. A failure is ignored.
func refresh(dir string) {
	if f, err := os.Open(dir); err == nil {
		f.Close()
	}
}

// refreshParent refreshes the nearest existing directory above dir.
func refreshParent(dir string) {
	for above := filepath.Dir(filepath.Clean(dir)); ; above = filepath.Dir(above) {
		f, err := os.Open(above)
		if err == nil {
			f.Close()
		}
		if err == nil || above == filepath.Dir(above) {
			return
		}
	}
}
