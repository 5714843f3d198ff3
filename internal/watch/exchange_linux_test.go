package watch

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/internal/testproc"
	"golang.org/x/sys/unix"
)

// Two directories are exchanged again and again, while one of them gets a watch. In the end the
// kernel has no watch that no subscription needs.
func TestExchangedWhileAttached(t *testing.T) {
	t.Parallel()
	h := testHub(t, never)
	keep, _ := on(t, h, filepath.Join(t.TempDir(), "a"))
	for range 200 {
		root := t.TempDir()
		one, two := filepath.Join(root, "1"), filepath.Join(root, "2")
		must(t, os.Mkdir(one, 0o755), os.Mkdir(two, 0o755))
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			for {
				select {
				case <-stop:
					return
				default:
					unix.Renameat2(unix.AT_FDCWD, one, unix.AT_FDCWD, two, unix.RENAME_EXCHANGE)
				}
			}
		}()
		s, _ := on(t, h, filepath.Join(one, "a"))
		d := s.entry.dir
		for range 5 {
			found, err := find(d.path)
			must(t, err)
			h.attach(d, found.ID, nil)
		}
		close(stop)
		<-stopped
		s.Close()
		testproc.Until(t, "the directory is dropped", func() bool {
			h.checkNow(s)
			h.mu.Lock()
			defer h.mu.Unlock()
			return len(h.dirs) == 1
		})
	}
	h.audited = time.Time{}
	h.check(keep.entry.dir)
	fd, ok := descriptor(h.watcher)
	if !ok {
		t.Fatal("no descriptor")
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", fd))
	must(t, err)
	if n := strings.Count(string(text), "inotify wd:"); n != 1 {
		t.Errorf("%d watches are left; the watcher knows %d", n, len(h.watcher.WatchList()))
	}
}
