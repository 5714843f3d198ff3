//go:build windows || darwin || ios

package watch

import (
	"strings"
)

// fold returns a key that is the same for all names of one file. Most file systems
// here ignore case; on the others a needless nudge does no harm. The patrol finds
// changes of names that differ only in their Unicode normal form.
func fold(name string) string { return strings.ToLower(name) }
