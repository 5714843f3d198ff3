//go:build !windows && !darwin && !ios

package watch

// fold returns what two names have in common that mean one file.
func fold(name string) string { return name }
