//go:build linux

package main

import (
	"context"
	"sync"
)

// A waitContext calls a function the first time that its Done is called. Our
// libraries and gofrs/flock call Done when a wait begins, right before they
// sleep. A waitContext serves one wait.
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
