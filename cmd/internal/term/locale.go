package term

import (
	"os"
	"runtime"
	"strings"
)

// UTF8 reports whether text may have characters beyond ASCII in it: whether the
// locale's encoding is UTF-8. Of the variables that say so, the first that is
// set counts (POSIX, 8.2); if none is, the locale is C. A console of Windows
// takes all characters.
func UTF8() bool {
	if runtime.GOOS == "windows" {
		return true
	}
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if locale := os.Getenv(name); locale != "" {
			locale = strings.ToLower(locale)
			return strings.Contains(locale, "utf-8") || strings.Contains(locale, "utf8")
		}
	}
	return false
}

// ASCII is a text for a locale without UTF-8: an ellipsis becomes three dots,
// and any other character beyond ASCII a question mark.
func ASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if r > 0x7e {
			return '?'
		}
		return r
	}, strings.ReplaceAll(s, "…", "..."))
}

// FitASCII shortens a text of ASCII to n characters, as [Fit] does.
func FitASCII(s string, n int) string {
	switch {
	case len(s) <= n:
		return s
	case n < 3:
		return s[:max(n, 0)]
	}
	return s[:n-3] + "..."
}
