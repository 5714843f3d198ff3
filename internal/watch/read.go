package watch

import (
	"path/filepath"

	"github.com/fsnotify/fsnotify"
)

// read reads the reports of the watcher and notifies the subscriptions. It does not wait
// for slow waiters, so the kernel's queue (16384 reports by default) stays short.
func (h *hub) read(w *fsnotify.Watcher) {
	var due []*Subscription // reused
	for {
		select {
		case report, ok := <-w.Events:
			if !ok {
				return
			}
			due = h.concerned(report, due[:0])
		case _, ok := <-w.Errors:
			if !ok {
				return
			}
			due = h.all(due[:0]) // after an overflow, or another error, reports of any entry may be lost
		}
		send(due)
		clear(due)
	}
}

// concerned appends the subscriptions that a report concerns.
func (h *hub) concerned(report fsnotify.Event, due []*Subscription) []*Subscription {
	if report.Op&(fsnotify.Create|fsnotify.Remove|fsnotify.Rename) == 0 {
		return due
	}
	path, name := filepath.Split(report.Name)
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, d := range h.watched[filepath.Clean(path)] {
		due = d.notify(name, report.Op, due)
	}
	// The directory itself is gone, or another one is at its path. With kqueue(2), fsnotify
	// also reports the creation of a directory that has been there for long.
	if h.watched[report.Name] != nil && (report.Op&fsnotify.Create == 0 || !missesPulses()) {
		due = append(due, h.forget(report.Name)...)
	}
	return due
}

// all appends all subscriptions.
func (h *hub) all(due []*Subscription) []*Subscription {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, d := range h.dirs {
		due = d.notifyAll(due)
	}
	return due
}
