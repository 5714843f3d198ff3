package main

// A key is a character, or one of those below.
type key int

// Keys that terminals send as sequences; they are beyond all characters.
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

// sequences are what terminals send for those keys, behind ESC: as ECMA-48 has
// it, and in the mode of applications.
var sequences = map[string]key{
	"[A": keyUp, "[B": keyDown, "[C": keyRight, "[D": keyLeft, "[H": keyHome, "[F": keyEnd,
	"OA": keyUp, "OB": keyDown, "OC": keyRight, "OD": keyLeft, "OH": keyHome, "OF": keyEnd,
	"[5~": keyPageUp, "[6~": keyPageDown, "[1~": keyHome, "[4~": keyEnd, "[7~": keyHome, "[8~": keyEnd,
}

// A decoder makes keys of what a terminal sends.
type decoder struct {
	escaped bool
	rest    string // of a sequence that is not whole
}

// next takes a byte, and returns the key that it ends, if it does.
func (d *decoder) next(b byte) (k key, ok bool) {
	switch {
	case b == '\x1b':
		d.escaped, d.rest = true, ""
		return 0, false
	case !d.escaped:
		return key(b), true
	}
	d.rest += string(rune(b))
	if first := d.rest[0]; first != '[' && first != 'O' { // it was the key ESC
		d.escaped = false
		return key(b), true
	}
	if len(d.rest) < 2 || d.rest[0] == '[' && (b < '@' || b > '~') {
		return 0, false
	}
	k, ok = sequences[d.rest]
	d.escaped = false
	return k, ok
}

// sideways is how many columns are scrolled at a time.
const sideways = 8

// scroll returns where a key leads; a frame bounds it.
func (k key) scroll(at place, page int) place {
	switch k {
	case keyUp, 'k':
		at.line--
	case keyDown, 'j', '\n', '\r':
		at.line++
	case keyPageUp, 'b', 2: // Ctrl-B
		at.line -= max(page-1, 1)
	case keyPageDown, ' ', 6: // Ctrl-F
		at.line += max(page-1, 1)
	case keyLeft, 'h':
		at.column -= sideways
	case keyRight, 'l':
		at.column += sideways
	case keyHome, 'g':
		at = place{}
	case keyEnd, 'G':
		at.line = 1 << 30
	}
	return place{max(at.line, 0), max(at.column, 0)}
}
