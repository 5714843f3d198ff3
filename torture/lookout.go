//go:build linux

package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A lookout sees where the waits of its process stand: in the queue of a gate, or in that of a
// lock. There, a thread is in flock(2), as /proc shows, with a descriptor of a file that is at
// the path of the gate or of the lock. From before that call until after it, every other process
// can see that this one waits at the gate, or has it.
type lookout struct {
	objects string // their directory, without links
	mu      sync.Mutex
	waits   map[*queueContext]bool // while a wait is in it, mu also guards what was seen of it
}

// lookEvery is the time between two looks.
const lookEvery = 20 * time.Millisecond

// A standing says when a wait certainly stood in the two queues: from the end of the first look
// that saw it there to the begin of the last one. A span is zero if none has.
type standing struct{ gate, lock span }

// all returns the time from the first look that saw the wait in one of the queues to the last one.
// In between, it had the gate or waited at it.
func (s standing) all() span {
	if s.gate.from == 0 {
		return s.lock
	}
	return span{s.gate.from, max(s.gate.to, s.lock.to)}
}

// newLookout returns the lookout of a process of the round in a directory.
func newLookout(dir string) (*lookout, error) {
	objects, err := filepath.EvalSymlinks(objectsPath(dir))
	return &lookout{objects: objects, waits: map[*queueContext]bool{}}, err
}

// add adds the wait of this goroutine, which keeps its thread until remove.
func (l *lookout) add(w *queueContext) {
	runtime.LockOSThread()
	w.thread = unix.Gettid()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waits[w] = true
}

// remove removes the wait of this goroutine, if it was added.
func (l *lookout) remove(w *queueContext) {
	if w.thread == 0 {
		return
	}
	runtime.UnlockOSThread()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.waits, w)
}

// run looks again and again until it hears from stop.
func (l *lookout) run(stop <-chan struct{}) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
			l.look()
		}
	}
}

func (l *lookout) look() {
	l.mu.Lock()
	waits := slices.Collect(maps.Keys(l.waits))
	l.mu.Unlock()
	for _, w := range waits {
		before := now()
		path := waitsFor(w.thread)
		l.saw(w, path, span{before, now()})
	}
}

// saw notes for which file a wait was waiting at some moment of a look.
func (l *lookout) saw(w *queueContext, path string, look span) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.waits[w] { // the thread may be that of another goroutine by now
		return
	}
	lock := filepath.Join(l.objects, w.path)
	for at, stood := range map[string]*span{lock: &w.stood.lock, gatePath(lock): &w.stood.gate} {
		if at != path {
			continue
		}
		if stood.from == 0 {
			stood.from = look.to
		}
		stood.to = look.from
	}
}

// waitsFor returns the path of the file for which a thread of this process waits in flock(2), or
// an empty text. The kernel adds a word to the path of a file that was removed.
func waitsFor(thread int) string {
	text, err := os.ReadFile(fmt.Sprintf("%s/self/task/%d/syscall", procDir, thread))
	call := strings.Fields(string(text)) // the number and the arguments; or: running
	if err != nil || len(call) < 3 || call[0] != strconv.Itoa(unix.SYS_FLOCK) {
		return ""
	}
	fd, err := strconv.ParseUint(call[1], 0, 64)
	if err != nil {
		return ""
	}
	path, _ := os.Readlink(fmt.Sprintf("%s/self/fd/%d", procDir, fd))
	return path
}
