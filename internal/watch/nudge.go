package watch

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"

	"github.com/fsnotify/fsnotify"
	"github.com/fsync-lock/fsync/internal/sidecar"
)

// Nudge makes all waiters of the directory look, in all processes: it creates a
// directory with an unused name there and removes it. The directory is given with
// its last separator. Polling processes look anyway.
func Nudge(dir string) {
	path := fmt.Sprintf("%s%s%016x", dir, nudging, rand.Uint64())
	if os.Mkdir(path, 0o700) == nil {
		os.Remove(path)
	}
}

// nudging is the prefix of these names. Files that are made under such names for
// other purposes are renamed, not removed, so they do not nudge.
const nudging = sidecar.Dir + "."

func isNudge(op fsnotify.Op, name string) bool {
	return op&fsnotify.Remove != 0 && strings.HasPrefix(name, nudging)
}
