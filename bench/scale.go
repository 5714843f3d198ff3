//go:build linux

package main

import "time"

// A scale says how much the rows measure: rounds, processes, repetitions and
// times. What they do, such as how long they hold a lock, is the same at each
// scale.
type scale struct {
	name  string
	limit time.Duration // for the whole run

	handoverRounds, handovers, slowHandovers    int // slow: for peers that poll
	uncontendedRounds, ops, pythonOps           int
	fairnessRounds, contenders                  int
	fairnessTime                                time.Duration
	writerRounds, writes                        int
	writerTime                                  time.Duration // a writer that needs longer for its holds is starved
	waitingRounds, waiting                      int
	waitingTime                                 time.Duration
	crowdRounds, crowd                          int
	killRounds, kills                           int
	deadlineRounds, deadlines                   int
	cancelRounds, cancels                       int
	leftoverRounds, leftoverWaits, leftoverDirs int
	leftoverTime                                time.Duration // before the second check of the directories
	falseHeldRounds, falseHeldTries             int
	semaphoreRounds                             int
	semaphoreTime                               time.Duration

	wakeRounds, wakes, slowWakes              int
	pulseRounds, pulseWaiters, pulses         int
	fanoutRounds, fanout, fanouts             int
	processesRounds, processes, processesSets int
	watchers                                  int // the limit for all processes together
	manyRounds, many, manySets                int
	changesRounds, changes                    int
	changesTimeout                            time.Duration // a waiter that needs longer has missed the final state
	busyRounds, busyTurns                     int
	busyTime                                  time.Duration
	takeRounds, takes                         int

	wrapRounds, wraps               int
	wrapWaitingRounds, wrapsWaiting int
	wrapWaitingTime                 time.Duration
	wrapCrowdRounds, wrapCrowd      int
	wrapCrowdTime                   time.Duration // before threads and memory are counted
	wrapRaceRounds, wrapRace        int
	statusRounds, statuses          int
	locks, locksHeld, otherProcs    int
	watchTime                       time.Duration
	reportRounds, reportRuns        int
}

var fullScale = scale{
	name: "full", limit: 20 * time.Minute,
	handoverRounds: 7, handovers: 200, slowHandovers: 20,
	uncontendedRounds: 9, ops: 20000, pythonOps: 3000,
	fairnessRounds: 3, contenders: 16, fairnessTime: 5 * time.Second,
	writerRounds: 3, writes: 200, writerTime: 6 * time.Second,
	waitingRounds: 2, waiting: 200, waitingTime: 10 * time.Second,
	crowdRounds: 3, crowd: 1000,
	killRounds: 3, kills: 100,
	deadlineRounds: 3, deadlines: 100,
	cancelRounds: 5, cancels: 200,
	leftoverRounds: 5, leftoverWaits: 100, leftoverDirs: 200, leftoverTime: 1100 * time.Millisecond,
	falseHeldRounds: 5, falseHeldTries: 2000,
	semaphoreRounds: 3, semaphoreTime: 5 * time.Second,

	wakeRounds: 9, wakes: 500, slowWakes: 50,
	pulseRounds: 1, pulseWaiters: 20, pulses: 1000,
	fanoutRounds: 5, fanout: 1000, fanouts: 20,
	processesRounds: 3, processes: 200, processesSets: 5, watchers: 128,
	manyRounds: 5, many: 10000, manySets: 100,
	changesRounds: 5, changes: 100000, changesTimeout: 3 * time.Second,
	busyRounds: 3, busyTurns: 3, busyTime: time.Second,
	takeRounds: 1, takes: 1000,

	wrapRounds: 30, wraps: 10,
	wrapWaitingRounds: 2, wrapsWaiting: 20, wrapWaitingTime: 5 * time.Second,
	wrapCrowdRounds: 2, wrapCrowd: 300, wrapCrowdTime: time.Second,
	wrapRaceRounds: 3, wrapRace: 500,
	statusRounds: 2, statuses: 8, locks: 10000, locksHeld: 100, otherProcs: 400, watchTime: 20 * time.Second,
	reportRounds: 3, reportRuns: 1000000,
}

