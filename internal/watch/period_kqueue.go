//go:build darwin || ios || dragonfly || freebsd || netbsd || openbsd

package watch

// With kqueue(2) fsnotify learns that the directory has changed and compares
// listings: an entry that came and went again is in neither, and one that
// cannot be opened hides others. So everybody looks as often as if there were
// no watcher; what the listings do show is reported at once all the same.
const patrolEvery = pollLast
