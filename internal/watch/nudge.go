package watch

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"

	"github.com/fsnotify/fsnotify"
	"github.com/fsync-lock/fsync/internal/beside"
)

// Nudge has all look that wait for anything in the directory, in whatever
// process: it makes a directory under a name that is nobody's and removes it.
// The directory is given with its last separator. Those who poll it look anyway.
func Nudge(dir string) {
	path := fmt.Sprintf("%s%s%016x", dir, nudging, rand.Uint64())
	if os.Mkdir(path, 0o700) == nil {
		os.Remove(path)
	}
}

// nudging is what the names begin with. What is made under such a name for
// another purpose is renamed and not removed.
const nudging = beside.Dir + "."

func isNudge(op fsnotify.Op, name string) bool {
	return op&fsnotify.Remove != 0 && strings.HasPrefix(name, nudging)
}
