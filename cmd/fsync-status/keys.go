package main

// A key is a character, or one of the constants below.
type key int

const (
	ctrlB key = 2
	ctrlC key = 3 // from a terminal that does not make it a signal
	ctrlF key = 6
)

// Keys that terminals send as sequences. The constants are greater than any character.
const (
	keyUp key = 0x110000 + iota
	keyDown
	keyLeft
	keyRight
	keyPageUp
	keyPageDown
	keyHome
	keyEnd
)

// sequences are what terminals send for these keys after ESC: in the normal mode
// (ECMA-48) and in the application mode.
var sequences = map[string]key{
	"[A": keyUp, "[B": keyDown, "[C": keyRight, "[D": keyLeft, "[H": keyHome, "[F": keyEnd,
	"OA": keyUp, "OB": keyDown, "OC": keyRight, "OD": keyLeft, "OH": keyHome, "OF": keyEnd,
	"[5~": keyPageUp, "[6~": keyPageDown, "[1~": keyHome, "[4~": keyEnd, "[7~": keyHome, "[8~": keyEnd,
}

// longestSequence is longer than any sequence that a terminal sends for a key.
const longestSequence = 16

// A keyDecoder finds the keys in the bytes from a terminal.
type keyDecoder struct {
	escaped bool
	rest    string // of a sequence that is not complete
}

// next takes a byte. If a key ends there, it returns the key.
func (d *keyDecoder) next(b byte) (k key, ok bool) {
	switch {
	case b == '\x1b':
		d.escaped, d.rest = true, ""
		return 0, false
	case !d.escaped:
		return key(b), true
	}
	d.rest += string(rune(b))
	if first := d.rest[0]; first != '[' && first != 'O' { // the ESC before it was the key Esc
		d.escaped = false
		return key(b), true
	}
	if len(d.rest) < 2 || d.rest[0] == '[' && (b < '@' || b > '~') && len(d.rest) < longestSequence {
		return 0, false
	}
	k, ok = sequences[d.rest]
	d.escaped = false
	return k, ok
}

// columnStep is the number of columns that a key scrolls.
const columnStep = 8

// scroll returns the offset after a key. It may be beyond the end, which [pager.frame]
// corrects.
func (k key) scroll(at offset, page int) offset {
	switch k {
	case keyUp, 'k':
		at.line--
	case keyDown, 'j', '\n', '\r':
		at.line++
	case keyPageUp, 'b', ctrlB:
		at.line -= max(page-1, 1)
	case keyPageDown, ' ', ctrlF:
		at.line += max(page-1, 1)
	case keyLeft, 'h':
		at.column -= columnStep
	case keyRight, 'l':
		at.column += columnStep
	case keyHome, 'g':
		at = offset{}
	case keyEnd, 'G':
		at.line = 1 << 30
	}
	return offset{max(at.line, 0), max(at.column, 0)}
}
