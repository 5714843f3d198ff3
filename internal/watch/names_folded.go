//go:build windows || darwin || ios

package watch

import (
	"strings"
	"unicode"
)

// fold returns what two names have in common that mean one file. The file
// systems of these systems do not distinguish upper and lower case, as a
// rule; where they do, a nudge too many does no harm. Names that differ in
// their Unicode normal form only are left to the patrol.
func fold(name string) string { return strings.ToLower(name) }

// opaque reports whether a listing may call the entry of that name otherwise:
// in another normal form, or by its long name.
func opaque(name string) bool {
	return strings.ContainsFunc(name, func(r rune) bool { return r == '~' || r > unicode.MaxASCII }) ||
		strings.HasSuffix(name, ".") || strings.HasSuffix(name, " ")
}
