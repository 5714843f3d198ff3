package sidecar

import (
	"errors"
	"io/fs"
	"syscall"
	"testing"

	"github.com/fsync-lock/fsync/internal/testproc"
)

// If the directory cannot be made, the error names it, and not the name that it has at first.
func TestMakeOnAReadOnlyDisk(t *testing.T) {
	t.Parallel()
	dir := testproc.Tmpfs(t, "") + "/"
	testproc.ReadOnly(t, dir)
	var path *fs.PathError
	if err := Make(dir); !errors.As(err, &path) || path.Path != dir+Dir || path.Err != syscall.EROFS {
		t.Errorf("Make = %v", err)
	}
}
