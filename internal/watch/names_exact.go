//go:build !windows && !darwin && !ios

package watch

// fold returns a key that is the same for all names of one file.
func fold(name string) string { return name }
