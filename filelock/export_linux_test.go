package filelock

import "fmt"

// LockLine is how a line of /proc/locks is understood.
func LockLine(line string) string {
	file, l, ok := lockLine(line)
	return fmt.Sprint(file, " ", l.pid, " ", l.shared, " ", l.waits, " ", ok && !l.posix)
}

// KernelKnows reports whether the table of the kernel's locks, as it is read
// here, has one of the file at path.
func KernelKnows(path string) bool {
	file, err := mountDevices{}.identify(path, false)
	if err != nil {
		return false
	}
	table, _ := readLockTable(40)
	return len(table[file.name]) > 0
}
