package filelock

import (
	"context"
	"sync"

	"golang.org/x/sync/semaphore"
)

// turns has the turns of this process, by their keys.
var turns = struct {
	mu    sync.Mutex
	byKey map[string]*turn
}{byKey: map[string]*turn{}}

// A turn belongs to the goroutines of this process that wait for one path. One
// goroutine at a time has the turn. The others wait for it, first come first served.
type turn struct {
	key   string
	mine  *semaphore.Weighted
	users int // goroutines that have the turn, or wait for it; guarded by turns.mu
}

// takeTurn waits for the turn until ctx ends.
func takeTurn(ctx context.Context, key string) (*turn, error) {
	turns.mu.Lock()
	t := turns.byKey[key]
	if t == nil {
		t = &turn{key: key, mine: semaphore.NewWeighted(1)}
		turns.byKey[key] = t
	}
	t.users++
	turns.mu.Unlock()
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
		delete(turns.byKey, t.key)
	}
}

// hasTurn reports whether a goroutine of this process waits for the path.
func hasTurn(key string) bool {
	turns.mu.Lock()
	defer turns.mu.Unlock()
	return turns.byKey[key] != nil
}
