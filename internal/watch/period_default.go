//go:build !darwin && !ios && !dragonfly && !freebsd && !netbsd && !openbsd

package watch

import "time"

const rescanEvery = time.Second
