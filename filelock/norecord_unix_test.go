//go:build unix

package filelock_test

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/fsync-lock/fsync/filelock"
)

// A directory gets no record, and neither does a device: to open a device for writing may
// have an effect, such as rewinding a tape.
func TestOnlyRegularFilesGetRecords(t *testing.T) {
	t.Parallel()
	paths := []string{t.TempDir()}
	device := filepath.Join(t.TempDir(), "null") // not the one that other programs use
	if err := syscall.Mknod(device, syscall.S_IFCHR|0o666, 1<<8|3); err == nil {
		paths = append(paths, device)
	}
	for _, path := range paths {
		l := filelock.New(path, filelock.AnyFile(), filelock.Note("a note"))
		mustAcquire(t, l)
		if filelock.IsPending(l) {
			t.Errorf("%s will get a record", path)
		}
		mustRelease(t, l)
	}
}
