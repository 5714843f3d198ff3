package watch

import (
	"os"
	"time"
)

// A subscription without a watch is nudged by a timer of its own: soon at
// first, because most waits are short, then ever less often.
const (
	pollFirst = 10 * time.Millisecond
	pollLast  = 250 * time.Millisecond
)

// startPolling and stopPolling are called with the hub's mu held. The timer
// stops itself if it fires while it is being stopped.
func (s *Subscription) startPolling() {
	s.pause = pollFirst
	if s.poll == nil {
		s.poll = time.AfterFunc(s.pause, s.polled)
		return
	}
	s.poll.Reset(s.pause)
}

func (s *Subscription) stopPolling() {
	if s.poll != nil {
		s.poll.Stop()
	}
}

func (s *Subscription) polled() {
	refresh(s.dir)
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	if s.closed || s.on != nil {
		return
	}
	s.send()
	s.pause = min(s.pause*3/2, pollLast)
	s.poll.Reset(s.pause)
}

// refresh opens the directory and closes it again. An NFS client answers
// lstat(2) from its cache for up to a minute, also when the answer is that
// there is no such file; opening the directory makes it ask the server (nfs(5),
// close-to-open cache consistency). Elsewhere it costs microseconds. Who may
// not read the directory does without.
func refresh(dir string) {
	if f, err := os.Open(dir); err == nil {
		f.Close()
	}
}
