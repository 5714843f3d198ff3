//go:build darwin || ios || dragonfly || freebsd || netbsd || openbsd

package watch

// With kqueue(2) fsnotify only learns that the directory has changed, and compares
// listings. An entry that came and went is in neither listing, and one that cannot
// be opened hides others. So all waiters look as often as without a watcher;
// changes that the listings show are still reported at once.
const rescanEvery = pollLast
