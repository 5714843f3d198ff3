package filelock

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/fsync-lock/fsync/internal/cwd"
)

// AcquireAll takes all of the locks or none of them, waiting for each until ctx
// ends. It takes them in the order of their paths, whatever the order they are
// given in, so those who take several locks in no other way never wait for each
// other in a circle: each waits only for locks behind all those that it has.
// That is lost for who holds some lock already, and for a lock file that goes
// by several names; symbolic links to directories are seen through.
//
// Each of the locks is held as if by its own Acquire and released by its own
// Release, in any order. After an error this call holds none. The error is that
// of the Acquire that failed, or an [*fs.PathError] that is [fs.ErrInvalid] if
// two of the locks are on one file.
func AcquireAll(ctx context.Context, locks ...*Lock) error {
	ordered, err := inOrder(locks)
	if err != nil {
		return err
	}
	for i, l := range ordered {
		if err := l.acquire(ctx, l.aim); err != nil {
			for _, had := range slices.Backward(ordered[:i]) {
				if e := had.Release(); e != nil {
					err = errors.Join(err, e)
				}
			}
			return err
		}
	}
	return nil
}

// A located lock is one whose path is not to be looked up again: the process
// may change its directory while it waits for those before it.
type located struct {
	*Lock
	path     string
	dir      cwd.Dir
	resolved string
}

func (l located) aim() (want, error) { return l.aimAt(l.path, l.dir) }

// inOrder returns the locks in the order of their paths, in which all
// processes agree.
func inOrder(locks []*Lock) ([]located, error) {
	all, seen := make([]located, len(locks)), map[fileID]*Lock{}
	for i, l := range locks {
		path, dir, err := locate(l.given)
		if err != nil {
			return nil, err
		}
		all[i] = located{l, path, dir, ""}
		t, err := target{path: path, anyFile: l.anyFile}.now()
		if err != nil {
			return nil, err
		}
		if all[i].resolved, err = resolve(t.path); err != nil {
			return nil, err
		}
		if at, err := t.lookAt(); err == nil && at.exists {
			if other := seen[at.file]; other != nil {
				return nil, twice(l, other)
			}
			seen[at.file] = l
		}
	}
	slices.SortStableFunc(all, func(a, b located) int { return cmp.Compare(a.resolved, b.resolved) })
	for i, l := range all {
		if i > 0 && all[i-1].resolved == l.resolved { // the file may not be there yet
			return nil, twice(l.Lock, all[i-1].Lock)
		}
	}
	return all, nil
}

func twice(a, b *Lock) error {
	return &fs.PathError{Op: "acquire", Path: a.given, Err: fmt.Errorf("%w: it is the same file as %s", fs.ErrInvalid, b.given)}
}

// resolve returns the one path of a lock file that all spellings of it lead to.
// The file itself is no link, or one that is not followed.
func resolve(path string) (string, error) {
	dir, base := filepath.Split(path)
	if base == "." || base == ".." { // a directory
		dir, base = path, ""
	}
	dir, err := filepath.EvalSymlinks(cmp.Or(dir, "."))
	if err != nil {
		return "", err
	}
	// No link is left in it, and the kernel calls the working directory by none.
	return filepath.Join(cwd.Name(dir), base), nil
}
