//go:build linux

package main

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// gateFile is a fault that the checks know: while another file is in the place of a gate, waiters
// do not stand in a queue.
const gateFile = "gate-file"

func init() {
	addFault(&fault{
		name: gateFile, about: "a file, FIFO, link or directory in the place of a gate: no gate can be made, and it stays as it is", every: 150 * time.Millisecond, leaves: true,
		slows: time.Second, // a process that waits at a file that is gone notices it within a second
		strike: func(r *round, rng *rand.Rand) error {
			lingering := rng.IntN(3) > 0 // mostly, because the others nearly always have a gate
			for _, i := range rng.Perm(len(r.plan.objects)) {
				o := r.plan.objects[i]
				if (o.kind == exclusiveLock || o.kind == sharedLock) && !o.dirMoves && (o.lingers || !lingering) {
					return unlessMissed(r.occupyGate(o, rng))
				}
			}
			return errMissed
		},
	})
}

// occupyGate puts another file where a gate would be, for a while.
func (r *round) occupyGate(o object, rng *rand.Rand) error {
	at := gatePath(r.path(o))
	put := notGates[rng.IntN(len(notGates))]
	from := now()
	err := put(at)
	for end := time.Now().Add(50 * time.Millisecond); errors.Is(err, fs.ErrExist) && time.Now().Before(end) && !r.isOver(); {
		r.pause(20 * time.Microsecond)
		from = now()
		err = put(at)
	}
	if errors.Is(err, fs.ErrExist) { // there was a gate all the time
		return errMissed
	}
	if err != nil {
		return err
	}
	before, err := identifyLink(at)
	if err != nil {
		return err
	}
	defer func() { r.isOccupied(occupation{o.number, span{from, now()}}) }()
	x := rng.Float64()
	r.pause(tick + time.Duration(x*x*float64(300*time.Millisecond)))
	if after, err := identifyLink(at); err != nil || after != before {
		r.violated("gate", "%s: the file in the place of the gate is not there any more: %v", o.path, err)
	}
	return whenWritable(func() error { return os.RemoveAll(at) })
}

// tick is longer than the time between two ticks of the file system's clock. So the next gate,
// which may get the same inode, has another time of birth.
const tick = 10 * time.Millisecond

// An occupation is a time in which there may have been another file in the place of a gate.
// Meanwhile waiters get the lock in the kernel's order.
type occupation struct {
	object int
	span
}

func (r *round) isOccupied(o occupation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.files.occupations = append(r.files.occupations, o)
}

// occupied reports whether there may have been another file in the place of the gate.
func (s *story) occupied(o object, in span) bool {
	return slices.ContainsFunc(s.files.occupations, func(other occupation) bool {
		return other.object == o.number && other.overlaps(in)
	})
}

// identifyLink returns the identity of the file at the path, which may be a link.
func identifyLink(path string) (identity, error) {
	return statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW)
}

// notGates put a file at a path, unless another one is there.
var notGates = []func(at string) error{
	putText, putText, // the usual case: a gate may get its inode afterwards
	makeFIFO,
	func(at string) error { return os.Symlink("elsewhere", at) },
	func(at string) error { return os.Mkdir(at, 0o755) },
}

// putText puts a file that has its text from the first moment on.
func putText(at string) error {
	draft := filepath.Join(filepath.Dir(at), "draft.lock")
	defer os.Remove(draft)
	if err := os.WriteFile(draft, []byte("precious\n"), 0o666); err != nil {
		return err
	}
	return os.Link(draft, at)
}
