//go:build !windows && !darwin && !ios

package watch

// fold returns what two names have in common that mean one file.
func fold(name string) string { return name }

// opaque reports whether a listing may call the entry of that name otherwise.
func opaque(name string) bool { return false }
