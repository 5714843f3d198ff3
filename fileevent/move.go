package fileevent

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"syscall"

	"github.com/fsync-lock/fsync/internal/file"
	"github.com/fsync-lock/fsync/internal/sidecar"
	"github.com/fsync-lock/fsync/internal/watch"
)

// A mover moves a file as [os.Rename] does.
type mover func(from, to string) error

// moveTo moves the marker to a path in DIR/.fsync in one step, and reports whether this call
// has moved it. If there is no marker, it does nothing. It makes DIR/.fsync if it is missing,
// and begins again if another process removes it.
func (m marker) moveTo(path string, move mover) (bool, error) {
	err := sidecar.Check(m.dir)
	if err == nil {
		err = move(m.path, path)
	}
	for attempt := 0; errors.Is(err, fs.ErrNotExist) && attempt < maxAttempts; attempt++ {
		if exists, statErr := m.exists(); !exists && statErr == nil {
			return false, nil
		}
		err = m.withSidecar(func() error { return move(m.path, path) })
	}
	return err == nil, err
}

// maxAttempts is how often a call begins again because other processes have come in between.
const maxAttempts = 100

// withSidecar makes DIR/.fsync if it is missing, and calls do. Meanwhile no Tidy removes it.
// On a busy machine a rename may wait for milliseconds for other renames, and processes that
// tidy all the time would remove DIR/.fsync again and again.
func (m marker) withSidecar(do func() error) error {
	if err := sidecar.Make(m.dir); err != nil {
		return err
	}
	defer m.keepSidecar()()
	return do()
}

// claim moves the marker to a unique name, and then makes it the tombstone. A file under the
// unique name proves that this call has moved the marker. claim is for cases in which a rename
// of the marker to the tombstone does not prove that:
//
//   - A network file system may repeat a rename whose answer was lost. If the first rename has
//     moved the marker, the repeated one fails because the marker is gone.
//   - If the marker is a hard link to the tombstone, a rename succeeds and moves nothing.
//
// Between the two steps a waiter finds neither the marker nor its tombstone, so claim notifies
// all waiters afterwards. On a network file system they poll. If the process dies between the
// steps, the pulse may be lost. If it is slow, the marker may replace a later tombstone: then a
// wait may end, or a Watch may report, for a Set before it.
func (m marker) claim(move mover) (bool, error) {
	if info, err := file.Lstat(m.path); err == nil && info.Mode.IsDir() {
		return false, syscall.EISDIR
	}
	ours := m.sidecar(fmt.Sprintf("%016x.taken", rand.Uint64()))
	former, _ := file.LstatBirth(m.tombstonePath())
	moved, err := m.moveTo(ours, func(from, to string) error {
		err := move(from, to)
		if errors.Is(err, fs.ErrNotExist) {
			if repeated, _ := file.Lstat(to); repeated.Exists {
				err = nil
			}
		}
		return err
	})
	if !moved {
		return false, err
	}
	// A link to the former tombstone shows nothing new, and must not replace a later one.
	taken, _ := file.LstatBirth(ours)
	known := taken.Is(former) || oneFile(file.Lstat, ours, m.tombstonePath())
	if !known && move(ours, m.tombstonePath()) == nil && !m.network {
		watch.NotifyAll(m.dir)
	}
	os.Remove(ours) // if it is a link to the tombstone, or cannot become the tombstone
	return true, nil
}
