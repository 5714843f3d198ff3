package watch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/fnv"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/fsync-lock/fsync/internal/beside"
)

// The board of a directory, the file DIR/.fsync/board, has a slot for every
// name, shared with other names. Who announces a change of an entry writes a
// random number into its slot. So who polls for thousands of entries reads one
// page to know whom to nudge, and not thousands of files.
//
// It is made by who polls: where nobody does that for many entries there is
// none, and nobody has to write to it.
const (
	slotSize  = 8
	boardSize = 4096 // as many slots as a page has
)

var blankBoard [boardSize]byte

func boardOf(dir string) beside.File { return beside.New(dir, "board", blankBoard[:]) }

// slot returns the name's part of the board. Case is ignored, because those
// who share the directory may be on systems that do and that do not.
func slot(board []byte, name string) string {
	at := slotOf(name)
	return string(board[at : at+slotSize])
}

func slotOf(name string) int {
	h := fnv.New64a()
	h.Write([]byte(strings.ToLower(name)))
	return int(h.Sum64()%(boardSize/slotSize)) * slotSize
}

// Announce tells those who poll the directory of path, in whatever process,
// that they have to look for the entry, even though it may be gone, or be back,
// when they see the announcement.
func Announce(path string) error {
	dir, name := filepath.Split(path)
	number := binary.NativeEndian.AppendUint64(nil, rand.Uint64())
	err := boardOf(dir).Overwrite(number, slotOf(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // who makes it makes everybody look then
	}
	return err
}

// readBoard returns the board of the directory, which is given with its last
// separator, and nil if it cannot be known what
// was announced. If there is none it is made, for the next time.
func readBoard(dir string) []byte {
	file := boardOf(dir)
	board, err := file.Read()
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(dir + beside.Dir); errors.Is(err, fs.ErrNotExist) {
			return boardOfNothing(dir)
		}
		// Who comes second finds a board that nobody has announced on. It has
		// to look all the same: hence random numbers from the beginning.
		random := make([]byte, boardSize)
		rand.NewChaCha8(seed()).Read(random)
		beside.New(dir, "board", random).Create()
	}
	if err != nil || len(board) != boardSize {
		return nil
	}
	return board
}

// boardOfNothing is the board of a directory without traces. What was announced
// has come and gone with them, and that is all that is known.
func boardOfNothing(dir string) []byte {
	h := fnv.New64a()
	h.Write(beside.Attr(dir+".", beside.Tidied))
	return bytes.Repeat(h.Sum(nil), boardSize/h.Size())
}

func seed() (s [32]byte) {
	for i := range 4 {
		binary.NativeEndian.PutUint64(s[8*i:], rand.Uint64())
	}
	return s
}
