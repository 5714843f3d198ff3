package watch

import (
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/fsync-lock/fsync/internal/cwd"
	"github.com/fsync-lock/fsync/internal/file"
	"github.com/fsync-lock/fsync/internal/sidecar"
)

// A timer checks each directory. A directory that is not watched, or whose file system
// does not report all changes, is polled: it is checked often at first, because most
// waits are short, and then less and less often.
//
// A directory that is watched is checked once a second, because some changes are not
// reported: there is no report if a directory is removed while a process has it open or
// as its working directory, if its parent is renamed, or if another file system is
// mounted over it. Some file systems that look local report nothing.
const (
	pollFirst = 10 * time.Millisecond
	pollLast  = 240 * time.Millisecond // so that the waiter wakes within 250 ms
)

// missesPulses reports whether the system has kqueue(2). There, fsnotify learns only that
// a directory has changed, and compares listings. An entry that came and went is in neither
// listing, and an entry that cannot be opened hides others. So the hub checks a watched
// directory four times a second. Changes that the listings show are still reported at once.
func missesPulses() bool {
	switch runtime.GOOS {
	case "darwin", "ios", "dragonfly", "freebsd", "netbsd", "openbsd":
		return true
	}
	return false
}

// checkEvery returns the time between two checks of a directory that is watched.
func checkEvery() time.Duration {
	if missesPulses() {
		return pollLast
	}
	return time.Second
}

// Checks, and the looks of the waiters that they wake, take at most a tenth of the time. So
// the pauses of a polled directory with many waiters are longer. In a watched directory, most
// changes were reported already: each check wakes only as many waiters as can look in 10 ms,
// and the next checks wake the others.
//
// A check that takes long waits for the file system or for a processor, and uses none itself.
// So it makes the next pause longer by maxCheckPause at most: otherwise one check that took
// a second on a busy machine would let the waiters sleep for ten.
const (
	checkShare    = 10
	maxCheckPause = time.Second
	fewLooks      = int(10 * time.Millisecond / localLookCost)

	localLookCost   = 20 * time.Microsecond  // about how long a waiter takes to wake and look
	networkLookCost = 200 * time.Microsecond // the same, if another host or process answers
)

// lookCost returns how long one look takes in this directory. The caller holds mu.
func (d *dir) lookCost() time.Duration {
	if d.kind.Network {
		return networkLookCost
	}
	return localLookCost
}

// poll makes the timer check the dir often, for the reason. The caller holds mu.
func (d *dir) poll(reason string) {
	started := d.reason == "" || reason == lostWatch
	if d.reason = reason; !started {
		return
	}
	if d.pause = pollFirst; reason == lostWatch {
		d.pause = 0
	}
	d.hurry()
}

// pollSoon makes the timer check a polled dir soon, because there is a new subscription. If
// the last check was expensive, the pause stays as it is: otherwise each newcomer would wake
// all waiters. The caller holds mu.
func (d *dir) pollSoon() {
	soon := max(pollFirst, time.Until(d.notBefore))
	if d.reason != "" && d.pause > soon {
		d.pause = soon
		d.hurry()
	}
}

// hurry restarts the timer with the present pause. If a check is running, hurry does
// nothing, because the check sets the timer at its end. The caller holds mu.
func (d *dir) hurry() {
	if d.timer.Stop() {
		d.timer.Reset(d.pause)
	}
}

// check is the function of the timer. A file system that does not answer delays the
// checks of its own directories only.
func (h *hub) check(d *dir) {
	start := time.Now()
	if h.dropIfIdle(d) {
		return
	}
	h.audit()
	found, now, err := h.examine(d)
	h.mu.Lock()
	current := d.current(found.ID, err)
	h.mu.Unlock()
	if !current {
		h.attach(d, found.ID, err)
	}
	notified := h.notifyChanged(d, now)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.dirs[d.key] == d {
		looks := time.Duration(notified) * d.lookCost()
		d.timer.Reset(d.next(h.every, time.Since(start), looks))
	}
}

// next returns the pause before the next check. took is how long the last check took, and
// looks is how long the looks of the waiters that it woke will take.
func (d *dir) next(every, took, looks time.Duration) time.Duration {
	share := min(checkShare*took, maxCheckPause) + checkShare*looks
	switch {
	case d.reason == lostWatch:
		return 0
	case d.reason == "":
		return max(every, share)
	}
	d.notBefore = time.Now().Add(share)
	d.pause = max(min(d.pause*3/2, pollLast), pollFirst, share)
	return d.pause
}

