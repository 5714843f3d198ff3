//go:build linux

package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strconv"

	"golang.org/x/sys/unix"
)

// An identity tells one lock file from all others, also from a later file with the same
// inode.
type identity struct {
	file uint64 // device and inode
	born int64
}

func identityOf(st unix.Statx_t) identity {
	return identity{
		file: unix.Mkdev(st.Dev_major, st.Dev_minor)<<40 ^ st.Ino,
		born: st.Btime.Sec*1e9 + int64(st.Btime.Nsec),
	}
}

// identify returns the identity of the file at the path, through links.
func identify(path string) (identity, error) {
	return statx(unix.AT_FDCWD, path, 0)
}

// identifyOpen returns the identity of an open file, and whether it still has a name.
func identifyOpen(fd int) (id identity, named bool, err error) {
	var st unix.Statx_t
	err = unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_BASIC_STATS|unix.STATX_BTIME, &st)
	return identityOf(st), st.Nlink > 0, err
}

func statx(dir int, path string, flags int) (identity, error) {
	var st unix.Statx_t
	err := unix.Statx(dir, path, flags, unix.STATX_BASIC_STATS|unix.STATX_BTIME, &st)
	return identityOf(st), err
}

// heldFile returns the descriptor of the file that a Lock or Semaphore has locked last. The
// method File would return a duplicate, but a hold of which there is a duplicate takes
// another way at its end, and that way is not the one to be tested. So heldFile reads the
// field; TestHeldFile fails if it moves.
func heldFile(lock any) int { return int(lastHeld(lock).Fd()) }

// heldSlot returns the number of the slot that a Semaphore has locked last.
func heldSlot(lock any) int {
	n, err := strconv.Atoi(filepath.Base(lastHeld(lock).Name()))
	if err != nil {
		panic(err) // a slot is called by its number
	}
	return n
}

func lastHeld(lock any) *os.File {
	holds := reflect.ValueOf(lock).Elem().FieldByName("common").FieldByName("holds")
	last := holds.Index(holds.Len() - 1).Elem()
	file := last.FieldByName("fl").Elem().FieldByName("fh")
	return (*os.File)(file.UnsafePointer())
}