var quickScale = scale{
	name: "quick", limit: 6 * time.Minute,
	handoverRounds: 3, handovers: 100, slowHandovers: 6,
	uncontendedRounds: 3, ops: 10000, pythonOps: 2000,
	fairnessRounds: 1, contenders: 16, fairnessTime: 3 * time.Second,
	writerRounds: 1, writes: 100, writerTime: 3 * time.Second,
	waitingRounds: 1, waiting: 50, waitingTime: 3 * time.Second,
	crowdRounds: 1, crowd: 1000,
	killRounds: 1, kills: 50,
	deadlineRounds: 1, deadlines: 50,
	cancelRounds: 1, cancels: 200,
	leftoverRounds: 1, leftoverWaits: 100, leftoverDirs: 200, leftoverTime: 1100 * time.Millisecond,
	falseHeldRounds: 1, falseHeldTries: 1000,
	semaphoreRounds: 1, semaphoreTime: 2 * time.Second,

	wakeRounds: 3, wakes: 300, slowWakes: 20,
	pulseRounds: 1, pulseWaiters: 20, pulses: 100,
	fanoutRounds: 1, fanout: 1000, fanouts: 20,
	processesRounds: 1, processes: 200, processesSets: 3, watchers: 128,
	manyRounds: 1, many: 10000, manySets: 100,
	changesRounds: 1, changes: 100000, changesTimeout: 3 * time.Second,
	busyRounds: 1, busyTurns: 2, busyTime: time.Second,
	takeRounds: 1, takes: 100,

	wrapRounds: 10, wraps: 5,
	wrapWaitingRounds: 1, wrapsWaiting: 10, wrapWaitingTime: 2 * time.Second,
	wrapCrowdRounds: 1, wrapCrowd: 300, wrapCrowdTime: time.Second,
	wrapRaceRounds: 1, wrapRace: 500,
	statusRounds: 1, statuses: 3, locks: 10000, locksHeld: 100, otherProcs: 400, watchTime: 3 * time.Second,
	reportRounds: 1, reportRuns: 1000000,
}

// tinyScale is for the test. It runs every row, too briefly for true figures.
var tinyScale = scale{
	name: "tiny", limit: 2 * time.Minute,
	handoverRounds: 2, handovers: 10, slowHandovers: 3,
	uncontendedRounds: 2, ops: 200, pythonOps: 50,
	fairnessRounds: 1, contenders: 4, fairnessTime: 300 * time.Millisecond,
	writerRounds: 1, writes: 5, writerTime: 500 * time.Millisecond,
	waitingRounds: 1, waiting: 5, waitingTime: 300 * time.Millisecond,
	crowdRounds: 1, crowd: 50,
	killRounds: 1, kills: 3,
	deadlineRounds: 1, deadlines: 5,
	cancelRounds: 1, cancels: 10,
	leftoverRounds: 1, leftoverWaits: 5, leftoverDirs: 8, leftoverTime: 100 * time.Millisecond,
	falseHeldRounds: 1, falseHeldTries: 80,
	semaphoreRounds: 1, semaphoreTime: 300 * time.Millisecond,

	wakeRounds: 2, wakes: 10, slowWakes: 3,
	pulseRounds: 1, pulseWaiters: 4, pulses: 5,
	fanoutRounds: 1, fanout: 20, fanouts: 2,
	processesRounds: 1, processes: 5, processesSets: 1, watchers: 3,
	manyRounds: 1, many: 100, manySets: 5,
	changesRounds: 1, changes: 20000, changesTimeout: time.Second,
	busyRounds: 1, busyTurns: 1, busyTime: 100 * time.Millisecond,
	takeRounds: 1, takes: 10,

	wrapRounds: 2, wraps: 2,
	wrapWaitingRounds: 1, wrapsWaiting: 2, wrapWaitingTime: 200 * time.Millisecond,
	wrapCrowdRounds: 1, wrapCrowd: 3, wrapCrowdTime: 50 * time.Millisecond,
	wrapRaceRounds: 1, wrapRace: 20,
	statusRounds: 1, statuses: 1, locks: 50, locksHeld: 5, otherProcs: 5, watchTime: 300 * time.Millisecond,
	reportRounds: 1, reportRuns: 20000,
}
