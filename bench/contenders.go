//go:build linux

package main

import (
	"fmt"
	"time"
)

const contendHold = time.Millisecond

// contend starts n processes that play a role, and makes all of them begin at
// the same moment. They end after the given time.
func (b *bench) contend(n int, during time.Duration, role, peer, path string, args ...any) (procs []*proc, start, end int64, err error) {
	for range n {
		p, err := b.startReady(b.roleCommand(role, peer, path, args...))
		if err != nil {
			return nil, 0, 0, err
		}
		procs = append(procs, p)
	}
	start = now() + int64(50*time.Millisecond)
	end = start + int64(during)
	for _, p := range procs {
		if err := p.send(start, end); err != nil {
			return nil, 0, 0, err
		}
	}
	return procs, start, end, nil
}

// awaitStart is the part of a process that contend has started: it waits for the
// common start, and returns the time of the end.
func awaitStart() (end int64, err error) {
	fmt.Println("ready")
	var start int64
	if _, err := fmt.Fscan(input, &start, &end); err != nil {
		return 0, err
	}
	sleep(start - now())
	return end, nil
}
