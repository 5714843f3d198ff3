//go:build windows || darwin || ios

package watch

import (
	"strings"
	"unicode"
)

// fold returns a key that is the same for all names of one file. Most file systems
// here ignore case; on the others a needless nudge does no harm. The patrol finds
// changes of names that differ only in their Unicode normal form.
func fold(name string) string { return strings.ToLower(name) }

// opaque reports whether a listing may show the entry under another name: in
// another normal form, or by its long name.
func opaque(name string) bool {
	return strings.ContainsFunc(name, func(r rune) bool { return r == '~' || r > unicode.MaxASCII }) ||
		strings.HasSuffix(name, ".") || strings.HasSuffix(name, " ")
}
