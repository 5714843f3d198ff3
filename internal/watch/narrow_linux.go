package watch

import (
	"reflect"

	"github.com/fsnotify/fsnotify"
	"golang.org/x/sys/unix"
)

// interest is what the hub has to hear of a directory: entries that come and
// go, and the directory itself.
const interest = unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO |
	unix.IN_DELETE_SELF | unix.IN_MOVE_SELF

// narrow keeps the kernel from reporting what is written to the files of a
// directory that the watcher has just added: a busy log file would keep both
// the waiter and the process that writes to it busy with reports that nobody
// wants. fsnotify v1.10.1 has no public option for that. To add a directory
// again to the same inotify instance replaces what is reported of it
// (inotify_add_watch(2)).
//
// It reports whether it did; where it cannot, the reports are ignored. If
// another directory has come to the path since, the patrol finds that.
func narrow(w *fsnotify.Watcher, path string) bool {
	fd, ok := descriptor(w)
	if !ok {
		return false
	}
	_, err := unix.InotifyAddWatch(fd, path, interest|unix.IN_ONLYDIR)
	return err == nil
}

// descriptor is the watcher's inotify instance, read where fsnotify keeps it.
// TestNarrow fails on the day that it keeps it elsewhere.
func descriptor(w *fsnotify.Watcher) (fd int, ok bool) {
	backend := reflect.ValueOf(w).Elem().FieldByName("b")
	if !backend.IsValid() || backend.Kind() != reflect.Interface || backend.Elem().Kind() != reflect.Pointer {
		return 0, false
	}
	field := backend.Elem().Elem().FieldByName("fd")
	if !field.IsValid() || field.Kind() != reflect.Int {
		return 0, false
	}
	return int(field.Int()), true
}
