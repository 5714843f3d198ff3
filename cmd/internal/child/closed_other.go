//go:build !linux

package child

// LooksOpenedByRuntime would report whether one of the first three descriptors
// may have been closed when this process started.
func LooksOpenedByRuntime(int) bool { return false }

// WasClosed would report whether it was. Where it cannot be known the command
// has /dev/null there.
func WasClosed(int) bool { return false }

func closeStandardFiles() {}
