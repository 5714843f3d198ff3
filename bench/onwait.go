//go:build linux

package main

import (
	"context"
	"sync"
)

// A waitContext tells when a wait begins: it calls a function at the first call of its
// Done. A waitContext serves one wait.
//
// A library that waits with a context must call Done before it sleeps. That it does not
// call Done earlier is a fact about filelock, fileevent and gofrs/flock, not a promise:
// they call Done only after they have found the lock held or the event not set. In this
// way all of them are measured alike; of the three, only filelock has an option for it
// (OnWait). TestOnWait fails if one of them changes.
type waitContext struct {
	context.Context
	once   sync.Once
	onWait func()
}

func onWait(ctx context.Context, do func()) *waitContext {
	return &waitContext{Context: ctx, onWait: do}
}

func (c *waitContext) Done() <-chan struct{} {
	c.once.Do(c.onWait)
	return c.Context.Done()
}
