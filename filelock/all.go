package filelock

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
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
		if err := l.Acquire(ctx); err != nil {
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

// inOrder returns the locks in the order of their paths, in which all
// processes agree.
func inOrder(locks []*Lock) ([]*Lock, error) {
	type named struct {
		*Lock
		path string
	}
	all, seen := make([]named, len(locks)), map[fileID]*Lock{}
	for i, l := range locks {
		path, err := resolved(l.given)
		if err != nil {
			return nil, err
		}
		all[i] = named{l, path}
		if at, err := lookAt(path); err == nil && at.exists {
			if other := seen[at.file]; other != nil {
				return nil, twice(l, other)
			}
			seen[at.file] = l
		}
	}
	slices.SortStableFunc(all, func(a, b named) int { return cmp.Compare(a.path, b.path) })
	ordered := make([]*Lock, len(all))
	for i, l := range all {
		if i > 0 && all[i-1].path == l.path { // the file may not be there yet
			return nil, twice(l.Lock, all[i-1].Lock)
		}
		ordered[i] = l.Lock
	}
	return ordered, nil
}

func twice(a, b *Lock) error {
	return &fs.PathError{Op: "acquire", Path: a.given, Err: fmt.Errorf("%w: it is the same file as %s", fs.ErrInvalid, b.given)}
}

// resolved is the one path of a lock file that all spellings of it lead to. The
// file itself is not followed: it is never locked through a link.
func resolved(given string) (string, error) {
	path, err := absolute(given)
	if err != nil {
		return "", err
	}
	dir, base := filepath.Split(path)
	if base == "" || base == "." || base == ".." { // a directory
		return filepath.EvalSymlinks(path)
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return "", err
	}
	return filepath.Join(dir, base), nil
}
