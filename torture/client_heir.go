//go:build linux

package main

import (
	"os"
	"time"

	"github.com/fsync-lock/fsync/filelock"
	"golang.org/x/sys/unix"
)

// giveAway sometimes makes a duplicate of the lock file for a moment, while this process starts
// others: they must not inherit it.
func (c *client) giveAway(l locker) (given bool) {
	if !c.plan.has(startsOthers) || !c.chance(5) {
		return false
	}
	f, err := l.File()
	if err != nil {
		return false // another fault, such as a shortage of descriptors
	}
	c.sleep(c.upTo(5 * time.Millisecond))
	f.Close()
	return true
}

// leaveGiven ends a hold after giveAway.
func (c *client) leaveGiven(l locker, a record) {
	c.do(record{Op: opLeaveGiven, Hold: a.Hold, File: a.File, Born: a.Born}, func(r *record) { r.became(l.Leave()) })
}

// letUnlock lets another process that has inherited the lock unlock it, as flock -u does. Then
// Check must tell this holder that the lock is lost.
func (c *client) letUnlock(l *filelock.Lock, a record) {
	leave := c.enter(a)
	c.sleep(c.upTo(time.Millisecond))
	leave()
	hold := func(op opcode, f flags) record {
		return record{Op: op, Hold: a.Hold, File: a.File, Born: a.Born, Flags: f}
	}
	if u := c.do(hold(opUnlock, 0), func(r *record) { r.became(startUnlocker(l)) }); u.Result != ok {
		c.do(hold(opRelease, 0), func(r *record) { r.became(l.Release()) })
		return
	}
	c.do(hold(opCheck, 0), func(r *record) { r.became(l.Check()) })
	c.do(hold(opLeave, handedOver), func(r *record) { r.became(l.Release()) }) // it has no lock any more
}

// startUnlocker starts a process that unlocks the file, and waits for its end.
func startUnlocker(l *filelock.Lock) error {
	f, err := l.File()
	if err != nil {
		return err
	}
	defer f.Close()
	cmd := childCommand("/proc/self/exe")
	cmd.Env = append(os.Environ(), roleVar+"=unlock")
	cmd.Stderr = os.Stderr
	cmd.ExtraFiles = []*os.File{f}
	return cmd.Run()
}

// unlockInherited is that process.
func unlockInherited() error { return unix.Flock(3, unix.LOCK_UN) }

// unlocked returns the operation by which an heir has unlocked the hold of a Check, or may have.
func (s *story) unlocked(check *operation) *operation {
	for _, u := range s.operations {
		if u.op == opUnlock && u.hold == check.hold && u.from < check.to {
			return u
		}
	}
	return nil
}

// checkUnlocked checks that Check told the holder that an heir had unlocked the file.
func (v *verdict) checkUnlocked(s *story, o object) {
	unlocks := map[uint64]*operation{}
	for _, op := range s.operationsOn(o) {
		switch u := unlocks[op.hold]; {
		case op.op == opUnlock && op.result == ok:
			unlocks[op.hold] = op
		case op.op == opCheck && op.result == ok && u != nil && u.to < op.from:
			v.add("lost", o, "%v, but there was an %v", op, u)
		}
	}
}
