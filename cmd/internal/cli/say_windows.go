package cli

import "os"

// Say writes a text.
func Say(f *os.File, text string) { f.WriteString(text) }