// dropIfIdle drops a dir without subscriptions if it had none since the last check, or if
// it has no watch to keep. It reports whether it has dropped the dir.
func (h *hub) dropIfIdle(d *dir) bool {
	h.mu.Lock()
	drop := d.n == 0 && (d.idle || d.watch == "")
	d.idle = d.n == 0
	h.mu.Unlock()
	if !drop {
		return false
	}
	h.admin.Lock()
	defer h.admin.Unlock()
	return h.dropIdle(func(other *dir) bool { return other == d })
}

// audit forgets watches that the watcher has dropped without a report, as fsnotify
// v1.10.1 does on Linux when a file system is unmounted. Comparing IDs does not find
// them if the same file system is mounted again. audit also sweeps.
func (h *hub) audit() {
	if runtime.GOOS != "linux" || !h.admin.TryLock() { // a check does not wait while another directory is attached
		return
	}
	defer h.admin.Unlock()
	if h.watcher == nil || time.Since(h.audited) < h.every/2 {
		return
	}
	h.audited = time.Now()
	alive := make(map[string]bool)
	for _, path := range h.watcher.WatchList() {
		alive[path] = true
	}
	var due []*Subscription
	h.mu.Lock()
	for path := range h.watched {
		if !alive[path] {
			due = append(due, h.forget(path)...)
		}
	}
	h.mu.Unlock()
	h.sweep()
	send(due)
}

// sweep removes watches that no dir uses. A late report leaves such a watch: it is about a
// directory that was at the path before, but the hub forgets the watch on the directory that is
// there now. If the last subscription then ends before the path is attached again, no dir uses
// that watch. The caller holds admin.
func (h *hub) sweep() {
	if h.watcher == nil {
		return
	}
	for _, path := range slices.AppendSeq(h.watcher.WatchList(), maps.Keys(h.narrowed)) {
		h.mu.Lock()
		used := h.watched[path] != nil
		h.mu.Unlock()
		if !used {
			h.remove(path)
		}
	}
}

// notifyChanged notifies the subscriptions, unless the snapshot proves that the directory
// has not changed since the last notification. It returns how many it notified.
func (h *hub) notifyChanged(d *dir, now snapshot) int {
	h.mu.Lock()
	if len(d.rest) == 0 && (!now.known || now != d.seen) {
		d.seen = now
		for _, entries := range d.entries {
			d.rest = append(d.rest, entries...)
		}
	}
	var due []*Subscription
	inPortions := d.reason == "" && !missesPulses()
	for len(d.rest) > 0 && !(inPortions && len(due) >= fewLooks) {
		last := len(d.rest) - 1
		due = d.rest[last].notify(due)
		d.rest = d.rest[:last]
	}
	if len(d.rest) == 0 {
		d.rest = nil
	}
	h.mu.Unlock()
	send(due)
	return len(due)
}

// A snapshot describes a directory and its sidecar. If two known snapshots are equal, no
// file of the two directories was created, removed or renamed in between: that would have
// changed their ctime (inode(7)), which no call can set.
type snapshot struct {
	known        bool
	dir, sidecar file.Info
}

// young is the age of a ctime that proves nothing, because the next change may get the
// same one. It is more than the longest step of a file system's clock, 2 s on FAT.
const young = 3 * time.Second

// examine finds the directory that is at the path now, and takes a snapshot of it.
func (h *hub) examine(d *dir) (found file.Info, now snapshot, err error) {
	path := d.now()
	refresh(path)
	h.mu.Lock()
	silent := d.kind.Silent
	h.mu.Unlock()
	start := time.Now() // before the snapshot, because this process may be stopped for a while after it
	found, err = find(path)
	if err != nil || silent {
		return found, snapshot{}, err
	}
	now = snapshot{dir: found}
	now.sidecar, err = file.Stat(cwd.Join(path, sidecar.Dir))
	settled := func(info file.Info) bool { return !info.Changed.IsZero() && start.Sub(info.Changed) > h.young }
	now.known = err == nil && settled(now.dir) && (!now.sidecar.Exists || settled(now.sidecar))
	return found, now, nil
}

// refresh opens the directory at the path, or the nearest one above it that exists, and
// closes it again. An NFS client answers lstat(2) from its cache for up to a minute,
// even that a file does not exist; opening the directory makes it ask the server
// (nfs(5), close-to-open cache consistency). On other file systems it costs
// microseconds.
func refresh(path string) {
	for path = filepath.Clean(path); ; path = filepath.Dir(path) {
		f, err := os.Open(path)
		if err == nil {
			f.Close()
		}
		if err == nil || path == filepath.Dir(path) {
			return
		}
	}
}
