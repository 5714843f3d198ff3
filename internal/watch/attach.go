package watch

import (
	"cmp"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/fsync-lock/fsync/internal/file"
	"github.com/fsync-lock/fsync/internal/fskind"
)

// attach gives the dir a watch on the directory that was found at its path, or makes the
// timer poll the dir, or both. found is the ID of that directory; err is the error if none
// was found.
//
// The hub reads the ID before it makes the watch, and compares it with the directory at
// the path afterwards, see add. With one of the two reads alone, the directory could be
// replaced between the read and the watch. Then the dir would have the ID of one
// directory and a watch on another, and other paths could share the wrong watch. (The reads
// do not notice a directory that is replaced and put back between them. But then the watch is
// on the other directory, and usually reports that this one is gone.)
func (h *hub) attach(d *dir, found file.ID, err error) {
	path, kind := "", fskind.Kind{}
	if err == nil {
		path = resolve(d.in.Abs(d.path))
		kind = h.kind(path)
	}
	h.admin.Lock()
	log, due := h.attachTo(d, found, path, kind, err)
	h.admin.Unlock()
	log() // without locks: the handler of log records may subscribe, too
	send(due)
}

// attachTo does the work of attach with the resolved path. It returns a function that
// logs the change, and the subscriptions to notify. The caller holds admin.
func (h *hub) attachTo(d *dir, found file.ID, path string, kind fskind.Kind, err error) (log func(), due []*Subscription) {
	h.mu.Lock()
	if d.n == 0 || d.current(found, err) { // meanwhile another goroutine has attached it
		h.mu.Unlock()
		return func() {}, nil
	}
	before := *d
	d.attached = false // new subscriptions wait for admin, and dropIdle keeps the dir
	unused, shared := h.unwatch(d), h.watchOn(found)
	if err == nil {
		if shared == "" {
			due = h.forget(path) // another directory was at this path
		}
		h.watch(d, cmp.Or(shared, path))
	}
	h.mu.Unlock()
	if unused != "" {
		h.remove(unused)
	}
	if err == nil && shared == "" {
		err = h.add(path, found)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	d.id, d.kind, d.attached = found, kind, true
	h.pollIfNecessary(d, err)
	if before.attached && (before.watch != d.watch || before.id != d.id) {
		due = d.notifyAll(due) // nothing reported what changed before the new watch was made
	}
	return d.news(&before), due
}

// pollIfNecessary makes the timer poll a dir that was just attached, unless its watch
// reports all changes. The caller holds mu.
func (h *hub) pollIfNecessary(d *dir, err error) {
	switch {
	case err != nil:
		h.unwatch(d)
		d.poll(err.Error())
	case d.watch == "": // its removal was reported while it was attached
		d.poll(lostWatch)
	case d.kind.Silent:
		d.poll(d.kind.Name + " does not report all changes")
	default:
		d.reason = ""
	}
}

// watchOn returns the watch that a directory already has, perhaps under another path. The
// kernel has one watch per directory, and fsnotify reports its changes under the first
// path. The caller holds mu.
func (h *hub) watchOn(id file.ID) string {
	for path, dirs := range h.watched {
		if dirs[0].id == id {
			return path
		}
	}
	return ""
}

// watch makes the dir use the watch on the path. unwatch ends that, and returns the watch if
// no other dir uses it. The caller holds mu.
func (h *hub) watch(d *dir, path string) {
	d.watch = path
	h.watched[path] = append(h.watched[path], d)
}

func (h *hub) unwatch(d *dir) (unused string) {
	path := d.watch
	if d.watch = ""; path == "" {
		return ""
	}
	left := slices.DeleteFunc(h.watched[path], func(other *dir) bool { return other == d })
	if h.watched[path] = left; len(left) > 0 {
		return ""
	}
	delete(h.watched, path)
	return path
}

// forget removes the dirs from a watch that has ended, or whose directory has moved away.
// Each of the dirs is checked at once, and attached again. The caller holds mu, and
// notifies the subscriptions that forget returns.
func (h *hub) forget(path string) (due []*Subscription) {
	dirs := h.watched[path]
	delete(h.watched, path)
	for _, d := range dirs {
		d.watch = ""
		d.poll(lostWatch)
		due = d.notifyAll(due)
	}
	return due
}

// errReplaced is the reason why a dir is polled until it is attached again.
var errReplaced = errors.New("the directory was replaced while its watch was made")

// add makes a watch on the directory found, which is at the path. The reason for a failure
// does not matter: no instances, watches or descriptors are left, the directory may not be
// read, or the system has no watchers. Polling works in all these cases, and if the waiter
// cannot look either, its look returns the error. The caller holds admin.
func (h *hub) add(path string, found file.ID) error {
	if h.watcher == nil {
		w, err := h.open()
		if err != nil {
			return err
		}
		h.watcher = w
		go h.read(w)
	}
	// fsnotify v1.10.1 confuses its records if a path that it knows is added again for
	// another directory, and it may still know the path of a directory that is gone.
	h.remove(path)
	err := h.watcher.Add(path)
	if err != nil && h.dropIdle(func(*dir) bool { return true }) { // perhaps there were too many watches
		err = h.watcher.Add(path)
	}
	if err != nil {
		return err
	}
	if number, ok := narrow(h.watcher, path); ok {
		maps.DeleteFunc(h.narrowed, func(_ string, other int) bool { return other == number })
		h.narrowed[path] = number
	}
	if now, _ := find(path); now.ID != found {
		h.remove(path)
		return errReplaced
	}
	return nil
}

// remove removes the watch on a path, and what narrow has left there. The caller holds admin.
func (h *hub) remove(path string) {
	h.watcher.Remove(path)
	if number, ok := h.narrowed[path]; ok {
		discard(h.watcher, number)
		delete(h.narrowed, path)
	}
}

// dropIdle removes those dirs without subscriptions that drop selects, and their watches.
// After the last dir it sweeps, because no check comes any more. It reports whether there
// were any. The caller holds admin.
func (h *hub) dropIdle(drop func(*dir) bool) (any bool) {
	var unused []string
	h.mu.Lock()
	for key, d := range h.dirs {
		if d.n == 0 && d.attached && drop(d) {
			any = true
			delete(h.dirs, key)
			d.timer.Stop()
			if path := h.unwatch(d); path != "" {
				unused = append(unused, path)
			}
		}
	}
	last := false
	if any && len(h.dirs) == 0 {
		last = true
		h.closing = time.AfterFunc(h.idleTimeout, h.closeIdle)
	}
	h.mu.Unlock()
	for _, path := range unused {
		h.remove(path)
	}
	if last {
		h.sweep()
	}
	return any
}

// closeIdle closes the watcher if there has been no dir for the idle timeout.
func (h *hub) closeIdle() {
	h.admin.Lock()
	defer h.admin.Unlock()
	h.mu.Lock()
	idle := len(h.dirs) == 0
	h.mu.Unlock()
	if idle && h.watcher != nil {
		h.watcher.Close() // before admin is unlocked, so that the next watcher finds a free instance
		h.watcher = nil
		clear(h.narrowed)
	}
}

// resolve returns the path under which a directory is watched.
func resolve(dir string) string {
	if path, err := filepath.EvalSymlinks(dir); err == nil {
		return path
	}
	return filepath.Clean(dir)
}
