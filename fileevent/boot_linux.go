package fileevent

import (
	"os"
	"strings"
)

// boot returns the kernel's ID of this boot.
func boot() string {
	id, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(id))
}
