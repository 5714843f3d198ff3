//go:build linux

package main

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

func init() {
	addFault(&fault{
		name: "lease", about: "lease on a lock file, as Samba has them, for up to 0.3 s", every: 100 * time.Millisecond, leaves: true,
		why: leasesAreImpossible,
		strike: func(r *round, rng *rand.Rand) error {
			o := r.plan.objects[rng.IntN(len(r.plan.objects))]
			if o.kind != exclusiveLock && o.kind != sharedLock || o.hidden { // there are no leases on a FIFO
				return errMissed
			}
			return unlessMissed(r.lease(o, rng))
		},
		slows: 500 * time.Millisecond, // nothing tells a waiter that a lease has ended, so it polls
	})
}

// lease takes a lease on a lock file for a while: one that forbids others to open the file, as
// soon as nobody has it open.
func (r *round) lease(o object, rng *rand.Rand) error {
	fd, err := unix.Open(r.path(o), unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err == unix.ELOOP || err == unix.EACCES || err == unix.EAGAIN { // another fault
		return errMissed
	}
	if err != nil {
		return os.NewSyscallError("open", err)
	}
	defer unix.Close(fd)
	from := now()
	err = takeLease(fd)
	for end := time.Now().Add(50 * time.Millisecond); err == unix.EAGAIN && time.Now().Before(end) && !r.isOver(); {
		r.pause(20 * time.Microsecond)
		from = now()
		err = takeLease(fd)
	}
	if err == unix.EAGAIN { // it was open all the time
		return errMissed
	}
	if err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	x := rng.Float64()
	r.pause(time.Duration(x * x * float64(300*time.Millisecond)))
	err = dropLease(fd)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.files.leases = append(r.files.leases, lease{o.number, span{from, now()}})
	return err
}

// A lease is a time in which a lock file could perhaps not be opened.
type lease struct {
	object int
	span
}

// leased reports whether there was a lease on the lock file.
func (s *story) leased(o object, in span) bool {
	for _, l := range s.files.leases {
		if l.object == o.number && l.overlaps(in) {
			return true
		}
	}
	return false
}

// takeLease takes the lease. When another process opens the file, the kernel sends a signal,
// which this program ignores by default.
func takeLease(fd int) error {
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETSIG, int(unix.SIGURG)); err != nil {
		return err
	}
	_, err := unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_WRLCK)
	return err
}

func dropLease(fd int) error {
	_, err := unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_UNLCK)
	return os.NewSyscallError("fcntl", err)
}

func leasesAreImpossible() error {
	f, err := os.CreateTemp("", "fsync-torture-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	f.Close()
	fd, err := unix.Open(f.Name(), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := takeLease(fd); err != nil {
		return errors.Join(errors.New("no leases in "+filepath.Dir(f.Name())), err)
	}
	return dropLease(fd)
}
