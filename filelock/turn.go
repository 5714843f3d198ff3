package filelock

import (
	"context"
	"sync"

	"golang.org/x/sync/semaphore"
)

// turns has the goroutines of this process that wait, by the path they wait for.
// For each path one goroutine at a time has its turn. The others wait for it, first
// come first served.
var turns = turnstile{byPath: map[string]*turn{}}

type turnstile struct {
	mu     sync.Mutex
	byPath map[string]*turn
}

// A turn belongs to the goroutines that wait for one path.
type turn struct {
	path  string
	mine  *semaphore.Weighted
	users int // goroutines that have the turn, or wait for it; guarded by turns.mu
}

// take waits for the turn until ctx ends.
func (s *turnstile) take(ctx context.Context, path string) (*turn, error) {
	s.mu.Lock()
	t := s.byPath[path]
	if t == nil {
		t = &turn{path: path, mine: semaphore.NewWeighted(1)}
		s.byPath[path] = t
	}
	t.users++
	s.mu.Unlock()
	if err := t.mine.Acquire(ctx, 1); err != nil {
		t.leave()
		return nil, err
	}
	return t, nil
}

// pass gives the turn to the next goroutine.
func (t *turn) pass() {
	t.mine.Release(1)
	t.leave()
}

func (t *turn) leave() {
	turns.mu.Lock()
	defer turns.mu.Unlock()
	if t.users--; t.users == 0 {
		delete(turns.byPath, t.path)
	}
}

// taken reports whether goroutines of this process wait for the path.
func (s *turnstile) taken(path string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byPath[path] != nil
}
