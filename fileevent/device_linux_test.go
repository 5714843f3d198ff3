package fileevent

import (
	"syscall"
	"testing"

	"github.com/fsync-lock/fsync/internal/file"
)

// Clear removes a device: if the device was the tombstone, each look would open it.
func TestClearRemovesADevice(t *testing.T) {
	t.Parallel()
	e := New(markerPath(t))
	if err := syscall.Mknod(e.Path(), syscall.S_IFCHR|0o666, 1<<8|3); err != nil {
		t.Skip("this user may not make devices: ", err)
	}
	must(t, e.Clear())
	for _, path := range []string{e.Path(), e.marker.tombstonePath()} {
		if info, err := file.Lstat(path); err != nil || info.Exists {
			t.Errorf("there is %s, %v", path, err)
		}
	}
}
