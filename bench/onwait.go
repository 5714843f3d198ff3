//go:build linux

package main

import (
	"context"
	"sync"
)

// announced is a context that tells when somebody waits for its end: what
// waits for a lock or an event as long as a context lasts does that and then
// sleeps. It is for one wait.
type announced struct {
	context.Context
	once sync.Once
	tell func()
}

func onWait(ctx context.Context, tell func()) *announced {
	return &announced{Context: ctx, tell: tell}
}

func (a *announced) Done() <-chan struct{} {
	a.once.Do(a.tell)
	return a.Context.Done()
}
