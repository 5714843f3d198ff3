package report

import (
	"hash/maphash"

	"github.com/fsync-lock/fsync/journal"
)

// maxSeen is how many runs are remembered, in about 100 MB.
const maxSeen = 3 << 20

// seenRuns remembers runs: a hash of what both lines of a run have in common. When
// it is full, it remembers no more runs.
type seenRuns struct {
	max    int
	seed   maphash.Seed
	hashes map[uint64]struct{}
}

func newSeenRuns() *seenRuns {
	return &seenRuns{maxSeen, maphash.MakeSeed(), map[uint64]struct{}{}}
}

// has reports whether it has seen the run before, and remembers the run.
func (s *seenRuns) has(r journal.Run) bool {
	if s == nil {
		return false
	}
	hash := maphash.Comparable(s.seed, struct {
		start      int64
		pid        int
		host, lock string
	}{r.Start.UnixNano(), r.PID, r.Host, r.Lock})
	_, seen := s.hashes[hash]
	if !seen && len(s.hashes) < s.max {
		s.hashes[hash] = struct{}{}
	}
	return seen
}
