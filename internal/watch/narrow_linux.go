package watch

import (
	"reflect"

	"github.com/fsnotify/fsnotify"
	"golang.org/x/sys/unix"
)

// wantedReports selects the reports that the hub needs: entries that appear and go, and
// changes of the directory itself.
const wantedReports = unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO |
	unix.IN_DELETE_SELF | unix.IN_MOVE_SELF

// narrow stops the kernel from reporting writes to the files of a directory that the watcher
// has just added. The hub ignores these reports, but those of a busy log file would cost the
// waiter and the writer time. fsnotify v1.10.1 has no public option for that. Adding the
// directory again to the same inotify instance replaces the set of reports
// (inotify_add_watch(2)). narrow returns the number of the watch, and whether it succeeded.
//
// If the directory was replaced just before, narrow makes a watch on the next one, which
// fsnotify does not know. So the hub keeps the number, for discard.
func narrow(w *fsnotify.Watcher, path string) (number int, ok bool) {
	fd, ok := descriptor(w)
	if !ok {
		return 0, false
	}
	number, err := unix.InotifyAddWatch(fd, path, wantedReports|unix.IN_ONLYDIR)
	return number, err == nil
}

// discard removes a watch if it is still there.
func discard(w *fsnotify.Watcher, number int) {
	if fd, ok := descriptor(w); ok {
		unix.InotifyRmWatch(fd, uint32(number))
	}
}

// descriptor returns the watcher's inotify descriptor, from a private field of
// fsnotify. TestNarrow fails if a new fsnotify keeps it elsewhere.
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
