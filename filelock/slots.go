package filelock

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/fsync-lock/fsync/internal/cwd"
	"github.com/fsync-lock/fsync/internal/file"
	"github.com/fsync-lock/fsync/internal/invalid"
)

// Slots returns the number of slots of the semaphore in the directory at path. The error
// is an [*fs.PathError]. It is [fs.ErrNotExist] if there is no semaphore: the first Acquire
// or Resize creates it. It is [fs.ErrInvalid] if the file slots does not contain a number of
// slots.
func Slots(path string) (int, error) {
	return readSlots(cwd.Join(path, slotsFile))
}

// maxSlots bounds the number of files in the directory of a semaphore.
const maxSlots = 10000

// slotsFile is the file in a semaphore's directory with the number of slots.
const slotsFile = "slots"

func (s *Semaphore) invalid(what string) error {
	return &fs.PathError{Op: "open", Path: s.given, Err: invalid.Error(what)}
}

// createdSlotCount is slotCount, but first creates the directory if it is missing. Each
// acquisition calls it, because the directory may have been removed or replaced.
func (s *Semaphore) createdSlotCount(dir lockFile) (int, error) {
	n, err := s.slotCount(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return n, err
	}
	if dir, err = dir.current(); err != nil {
		return 0, err
	}
	if err := s.make(dir.path, s.ownCount()); err != nil {
		return 0, s.explain(dir.path, err)
	}
	return s.slotCount(dir)
}

// slotCount returns the number of slots in the directory. If the Semaphore has another
// number, that is an error, unless the Semaphore has used this directory before: then the
// directory was resized.
func (s *Semaphore) slotCount(at lockFile) (int, error) {
	at, err := at.current()
	if err != nil {
		return 0, err
	}
	path := cwd.Join(at.path, slotsFile)
	read, ok := unchanging(path) // takes a tenth of the time of reading the file
	if ok {
		s.mu.Lock()
		n, same := s.slots, s.read == read
		s.mu.Unlock()
		if same {
			return n, nil
		}
	}
	n, err := readSlots(path)
	if err != nil {
		return 0, s.explain(at.path, err)
	}
	dir, err := identifyDirectory(at.path)
	if err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if n != s.slots && !dir.Is(s.used) {
		return 0, s.invalid(fmt.Sprintf("the number of slots is %d, not %d; Resize changes it", n, s.slots))
	}
	s.slots, s.used, s.read = n, dir, read
	return n, nil
}

// unchanging describes the file with the number. If ok is true, a later change of the file
// will change the description. ok is false if the file system does not keep the time of
// birth, or if the last change is so recent that another one in the same tick of the clock
// would not show.
func unchanging(path string) (info file.Info, ok bool) {
	info, err := file.LstatBirth(path)
	recent := time.Now().Add(-2 * time.Second)
	if err != nil || info.Born.IsZero() || info.Changed.After(recent) {
		return file.Info{}, false
	}
	return info, true
}

// identifyDirectory identifies the directory of a semaphore.
func identifyDirectory(path string) (file.Info, error) {
	info, err := file.StatBirth(path)
	if err == nil && !info.Exists {
		err = &fs.PathError{Op: "stat", Path: path, Err: fs.ErrNotExist}
	}
	return info, err
}

// explain returns a clearer error if the path is a file, such as a lock file,
// and not a directory.
func (s *Semaphore) explain(dir string, err error) error {
	if info, statErr := os.Stat(dir); statErr == nil && !info.IsDir() {
		return s.invalid("it is a file, not the directory of a semaphore: use it as a lock (New, or fsync-lock without --slots), or choose another path")
	}
	return err
}

// readSlots returns the number in the file.
func readSlots(path string) (int, error) {
	text, _, err := file.Read(path, 0, maxNumber)
	for try := 0; err == nil && len(text) == 0 && try < 100; try++ { // see make
		time.Sleep(time.Millisecond)
		text, _, err = file.Read(path, 0, maxNumber)
	}
	if err != nil {
		return 0, err
	}
	n := parseSlots(text)
	if n == 0 {
		return 0, &fs.PathError{Op: "read", Path: path, Err: invalid.Error("it does not contain the number of slots; remove the directory of the semaphore while no process uses it")}
	}
	return n, nil
}

// slotsIn returns the number of slots of the semaphore in a directory, 0 if there
// is none.
func slotsIn(dir string) int {
	text, _, err := file.Read(cwd.Join(dir, slotsFile), 0, maxNumber)
	if err != nil {
		return 0
	}
	return parseSlots(text)
}

// maxNumber is longer than the text of any number of slots.
const maxNumber = 32

func numberText(n int) []byte { return []byte(strconv.Itoa(n) + "\n") }

// parseSlots returns the number in the text of the file, 0 if there is none.
func parseSlots(text []byte) int {
	n, err := strconv.Atoi(strings.TrimSuffix(string(text), "\n"))
	if err != nil || n < 1 || n > maxSlots || !bytes.Equal(text, numberText(n)) {
		return 0
	}
	return n
}

// make creates the directory, then all slots, then the file with their number. It
// creates all slots because other users of the semaphore may have no permission to create
// files there. The file with the number gets its name only when it is complete. If several
// processes create one, only the first of these files gets the name. A process that dies in
// between leaves files that do no harm.
func (s *Semaphore) make(dir string, n int) error {
	err := os.Mkdir(dir, s.perm|s.perm>>2&0o111) // permission to read includes permission to search
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	for i := range n {
		f, err := os.OpenFile(cwd.Join(dir, strconv.Itoa(i+1)), os.O_CREATE|os.O_EXCL|file.Flags, s.perm)
		if err == nil {
			err = f.Close()
		}
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	path, text := cwd.Join(dir, slotsFile), numberText(n)
	tmp := fmt.Sprintf("%s.%016x", path, rand.Uint64())
	defer os.Remove(tmp)
	if err := writeNew(tmp, text, s.perm); err != nil {
		return err
	}
	if os.Link(tmp, path) == nil {
		return nil
	}
	err = writeNew(path, text, s.perm) // another process was faster, or the file system has no links
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

func writeNew(path string, text []byte, perm fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|file.Flags, perm)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = cmp.Or(err, f.Close()); err != nil {
		os.Remove(path)
	}
	return err
}
