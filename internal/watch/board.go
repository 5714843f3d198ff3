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

	"github.com/fsync-lock/fsync/internal/sidecar"
)

// The board of a directory, the file DIR/.fsync/board, has a slot for each name;
// several names share a slot. A process that announces a change of an entry
// writes a random number into its slot. So a process that polls for thousands of
// entries reads one page instead of thousands of files.
//
// A polling process creates the board. If no process polls for many entries, there
// is no board, and announcing costs almost nothing.
const (
	slotSize  = 8
	boardSize = 4096 // one page
)

var blankBoard [boardSize]byte

func boardOf(dir string) sidecar.File { return sidecar.New(dir, "board", blankBoard[:]) }

// slot returns the name's part of the board. It ignores case, because some of the
// systems that share the directory may do so.
func slot(board []byte, name string) string {
	at := slotOf(name)
	return string(board[at : at+slotSize])
}

func slotOf(name string) int {
	h := fnv.New64a()
	h.Write([]byte(strings.ToLower(name)))
	return int(h.Sum64()%(boardSize/slotSize)) * slotSize
}

// Announce tells all processes that poll the directory of path to look for the
// entry, even if the entry is gone, or back again, when they see the announcement.
func Announce(path string) error {
	dir, name := filepath.Split(path)
	number := binary.NativeEndian.AppendUint64(nil, rand.Uint64())
	err := boardOf(dir).Overwrite(number, slotOf(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the process that creates it will make all waiters look
	}
	return err
}

// readBoard returns the board of the directory, or nil if it is not known what was
// announced. It creates a missing board for the next time. The directory is given
// with its last separator.
func readBoard(dir string) []byte {
	file := boardOf(dir)
	board, err := file.Read()
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(dir + sidecar.Dir); errors.Is(err, fs.ErrNotExist) {
			return boardOfNothing(dir)
		}
		// Another process may remember an earlier board. Random numbers differ from
		// it in every slot, so that process looks for all its entries.
		random := make([]byte, boardSize)
		rand.NewChaCha8(seed()).Read(random)
		sidecar.New(dir, "board", random).Create()
	}
	if err != nil || len(board) != boardSize {
		return nil
	}
	return board
}

// boardOfNothing returns the board of a directory without DIR/.fsync. It changes
// whenever Tidy removes DIR/.fsync, because any entry may have changed before.
func boardOfNothing(dir string) []byte {
	h := fnv.New64a()
	h.Write(sidecar.Attr(dir+".", sidecar.Tidied))
	return bytes.Repeat(h.Sum(nil), boardSize/h.Size())
}

func seed() (s [32]byte) {
	for i := range 4 {
		binary.NativeEndian.PutUint64(s[8*i:], rand.Uint64())
	}
	return s
}
