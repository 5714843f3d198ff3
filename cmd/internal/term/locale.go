package term

import (
	"os"
	"runtime"
	"strings"
)

// UTF8 reports whether the encoding of the locale is UTF-8, so that text may have
// characters beyond ASCII. The first variable that is set counts (POSIX, 8.2); if
// none is set, the locale is C. A Windows console accepts all characters.
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

// ASCII converts a text for a locale without UTF-8: an ellipsis becomes three dots,
// any other character beyond ASCII becomes a question mark.
func ASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if r > 0x7e {
			return '?'
		}
		return r
	}, strings.ReplaceAll(s, "…", "..."))
}

// FitASCII shortens an ASCII text to n characters, as [Fit] does.
func FitASCII(s string, n int) string {
	switch {
	case len(s) <= n:
		return s
	case n < 3:
		return s[:max(n, 0)]
	}
	return s[:n-3] + "..."
}
