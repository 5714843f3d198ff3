//go:build linux

package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The critical section detects by itself that two holders are in it. All processes of a
// round map one file. It has a cell for each lock file: a holder puts the number of its
// hold into the cell after Acquire, and takes it out before Release. If another number is
// there whose process lives, both hold the lock.
//
// A killed process leaves its number. The kernel releases its locks when it exits, and it
// is marked as exiting before that (PF_EXITING). So a number counts only if its process
// has no such mark.
type overlapMap []cell

// A cell belongs to one lock file, or to one semaphore.
type cell struct {
	key    atomic.Uint64 // which lock file; 0 = the cell is free
	writer atomic.Uint64
	others [62]atomic.Uint64 // readers, or the holders of slots
}

const (
	cells     = 2048
	ownCells  = 64 // the first cells: one for each object whose lock file does not change
	cellBytes = int(unsafe.Sizeof(cell{}))
)

func createOverlapMap(path string) error {
	return os.WriteFile(path, make([]byte, cells*cellBytes), 0o644)
}

func openOverlapMap(path string) (overlapMap, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	mem, err := unix.Mmap(int(f.Fd()), 0, cells*cellBytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return unsafe.Slice((*cell)(unsafe.Pointer(&mem[0])), cells), nil
}

func (m overlapMap) close() {
	unix.Munmap(unsafe.Slice((*byte)(unsafe.Pointer(&m[0])), cells*cellBytes))
}

// cell returns the cell of an object, or, if its lock file may be replaced, of the file.
func (m overlapMap) cell(o object, id identity) *cell {
	if !o.fileMoves && !o.dirMoves {
		return &m[o.number]
	}
	key := id.file*0x9e3779b97f4a7c15 ^ uint64(id.born)*0xc2b2ae3d27d4eb4f | 1
	for i := range uint64(cells - ownCells) {
		c := &m[ownCells+(key+i)%(cells-ownCells)]
		if c.key.CompareAndSwap(0, key) || c.key.Load() == key {
			return c
		}
	}
	panic("more lock files than cells")
}

// enter puts the number of an exclusive hold into the cell. It returns the number of another
// hold that is there, or 0.
func (c *cell) enter(hold uint64) (other uint64) {
	for !c.writer.CompareAndSwap(0, hold) {
		if there := c.writer.Load(); there != 0 && isAlive(there) && c.writer.Load() == there {
			return there
		} else if there != 0 {
			c.writer.CompareAndSwap(there, 0)
		}
	}
	for i := range c.others {
		if there := c.others[i].Load(); there != 0 && isAlive(there) && c.others[i].Load() == there {
			return there
		}
	}
	return 0
}

// leave takes the number of an exclusive hold out of the cell. It reports whether the number
// was there.
func (c *cell) leave(hold uint64) bool { return c.writer.CompareAndSwap(hold, 0) }

// pass replaces the number of a hold that another process has adopted.
func (c *cell) pass(from, to uint64) bool { return c.writer.CompareAndSwap(from, to) }

// join puts the number of a shared hold, or of one of a semaphore's permits, into the cell.
// It returns a holder that excludes it, or 0.
func (c *cell) join(hold uint64, permits int) (other uint64) {
	if permits == 0 {
		permits = len(c.others)
	}
	var last uint64
	for range 2 { // the second time all dead processes have been removed
		for i := range c.others[:permits] {
			there := c.others[i].Load()
			if there != 0 && isAlive(there) && c.others[i].Load() == there {
				last = there
				continue
			}
			if c.others[i].CompareAndSwap(there, hold) {
				if w := c.writer.Load(); w != 0 && isAlive(w) && c.writer.Load() == w {
					return w
				}
				return 0
			}
		}
	}
	return last
}

// part takes the number of a shared hold out of the cell.
func (c *cell) part(hold uint64) bool {
	for i := range c.others {
		if c.others[i].CompareAndSwap(hold, 0) {
			return true
		}
	}
	return false
}

// procDir shows all processes, even where a fault has hidden /proc.
var procDir = cmp.Or(os.Getenv(procVar), "/proc")

// isAlive reports whether the process of a hold can still have it.
func isAlive(hold uint64) bool {
	const exiting = 0x4 // PF_EXITING
	name := fmt.Sprintf("%s/%d/stat", procDir, hold>>32)
	text, err := os.ReadFile(name)
	for errors.Is(err, unix.EMFILE) { // a fault, see fault_shortage.go
		time.Sleep(time.Millisecond)
		text, err = os.ReadFile(name)
	}
	if err != nil {
		return false
	}
	state, flags := stateIn(string(text))
	return state != "" && state != "Z" && state != "X" && flags&exiting == 0
}

// stateIn returns the state and the flags of a process in a file like /proc/PID/stat:
//
//	4242 (name, which may contain anything) S ppid pgrp session tty tpgid flags ...
func stateIn(stat string) (state string, flags uint64) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 7 {
		return "", 0
	}
	flags, err := strconv.ParseUint(fields[6], 10, 64)
	if err != nil {
		return "", 0
	}
	return fields[0], flags
}
