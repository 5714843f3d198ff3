package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/fsync-lock/fsync/cmd/internal/userdir"
)

func TestOpenStatus(t *testing.T) {
	t.Parallel()
	pathError := func(op string, err error) error { return &os.PathError{Op: op, Path: "p", Err: err} }
	for err, want := range map[error]int{
		pathError("open", syscall.ENOENT):              ExitNoInput,
		pathError("open", syscall.EACCES):              ExitNoInput,
		pathError("open", syscall.EAGAIN):              ExitNoInput, // a lease on the file
		pathError("open", fs.ErrInvalid):               ExitNoInput,
		pathError("open", syscall.EROFS):               ExitCreate,
		pathError("open", syscall.ENOSPC):              ExitCreate,
		pathError("open", syscall.EDQUOT):              ExitCreate,
		pathError("open", syscall.EMFILE):              ExitSystem,
		pathError("flock", syscall.ENOLCK):             ExitSystem,
		pathError("flock", syscall.EBADF):              ExitData,
		fmt.Errorf("%w: a name", fs.ErrInvalid):        ExitUsage,
		userdir.ErrUsage:                               ExitUsage,
		WithStatus(42, pathError("open", os.ErrExist)): 42,
	} {
		if got := OpenStatus(err); got != want {
			t.Errorf("OpenStatus(%v) = %d, want %d", err, got, want)
		}
	}
}

func TestNotRun(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]int{
		syscall.ENOENT: ExitNoExec,
		syscall.EAGAIN: ExitSystem, // too many processes
		syscall.ENOMEM: ExitSystem,
		&exec.Error{Name: "a", Err: exec.ErrNotFound}:                  ExitNoExec,
		&os.PathError{Op: "fork/exec", Path: "a", Err: syscall.EAGAIN}: ExitSystem,
	} {
		reason := err
		for errors.Unwrap(reason) != nil {
			reason = errors.Unwrap(reason)
		}
		if status, said := NotRun("a", err); status != want || said.Error() != "cannot run a: "+reason.Error() {
			t.Errorf("NotRun(%#v) = %d, %v, want %d", err, status, said, want)
		}
	}
}
