package fileevent

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"strings"

	"github.com/fsync-lock/fsync/internal/beside"
)

// A trace is the file DIR/.fsync/NAME.pulse. Whoever clears the event writes
// into it which marker it was that he is about to remove. Who finds another
// token there than before knows that the event was set in between, however
// often and however short. No more than that is in it: whether the event is
// set, the marker says.
//
// Two who clear an event at one time write the same. Otherwise the second could
// wake somebody who has begun to wait after the first, and whom no Set has
// woken. For the same reason it is not Set that leaves the trace: it would have
// to do so after it has made the marker, when somebody may already have been
// woken by that, have cleared the event, and wait again.
//
// Half a token, which a reader may see, is a different token while a Clear is
// going on, and that is no lie.
//
// A token does not come to be the same again when somebody removes the
// directory and makes it anew, does not grow, and needs no atomic append, which
// NFS does not have (open(2)): a count of Sets would.
type trace struct{ file beside.File }

// A token is what a trace held at some time; empty if there was none.
type token string

const tokenSize = 16 + 1 // hexadecimal digits and a newline

// blank is what a trace holds that nobody has written to yet. It has the room.
var blank = strings.Repeat(" ", tokenSize-1) + "\n"

func (m marker) trace() trace { return trace{beside.New(m.dir, m.traceName(), []byte(blank))} }

// traceName is NAME.pulse, or something like it if that is too long for a file
// name, of which the common file systems allow 255 bytes.
func (m marker) traceName() string {
	const suffix = ".pulse"
	if len(m.name)+len(suffix) <= 255 {
		return m.name + suffix
	}
	h := fnv.New64a()
	io.WriteString(h, m.name)
	return fmt.Sprintf("%s.%016x%s", strings.ToValidUTF8(m.name[:200], ""), h.Sum64(), suffix)
}

// differs reports whether somebody has renewed the trace since it held before.
// No token says nothing: the trace has been removed, or is not yet written.
func (now token) differs(before token) bool { return now != "" && now != before }

func (t trace) read() (token, error) {
	now, err := t.file.Read()
	if errors.Is(err, fs.ErrNotExist) || err == nil && string(now) == blank {
		return "", nil
	}
	return token(now), err
}

func (t trace) renew(now token) error { return t.file.Write([]byte(now), 0) }

// token tells a marker from those before and after it. Set writes a random
// number into each. What was made by touch(1) has only its file to tell it by:
// the same inode in the same tick of the file system's clock is the same. The
// token is empty if the marker is gone.
func (m marker) token(info fs.FileInfo) token {
	text, _ := m.content()
	if r, ok := parseRecord(text); ok && len(r.ID) == tokenSize-1 {
		return token(r.ID + "\n")
	}
	if there, err := m.exists(); !there && err == nil {
		return "" // somebody else has cleared it
	}
	return token(fmt.Sprintf("%016x\n", identity(info)))
}

// identity is a number that another file hardly has.
func identity(info fs.FileInfo) uint64 {
	h := fnv.New64a()
	fmt.Fprintln(h, inode(info), info.ModTime().UnixNano())
	return h.Sum64()
}
