package fsync

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/fsync-lock/fsync/internal/invalid"
)

// maxName is the longest name, in bytes. File systems allow file names of 255
// bytes; the rest is for suffixes such as .event.
const maxName = 240

// checkName returns an error that is [fs.ErrInvalid] if the name is invalid. A
// name that is invalid on one system is invalid on all, so that a name which
// works on one host works on the others. For the rules of Windows see
// https://learn.microsoft.com/windows/win32/fileio/naming-a-file.
func checkName(name string) error {
	if wrong := wrongWith(name); wrong != "" {
		shown := name
		if len(shown) > maxName {
			shown = strings.ToValidUTF8(shown[:32], "") + "..."
		}
		return invalid.Error(fmt.Sprintf("invalid name %q: %s", shown, wrong))
	}
	return nil
}

func wrongWith(name string) string {
	switch {
	case name == "":
		return "it is empty"
	case len(name) > maxName:
		return fmt.Sprintf("it has %d bytes; at most %d are allowed", len(name), maxName)
	case !utf8.ValidString(name):
		return "it is not valid UTF-8"
	case name[0] == '.', name[0] == ' ':
		return "it begins with a dot or a space"
	case strings.ContainsAny(name, `/\`):
		return "it contains a path separator"
	}
	for _, r := range name {
		if !unicode.IsPrint(r) {
			return fmt.Sprintf("it contains %U, which cannot be printed", r)
		}
		if strings.ContainsRune(`<>:"|?*`, r) {
			return fmt.Sprintf("it contains %q, which Windows does not allow", r)
		}
	}
	if last := name[len(name)-1]; last == '.' || last == ' ' {
		return "it ends with a dot or a space, which Windows removes"
	}
	if isDevice(name) {
		return "it is the name of a device on Windows"
	}
	return ""
}

// isDevice reports whether Windows takes the name for a device. It ignores the
// first dot and all that follows, as Windows does.
func isDevice(name string) bool {
	base, _, _ := strings.Cut(name, ".")
	base = strings.ToUpper(strings.TrimRight(base, " "))
	switch base {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return true
	}
	for _, port := range []string{"COM", "LPT"} {
		if n, ok := strings.CutPrefix(base, port); ok && utf8.RuneCountInString(n) == 1 && strings.Contains("0123456789¹²³", n) {
			return true
		}
	}
	return false
}
