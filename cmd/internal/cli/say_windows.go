package cli

import "os"

// Say writes a text, and ignores errors.
func Say(f *os.File, text string) { f.WriteString(text) }
