package watch

import (
	"fmt"
	"math/rand/v2"
	"os"

	"github.com/fsync-lock/fsync/internal/sidecar"
)

// NotifyAll makes all waiters of the directory look, in all processes: it creates a
// directory with an unused name there and removes it. The directory is given with its
// last separator.
func NotifyAll(dir string) {
	path := fmt.Sprintf("%s%s%016x", dir, callPrefix, rand.Uint64())
	if os.Mkdir(path, 0o700) == nil {
		os.Remove(path)
	}
}

// callPrefix is the prefix of the names that NotifyAll uses. Some drafts have such names
// too. A draft is renamed, and removed only after an error, so it usually notifies no waiter.
const callPrefix = sidecar.Dir + "."
