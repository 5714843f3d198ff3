package flockwait_test

import (
	"testing"

	"github.com/fsync-lock/fsync/internal/flockwait"
	"github.com/fsync-lock/fsync/internal/testproc"
)

// A Call on an inherited open file that is called back while another process holds the lock
// does not report that the lock is granted.
func TestInheritedIsCalledBack(t *testing.T) {
	f := newLockFile(t)
	release := f.hold(t)
	defer release()
	c := flockwait.Call{Inherited: true}
	result := f.lock(&c)
	testproc.AwaitWaiters(t, f.path, 1)
	c.Back(errBack)
	mustCome(t, result, errBack)
}
