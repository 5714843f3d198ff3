package filelock

import (
	"sync"
	"time"
)

// everySecond calls look once a second, until look is done or stop is called. stop
// waits for a look that is running: nothing happens after it has returned.
func everySecond(path string, look func() (done bool)) (stop func()) {
	l := &regularLook{look: look}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.timer = time.AfterFunc(time.Second, l.run)
	looking(path, l)
	return l.stop
}

type regularLook struct {
	look  func() (done bool)
	mu    sync.Mutex // held during a look
	timer *time.Timer
	over  bool
}

func (l *regularLook) run() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over = l.over || l.look(); !l.over {
		l.timer.Reset(time.Second)
	}
}

func (l *regularLook) stop() {
	l.timer.Stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
}

// looking tells tests of a look.
var looking = func(path string, l *regularLook) {}
