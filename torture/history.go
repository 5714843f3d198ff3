//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A record is one line of a history. It has a fixed size, and write(2) appends it in one
// piece, so a process that is killed leaves whole records.
//
// A client writes a record before each operation and another one after it. An operation
// without a second record was in flight when the process was killed.
type record struct {
	Time    int64  // when the record was made
	Client  uint32 // the number of the process, and of the client in it
	Kind    recordKind
	Op      opcode
	Result  result
	Flags   flags
	Objects uint64 // a bit for each object of the operation
	Hold    uint64 // the number of the hold: the PID of its process, and a count
	File    uint64 // the identity of the locked file: device and inode,
	Born    int64  // and its time of birth
	Limit   int64  // begin: the nanoseconds that the operation may take; end: the errno of a failure
	Slept   int64  // end: when the wait went to sleep for the first time, after its first looks; 0 = it did not

	// Of a semaphore, Slept is a number: of the slot, or of the slots that it has or was
	// thought to have.
}

const recordSize = 64

type recordKind uint8

const (
	begins recordKind = iota + 1
	ends
	stalls     // the process did not run for Limit nanoseconds until Time
	overlaps   // the critical section found the hold Slept beside Hold
	offPath    // the file is not at the path of the object any more
	tookOne    // an opTakeAll has taken the event with the index Hold; it was awake since Slept
	stoodThere // the wait stood in the queue of the gate (Hold is 0) or the lock (1) from Slept to Limit
)

type opcode uint8

const (
	opAcquire opcode = iota + 1 // exclusive; also a slot of a semaphore
	opShared
	opRelease
	opLeave // the hold goes on if another process has adopted it
	opCheck
	opHandOver
	opAdopt
	opUnlink
	opSet
	opClear
	opIsSet
	opWait
	opWaitAll
	opTakeAll // waits for all of several events, of which Hold have AutoReset
	opWaitClear
	opTake
	opWatch
	opNext
	opAcquireAll
	opReplace
	opSlots
	opResize
	opHolders
	opUnlock     // by a process that has inherited the lock
	opLeaveGiven // opLeave after File: other processes may have the file for a moment
	opLook       // for the gate
	opcodes
)

var opNames = [opcodes]string{
	opAcquire: "acquire", opShared: "acquire shared", opRelease: "release", opLeave: "leave", opCheck: "check",
	opHandOver: "hand over", opAdopt: "adopt", opUnlink: "remove by holder", opSet: "set", opClear: "clear", opIsSet: "is set",
	opWait: "wait", opWaitAll: "wait for all", opTakeAll: "take all", opWaitClear: "wait for clear", opTake: "take", opWatch: "watch", opNext: "next", opLook: "look for the gate",
	opAcquireAll: "acquire all", opReplace: "replace by holder", opSlots: "read the number of slots", opResize: "resize", opHolders: "ask for holders",
	opUnlock: "unlock by an heir", opLeaveGiven: "leave after File",
}

func (op opcode) String() string { return opNames[op] }

type result uint8

const (
	open        result = iota // there is no second record
	ok                        // done, or true
	no                        // a try found the lock held, or the event not set
	timedOut                  // the deadline has passed
	cancelled                 // the context was cancelled
	tooLate                   // the deadline had passed before the call: it has not looked
	lost                      // ErrLost
	notHeld                   // ErrNotHeld
	failed                    // another error
	otherNumber               // the semaphore has another number of slots than the Semaphore was made with
)

func (r result) String() string {
	return [...]string{"open", "ok", "no", "timed out", "cancelled", "too late", "lost", "not held", "failed", "other number"}[r]
}

type flags uint8

const (
	byPeer     flags = 1 << iota // another program than this library did it
	handedOver                   // opLeave: another process has adopted the hold
	cancels                      // the context of the wait is cancelled at a random moment
	inSlot                       // the lock is a slot of a semaphore
	firstUse                     // of a Semaphore
	noTrace                      // opSet, opClear: a wait need not notice a Set that was undone
	toldQueue                    // Slept says when the acquisition went to the gate; 0 = it did not
)

// bytes returns the record as it is in memory: the histories do not leave the machine.
func (r *record) bytes() []byte { return (*[recordSize]byte)(unsafe.Pointer(r))[:] }

// A history is the file of one process. Many goroutines may append to it.
type history struct{ fd int }

func createHistory(path string) (*history, error) {
	fd, err := unix.Open(path, unix.O_CREAT|unix.O_WRONLY|unix.O_APPEND|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &history{fd}, nil
}

func (h *history) write(r record) {
	n, err := unix.Write(h.fd, r.bytes())
	for err == unix.EINTR {
		n, err = unix.Write(h.fd, r.bytes())
	}
	if n != recordSize || err != nil {
		fmt.Fprintln(os.Stderr, "the history cannot be written:", n, err)
		os.Exit(statusBroken)
	}
}

// readHistory returns the records of one process.
func readHistory(path string) ([]record, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) { // the process was killed before it began
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if len(text)%recordSize != 0 {
		return nil, fmt.Errorf("%s: %d bytes are not whole records", path, len(text))
	}
	records := make([]record, len(text)/recordSize)
	for i := range records {
		copy(records[i].bytes(), text[i*recordSize:])
	}
	return records, nil
}
