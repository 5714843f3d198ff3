package fileevent

import (
	"os"
	"strings"
)

// boot returns what tells this boot of this machine from all others.
func boot() string {
	id, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(id))
}
