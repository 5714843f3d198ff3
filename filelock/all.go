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
	"github.com/fsync-lock/fsync/internal/file"
)

// AcquireAll takes all of the locks or none, and waits for each until ctx ends.
// It takes them in the order of their paths, whatever the order of the
// arguments. So processes that take several locks only with AcquireAll never
// deadlock. This is not guaranteed if the caller already holds another lock, or
// if a lock file has several names. Symbolic links to directories are resolved.
//
// Release the locks one by one, in any order. The error is that of the Acquire that failed,
// or an [*fs.PathError]: a path cannot be resolved, or two of the locks are on one file
// ([fs.ErrInvalid]). After an error the call holds none of the locks. If one of them cannot
// be released, that error is joined, and the lock stays held.
func AcquireAll(ctx context.Context, locks ...*Lock) (err error) {
	ordered, err := inOrder(locks)
	if err != nil {
		return err
	}
	var acquired []located
	defer func() { // also if a function of OnWait panics
		for _, l := range slices.Backward(acquired) {
			if e := l.Release(); e != nil {
				err = errors.Join(err, e)
			}
		}
	}()
	for _, l := range ordered {
		if err := l.acquire(ctx, l.request); err != nil {
			return err
		}
		acquired = append(acquired, l)
	}
	acquired = nil
	return nil
}

// A located lock has a fixed path: the process may change its working directory while
// it waits for another lock.
type located struct {
	*Lock
	path     string
	base     cwd.Dir
	resolved string
}

func (l located) request(bool) (request, error) { return l.requestAt(l.path, l.base) }

// inOrder returns the locks in the order of their paths, which is the same in
// all processes.
func inOrder(locks []*Lock) ([]located, error) {
	all, seen := make([]located, len(locks)), map[file.ID]*Lock{}
	for i, l := range locks {
		path, base, err := locate(l.given)
		if err != nil {
			return nil, err
		}
		all[i] = located{l, path, base, ""}
		f, err := lockFile{path: path, base: base, anyFile: l.anyFile}.current()
		if err != nil {
			return nil, err
		}
		if all[i].resolved, err = resolve(f.path); err != nil {
			return nil, err
		}
		if at, err := f.stat(); err == nil && at.Exists {
			if other := seen[at.ID]; other != nil {
				return nil, twice(l, other)
			}
			seen[at.ID] = l
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

// resolve returns the same path for all spellings of the path of a lock file. A link at
// the end of the path is not followed.
func resolve(path string) (string, error) {
	dir, base := filepath.Split(path)
	if base == "." || base == ".." { // a directory
		dir, base = path, ""
	}
	dir, err := filepath.EvalSymlinks(cmp.Or(dir, "."))
	if err != nil {
		return "", err
	}
	// Neither dir nor the kernel's path of the working directory contains a link.
	return filepath.Join(cwd.Name(dir), base), nil
}
