//go:build linux

package main

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// These faults change the directories of events for ever. After each change they leave the
// directories as they are for some seconds, so that the checks can tell whether the waiters
// go on in time.
func init() {
	const every, length = 1500 * time.Millisecond, 6 * time.Second
	addFault(&fault{
		name: "remake-dir", about: "directory of events removed, or renamed away, and made again, also while a process has it open", every: every, length: length, remakes: true,
		strike: func(r *round, rng *rand.Rand) error {
			at := r.someReborn(rng)
			if rng.IntN(2) == 0 { // the kernel reports the end of a directory that is open only when it is closed
				if f, err := os.Open(at); err == nil {
					defer f.Close()
				}
			}
			return r.remake(rng, func() error {
				if rng.IntN(3) == 0 {
					return r.renameAndMake(at)
				}
				return removeAndMake(at)
			})
		},
		excuses: directoryIsMissing,
	})
	addFault(&fault{
		name: "replace-dir", about: "another directory renamed over an empty one of events, or two exchanged, also again and again", every: every, length: length, remakes: true,
		strike: func(r *round, rng *rand.Rand) error {
			at := r.someReborn(rng)
			return r.remake(rng, func() error {
				if rng.IntN(2) == 0 {
					return replaceEmpty(at)
				}
				return r.exchange(rng)
			})
		},
		excuses: directoryIsMissing,
	})
	addFault(&fault{
		name: "relink-dir", about: "symbolic link in the path of events leads to another directory", every: every, length: length, remakes: true,
		strike: func(r *round, rng *rand.Rand) error {
			return r.remake(rng, func() error { return relink(r.objects()) })
		},
		excuses: directoryIsMissing,
	})
}

// directoryIsMissing excuses what happens while a directory is not there, or is another one in
// the middle of a call.
func directoryIsMissing(op *operation, o object) bool {
	return o.remade && (op.errno == int64(unix.ENOENT) || op.errno == int64(unix.ENOTEMPTY))
}

// isMoving notes that directories of events change from now on, until done is called.
func (r *round) isMoving() (done func()) {
	from := now()
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.moves = append(r.moves, span{from, now()})
	}
}

// remake changes the directories, alone, and then leaves them for some seconds.
func (r *round) remake(rng *rand.Rand, change func() error) error {
	r.remaking.Lock()
	defer r.remaking.Unlock()
	if r.isOver() {
		return errMissed
	}
	done := r.isMoving()
	err := change()
	done()
	r.pause(time.Duration(1500+rng.IntN(2500)) * time.Millisecond)
	return err
}

func (r *round) someReborn(rng *rand.Rand) string {
	return filepath.Join(r.objects(), places[rng.IntN(len(places))], reborn)
}

// removeAndMake removes a directory with what is in it, and makes it again.
func removeAndMake(dir string) error {
	err := despiteOthers(func() error { return errors.Join(removeFilesIn(dir), os.Remove(dir)) })
	if err != nil {
		return err
	}
	return os.Mkdir(dir, 0o755)
}

// despiteOthers does something again while other processes make files in a directory that must
// be empty. It returns errMissed if they make them too often.
func despiteOthers(do func() error) error {
	for end := time.Now().Add(time.Second); ; {
		err := do()
		switch {
		case !errors.Is(err, unix.ENOTEMPTY) && !errors.Is(err, unix.EEXIST):
			return err
		case time.Now().After(end):
			return errMissed
		}
	}
}

// removeTree removes a file or directory.
func removeTree(path string) error { return despiteOthers(func() error { return os.RemoveAll(path) }) }

func removeFilesIn(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
	return err
}

// renameAndMake renames a directory away, makes another one, and removes the first one.
func (r *round) renameAndMake(dir string) error {
	away := dir + ".away"
	return errors.Join(os.Rename(dir, away), os.Mkdir(dir, 0o755), removeTree(away))
}

// replaceEmpty removes the files in a directory and renames another one over it. rename(2)
// refuses to replace a directory that is not empty.
func replaceEmpty(dir string) error {
	next := dir + ".next"
	if err := os.Mkdir(next, 0o755); err != nil {
		return err
	}
	defer os.Remove(next) // if it is still there
	return despiteOthers(func() error {
		if err := removeFilesIn(dir); err != nil {
			return err
		}
		return syscall.Rename(next, dir) // os.Rename replaces no directory
	})
}

// exchange exchanges the directories of two paths, once or for a while. Then a process may
// find one of them and watch the other.
func (r *round) exchange(rng *rand.Rand) error {
	var of [len(places)]string
	for i, place := range places {
		of[i] = filepath.Join(r.objects(), place, reborn)
	}
	times := 1
	if rng.IntN(3) > 0 {
		times = 500 + rng.IntN(3000)
	}
	for range times {
		if err := unix.Renameat2(unix.AT_FDCWD, of[0], unix.AT_FDCWD, of[1], unix.RENAME_EXCHANGE); err != nil {
			return err
		}
		if times > 1 {
			r.pause(time.Duration(rng.Int64N(int64(40 * time.Microsecond))))
		}
	}
	return nil
}

// relink makes the link by lead to the other place, in one step.
func relink(objects string) error {
	link := filepath.Join(objects, byLink)
	at, err := os.Readlink(link)
	if err != nil {
		return err
	}
	to := places[0]
	if at == to {
		to = places[1]
	}
	return errors.Join(os.Symlink(to, link+".next"), os.Rename(link+".next", link))
}
