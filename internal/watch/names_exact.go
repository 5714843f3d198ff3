//go:build !windows && !darwin && !ios

package watch

// fold returns a key that is the same for all names of one file.
func fold(name string) string { return name }

// opaque reports whether a listing may show the entry under another name.
func opaque(name string) bool { return false }
