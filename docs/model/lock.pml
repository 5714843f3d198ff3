/*
 * Acquire and Release of a lock: filelock/request.go, turn.go, gate.go, waiter.go,
 * lockfile.go. docs/model.md maps the steps to functions.
 *
 * Goroutines of one or more processes acquire and release the lock. Meanwhile a context
 * ends, a user removes, replaces or renames the lock file, and a process is stopped,
 * continued or killed, at any step. Each statement or atomic block is one step: a system
 * call, or work under a mutex.
 *
 * The size is set with -D:
 *   G        goroutines (default 3)
 *   SAME     how many of them are in the first process (default 1); each other one is in
 *            a process of its own
 *   ROUNDS   how often each acquires (default 1)
 *   READERS  how many of them want a shared lock, the last ones (default 0)
 *   CANCELS, REPLACES, STOPS, CRASHES, GATES: how often the context of a goroutine ends,
 *            the lock file is removed, replaced or renamed, a process is stopped, a
 *            process is killed, a user removes the gate (default 0)
 *   POLL     no thread may block: waiters poll
 *   NOGATE   there is no gate
 *   LOOP     goroutines acquire and release for ever, and the gate stays; for the property
 *            "served"
 *
 * -DBUG_... puts a bug in; see docs/model/run.
 */

#ifndef G
#define G 3
#endif
#ifndef SAME
#define SAME 1
#endif
#ifndef ROUNDS
#define ROUNDS 1
#endif
#ifndef READERS
#define READERS 0
#endif
#ifndef CANCELS
#define CANCELS 0
#endif
#ifndef REPLACES
#define REPLACES 0
#endif
#ifndef STOPS
#define STOPS 0
#endif
#ifndef CRASHES
#define CRASHES 0
#endif
#ifndef GATES
#define GATES 0
#endif

#define P(g)      ((g) < SAME -> 0 : (g))  /* the process of a goroutine */
#define shared(g) ((g) >= G - READERS)

/* Processes that are stopped or dead take no step. */
#if STOPS + CRASHES > 0
#define RUNS provided (up[P(_pid % G)])
#else
#define RUNS
#endif
bit up[G] = 1;
bit dead[G];

/* Files. A file is a number from 1 to FILES; like an inode, the number is used again when
   the file has no name and is not open. */
#define FILES (2*G + 4)
byte lockPath, gatePath;   /* the file at each path; 0 = none */
byte away;                 /* a lock file that a user has renamed */
byte refs[FILES+1];        /* open file descriptions of the file */
byte writer[FILES+1];      /* the open file with the exclusive lock, + 1; 0 = none */
byte readers[FILES+1];     /* how many open files have a shared lock */
byte waiters[FILES+1];     /* how many open files have the lock of showWaiter */

/* Open file descriptions. Each goroutine has one of the lock file, one of the gate, the
   gate that it has left (gate.left), and one to sweep the gate. */
#define LOCK(g)  (4*(g))
#define GATE(g)  (4*(g) + 1)
#define LEFT(g)  (4*(g) + 2)
#define SWEEP(g) (4*(g) + 3)
byte file[4*G];            /* 0 = closed */
bit  locked[4*G];
bit  shows[4*G];           /* showWaiter */

/* Goroutines. */
byte ended[G];             /* the ctx: 1 = cancelled, 2 = its deadline has passed */
bit  waits[G];             /* in Acquire */
bit  finished[G];              /* it does nothing any more */
byte past[G];              /* tryPast has the lock */
bit  atGate[G];            /* the check of passGate is registered */
bit  checking[G];          /* it is going on: the mutex of the waiter is locked */
bit  sweepNow[G], sweepLater[G];
byte distrusted[G];        /* the gate that a process ignores, until some time later */

#if SAME > 1
byte turn[G];              /* the goroutine that has the turn of the process, + 1 */
byte users[G];
chan queue = [SAME] of { byte }; /* of the first process */
#endif

/* What must be true. */
bit  counts[G];            /* the hold excludes: nobody has replaced the file since it was verified */
byte writing, reading;     /* how many holds count */
bit  passed[G];            /* past the gate, and has not left it */
byte passers;              /* how many have */
bit  wasFree[G];           /* the lock was free at the deadline, and has been since */

#define free(f)      (writer[f] == 0 && readers[f] == 0)
#define fits(f, sh)  (writer[f] == 0 && (sh || readers[f] == 0))
#define unused(f)    (refs[f] == 0 && lockPath != f && gatePath != f && away != f)

inline lockFile(o, sh) {
	if
	:: sh -> readers[file[o]]++
	:: else -> writer[file[o]] = o + 1
	fi;
	locked[o] = 1;
	noneFree()
}

inline noneFree() {
	k = 0;
	do
	:: k < G -> wasFree[k] = 0; k++
	:: else -> k = 0; break
	od
}

inline unlockFile(o) {
	if
	:: locked[o] ->
		locked[o] = 0;
		if
		:: writer[file[o]] == o + 1 -> writer[file[o]] = 0
		:: else -> readers[file[o]]--
		fi
	:: else
	fi
}

inline hide(o) {
	if
	:: shows[o] -> shows[o] = 0; waiters[file[o]]--
	:: else
	fi
}

inline closeFile(o) { /* the last descriptor: the kernel drops both locks */
	unlockFile(o);
	hide(o);
	if
	:: file[o] != 0 -> refs[file[o]]--; file[o] = 0
	:: else
	fi
}

inline openFile(o, f) { file[o] = f; refs[f]++ }

inline create(path) {
	k = 1;
	do
	:: unused(k) -> break
	:: else -> k++
	od;
	path = k;
	k = 0
}

/* openAndLock: open the file that was seen at the path, or create one if there was none.
   If that fails because the path has changed, o stays closed: errReplaced. */
inline open(path, o) {
	if
	:: at == 0 && path == 0 -> create(path); openFile(o, path)
	:: at != 0 && path != 0 -> openFile(o, path)
	:: else
	fi
}

/* verify. */
#ifdef BUG_NO_VERIFY
#define stillAt(path, o) true
#else
#define stillAt(path, o) (path == file[o])
#endif
#ifdef BUG_NO_GATE_VERIFY
#define gateStillAt(o) true
#else
#define gateStillAt(o) (gatePath == file[o])
#endif

inline countHold(g) { /* from here on the hold counts */
	counts[g] = 1;
	if
	:: shared(g) -> reading++
	:: else -> writing++
	fi;
	assert(writing <= 1 && (writing == 0 || reading == 0))
}

inline uncountHold(g) {
	if
	:: counts[g] ->
		counts[g] = 0;
		if
		:: shared(g) -> reading--
		:: else -> writing--
		fi
	:: else
	fi
}

inline dropLock(g) { /* close the lock file, with or without the lock */
	uncountHold(g);
	closeFile(LOCK(g))
}

/* The steps of lockOnce; at_ is the next one. */
#define LOOK   0
#define OPEN   1
#define CALL   2
#define VERIFY 3
#define PAUSE  4

/* lockFile.try of the lock file: got = 1 if it is locked. */
inline tryLock(g) {
	do
	:: atomic { at_ == LOOK -> at = lockPath; at_ = OPEN }   /* mayOpen */
	:: atomic { at_ == OPEN ->
		open(lockPath, LOCK(g)); at = 0;
		at_ = (file[LOCK(g)] == 0 -> LOOK : CALL) }
	:: atomic { at_ == CALL && fits(file[LOCK(g)], shared(g)) -> lockFile(LOCK(g), shared(g)); at_ = VERIFY }
	:: atomic { at_ == CALL && !fits(file[LOCK(g)], shared(g)) -> closeFile(LOCK(g)); got = 0; at_ = LOOK; break }
	:: atomic { at_ == VERIFY ->
		at_ = LOOK;
		if
		:: stillAt(lockPath, LOCK(g)) -> countHold(g); got = 1; break
		:: else -> closeFile(LOCK(g)) /* errReplaced: again */
		fi }
	od
}

/* lockFile.lock: wait until the file is locked or the wait is over. The file is the lock
   file, or the gate. got = 1 if it is locked. */
#ifdef BUG_COMPARE_WITH_LOOK
#define replaced(path, o) (path != at)
#elif defined(BUG_NO_RECHECK)
#define replaced(path, o) false
#else
#define replaced(path, o) (path != file[o])
#endif

#define LOCKFILE(g) lockPath, LOCK(g), shared(g), stillAt(lockPath, LOCK(g)), 0
#define GATEFILE(g) gatePath, GATE(g), 0, gateStillAt(GATE(g)), 1

inline waitFor(g, path, o, sh, still, isGate, over) {
	do
	:: atomic { at_ == LOOK && over -> got = 0; break }
	:: atomic { at_ == LOOK && !(over) -> at = path; at_ = OPEN }
	:: atomic { at_ == OPEN ->
		open(path, o);
		if
		:: file[o] == 0 -> at = 0; at_ = LOOK
		:: else ->
			at_ = CALL;
			if
			:: isGate && at != 0 -> shows[o] = 1; waiters[file[o]]++
			:: else
			fi
		fi }
	:: atomic { at_ == CALL && fits(file[o], sh) -> lockFile(o, sh); at_ = VERIFY }
#ifdef POLL
	:: atomic { at_ == CALL && !fits(file[o], sh) -> closeFile(o); at = 0; at_ = PAUSE }
	:: atomic { at_ == PAUSE && (path == 0 || fits(path, sh) || over) -> at_ = LOOK }
#else
	/* flock does not wait for a file that it creates */
	:: atomic { at_ == CALL && at == 0 && !fits(file[o], sh) -> closeFile(o); at_ = LOOK }
	/* the call is called back: by ctx, or by the check once a second. In VERIFY it has the
	   lock, but the Call is not over. */
	:: atomic { at_ >= CALL && at != 0 && over -> at = 0; got = 0;
#ifdef BUG_GRANT_KEPT
		if
		:: at_ == CALL -> closeFile(o)
		:: else
		fi;
#else
		closeFile(o);
#endif
		at_ = LOOK; break }
	:: atomic { at_ >= CALL && at != 0 && replaced(path, o) -> closeFile(o); at = 0; at_ = LOOK }
#endif
	:: atomic { at_ == VERIFY ->
		at = 0; at_ = LOOK;
		if
		:: still ->
			got = 1;
			if
			:: isGate
			:: else -> countHold(g)
			fi;
			break
		:: else -> closeFile(o)
		fi }
	od
}

/* The turn, golang.org/x/sync/semaphore. */
#if SAME > 1
inline passTurn(g) {
	if
	:: P(g) == 0 && nempty(queue) -> queue?k; turn[0] = k + 1; k = 0
	:: P(g) != 0 || empty(queue) -> turn[P(g)] = 0
	fi
}
#endif

inline unpass(g) {
	if
	:: passed[g] -> passed[g] = 0; passers--
	:: else
	fi
}

/* gate.leave. */
inline leaveGate(g) {
	if
	:: file[GATE(g)] != 0 ->
		unpass(g);
		unlockFile(GATE(g));
		closeFile(LEFT(g)); /* the former one */
		file[LEFT(g)] = file[GATE(g)]; shows[LEFT(g)] = shows[GATE(g)];
		file[GATE(g)] = 0; shows[GATE(g)] = 0;
#ifdef LOOP
		closeFile(LEFT(g))
#else
		sweepNow[g] = 1
#endif
	:: else
	fi
}

#if SAME > 1
#define hasNoTurn(g) (users[P(g)] == 0)
#else
#define hasNoTurn(g) true
#endif

/* gate.ignored: the process passes a gate whose holder is stopped. */
#define ignored(g) (gatePath != 0 && distrusted[P(g)] == gatePath)

/* Acquire, the hold, and Release. The hold ends in a step of its own. */
active [G] proctype Goroutine() RUNS {
	byte at, k, at_;
	bit got, gate;
	byte n;
	do
	:: atomic { n < ROUNDS ->
#ifndef LOOP
		n++;
#endif
		waits[_pid] = 1 };
		/* request.acquire: a newcomer does not overtake */
		if
		:: hasNoTurn(_pid) && (gatePath == 0 || ignored(_pid)) -> tryLock(_pid)
#ifdef LOOP
#ifdef BUG_OVERTAKE
		:: tryLock(_pid)
#endif
		:: else
#else
		:: tryLock(_pid)  /* gate.missing is not up to date; or TryAcquire */
		:: !hasNoTurn(_pid) || gatePath != 0
#endif
		fi;
		if
		:: got -> goto hold
		:: else
		fi;

		/* takeTurn */
#if SAME > 1
		atomic {
			users[P(_pid)]++;
			if
			:: turn[P(_pid)] == 0 -> turn[P(_pid)] = _pid + 1
			:: turn[P(_pid)] != 0 -> queue!_pid
			fi
		};
		if
		:: atomic { turn[P(_pid)] == _pid + 1 && !ended[_pid] }
		:: atomic { turn[P(_pid)] == _pid + 1 && ended[_pid] ->
#ifndef BUG_TURN_LOST
			passTurn(_pid);
#endif
			users[P(_pid)]-- }; goto busy
		:: atomic { turn[P(_pid)] != _pid + 1 && ended[_pid] -> queue??eval(_pid); users[P(_pid)]-- }; goto busy
		fi;
#endif

		/* passGate */
#ifndef NOGATE
		atomic {
			atGate[_pid] = 1;
			if
			:: ignored(_pid) -> /* gate.pass does not wait for a stopped holder: errStuck */
				if
				:: distrusted[P(_pid)] = 0 /* it has ignored the gate for long enough */
				:: skip
				fi
			:: else -> distrusted[P(_pid)] = 0
			fi
		};
		if
		:: distrusted[P(_pid)] != 0
		:: else -> waitFor(_pid, GATEFILE(_pid), (ended[_pid] || past[_pid]))
		fi;
		/* stop waits for a check that is going on */
		atomic {
#ifndef BUG_STOP_WAITS_NOT
			!checking[_pid] ->
#endif
			atGate[_pid] = 0;
			gate = got; got = past[_pid]; past[_pid] = 0;
			if
			:: gate -> passed[_pid] = 1; passers++;
#if GATES == 0
				assert(passers <= 1) /* one waiter of all processes */
#endif
			:: else
			fi;
			if
			:: got && gate -> leaveGate(_pid)
			:: got && !gate -> distrusted[P(_pid)] = gatePath;
#ifndef BUG_PAST_SWEEPS_NOT
				sweepLater[_pid] = 1
#endif
			:: !got && gate -> distrusted[P(_pid)] = 0 /* trust */
			:: !got && !gate && distrusted[P(_pid)] == 0 -> sweepLater[_pid] = 1; goto giveUp
			:: !got && !gate && distrusted[P(_pid)] != 0
			fi;
			gate = 0
		};
		if
		:: atomic { got && ended[_pid] -> got = 0;
#ifndef BUG_PAST_KEPT
			dropLock(_pid)
#endif
		   }; goto giveUp
		:: got && !ended[_pid]
		:: !got ->
#ifdef BUG_GATE_LEFT_EARLY
			atomic { leaveGate(_pid) };
#endif
			waitFor(_pid, LOCKFILE(_pid), (ended[_pid]))
		fi;
		atomic {
#ifdef BUG_GATE_KEPT
			if
			:: got -> leaveGate(_pid)
			:: else
			fi
#else
			leaveGate(_pid)
#endif
		};
#else
		waitFor(_pid, LOCKFILE(_pid), (ended[_pid]));
#endif
giveUp:
#if SAME > 1
		atomic { passTurn(_pid); users[P(_pid)]-- };
#endif
		if
		:: got -> goto hold
		:: else
		fi;

busy:		/* errBusy: at a deadline, one last try */
#ifndef BUG_NO_LAST_TRY
		if
		:: ended[_pid] == 2 -> tryLock(_pid)
		:: else
		fi;
		if
		:: got -> goto hold
		:: else
		fi;
#endif
		atomic { /* a wait that was given up leaves nothing */
			assert(!wasFree[_pid]);
			assert(file[LOCK(_pid)] == 0 && file[GATE(_pid)] == 0);
			waits[_pid] = 0; ended[_pid] = 0
		};
		goto next;

hold:		atomic { got = 0; waits[_pid] = 0; ended[_pid] = 0; wasFree[_pid] = 0; assert(locked[LOCK(_pid)]) };
		/* Release: unlock, then close */
		atomic { uncountHold(_pid); unlockFile(LOCK(_pid)) };
		atomic { closeFile(LOCK(_pid)) };
next:		skip
	:: atomic { n == ROUNDS -> finished[_pid] = 1; break }
	od
}

/* The check of passGate, once a second: if no process holds the lock, take it past the
   gate. It runs in a goroutine of its own. */
#if !defined(LOOP) && !defined(NOGATE)
active [G] proctype Check() RUNS {
	byte at, k, at_;
	bit got;
#define me (_pid - G)
#ifndef BUG_NO_PASSING
	do
	:: atomic { atGate[me] && !past[me] && (lockPath == 0 || free(lockPath)) -> checking[me] = 1 };
	   /* mayBeFree locks a file for writing for a moment, for a reader; tryLock finds out too */
	   tryLock(me);
	   atomic { past[me] = got; got = 0; checking[me] = 0 }
	:: finished[me] -> break
	od
#endif
#undef me
}
#endif

inline forgetGate() { /* another gate, also with the same inode, is not ignored */
	k = 0;
	do
	:: k < G ->
		if
		:: distrusted[k] == gatePath -> distrusted[k] = 0
		:: else
		fi;
		k++
	:: else -> k = 0; break
	od;
	gatePath = 0
}

/* sweepLeft and sweep: in Release, or some time later. */
#if !defined(LOOP) && !defined(NOGATE)
active [G] proctype Sweeper() RUNS {
	byte k;
	bit waited;
#define me (_pid % G)
	do
	:: atomic { sweepNow[me] -> sweepNow[me] = 0 }; /* left.Swap */
#ifdef BUG_HIDE_AFTER
	   waited = waiters[file[LEFT(me)]] > shows[LEFT(me)];
	   atomic { hide(LEFT(me)) };
#else
	   atomic { hide(LEFT(me)) };
	   waited = waiters[file[LEFT(me)]] > 0;
#endif
	   atomic {
		closeFile(LEFT(me));
		if
		:: !waited -> sweepLater[me] = 1
		:: else
		fi;
		waited = 0
	   }
	:: atomic { sweepLater[me] && gatePath == 0 -> sweepLater[me] = 0 }
	   /* trySweep; again until the gate is not used */
#ifdef BUG_SWEEP_UNLOCKED
	:: atomic { sweepLater[me] && gatePath != 0 && waiters[gatePath] == 0 -> sweepLater[me] = 0; forgetGate() }
#else
	:: atomic { sweepLater[me] && gatePath != 0 && free(gatePath) && waiters[gatePath] == 0 ->
		openFile(SWEEP(me), gatePath) };
	   if
	   :: atomic { free(file[SWEEP(me)]) -> lockFile(SWEEP(me), 0) };
	      if
	      :: gatePath != file[SWEEP(me)]
	      :: gatePath == file[SWEEP(me)] ->
		if /* isWaitedFor */
		:: waiters[file[SWEEP(me)]] > 0
		:: waiters[file[SWEEP(me)]] == 0 -> atomic { sweepLater[me] = 0; forgetGate() }
		fi
	      fi
	   :: !free(file[SWEEP(me)])
	   fi;
	   atomic { closeFile(SWEEP(me)) }
#endif
	:: atomic { finished[me] && !sweepNow[me] && !sweepLater[me] -> break }
	od
#undef me
}

#endif

#define holds(g, f) (locked[LOCK(g)] && file[LOCK(g)] == f)

#ifdef LOOP

/* Loops of release and acquire do not overtake a waiter for ever that is past the gate. */
ltl served { [] (passed[0] -> <> !waits[0]) }

#else

inline stepOfUser() { /* no hold excludes any more */
	k = 0;
	do
	:: k < G -> uncountHold(k); wasFree[k] = 0; k++
	:: else -> k = 0; break
	od
}

inline any(g) { /* one of the goroutines */
	g = 0;
	do
	:: g < G - 1 -> g++
	:: break
	od
}

inline kill() { /* the process of g */
	p = P(g);
	up[p] = 0; dead[p] = 1;
	g = 0;
	do
	:: g < G && P(g) == p ->
		uncountHold(g); unpass(g);
		closeFile(LOCK(g)); closeFile(GATE(g)); closeFile(LEFT(g)); closeFile(SWEEP(g));
		ended[g] = 0; waits[g] = 0; past[g] = 0; atGate[g] = 0; checking[g] = 0;
		sweepNow[g] = 0; sweepLater[g] = 0; distrusted[g] = 0; wasFree[g] = 0;
#if SAME > 1
		turn[p] = 0; users[p] = 0;
#endif
		g++
	:: g < G && P(g) != p -> g++
	:: g == G -> break
	od;
	p = 0
}

/* What comes from outside. It may stop at any time. */
active proctype World() {
	byte g, k, p, cancels, replaces, stops, goes, crashes, gates;
	do
#if CANCELS > 0
	:: atomic { cancels < CANCELS -> cancels++; any(g);
		if
		:: waits[g] && !ended[g] ->
			if
			:: ended[g] = 1
			:: ended[g] = 2; wasFree[g] = (lockPath == 0 || fits(lockPath, shared(g)))
			fi
		:: else
		fi; g = 0 }
#endif
#if REPLACES > 0
	:: atomic { replaces < REPLACES && lockPath != 0 -> replaces++; stepOfUser();
		if
		:: lockPath = 0                                           /* rm */
		:: lockPath = 0; create(lockPath)                         /* mv another one to the path */
		:: away == 0 -> away = lockPath; lockPath = 0             /* mv it away */
		:: away == 0 -> away = lockPath; lockPath = 0; create(lockPath)
		fi }
	:: atomic { away != 0 -> stepOfUser(); lockPath = away; away = 0 } /* mv it back */
#endif
#if GATES > 0
	:: atomic { gates < GATES && gatePath != 0 -> gates++; forgetGate() }
#endif
#if STOPS > 0
	:: atomic { stops < STOPS -> stops++; any(g);
		if
		:: up[P(g)] -> up[P(g)] = 0
		:: else
		fi; g = 0 }
	:: atomic { goes < STOPS -> goes++; any(g);
		if
		:: !up[P(g)] && !dead[P(g)] -> up[P(g)] = 1
		:: else
		fi; g = 0 }
#endif
#if CRASHES > 0
	:: atomic { crashes < CRASHES -> crashes++; any(g);
		if
		:: !dead[P(g)] -> kill()
		:: else
		fi; g = 0 }
#endif
	:: break
	od
}

/* When nothing can happen any more: a goroutine that still waits does so because a stopped
   process holds the lock. */
active proctype Monitor() {
	byte g;
	bit held;
	timeout;
	d_step {
		do
		:: g < G -> held = held || !up[P(g)] && lockPath != 0 && holds(g, lockPath); g++
		:: else -> break
		od;
		g = 0;
		do
		:: g < G ->
			assert(finished[g] || !up[P(g)] || held);
#if STOPS + CRASHES == 0
			assert(file[LEFT(g)] == 0); /* no descriptor is left */
#endif
			g++
		:: else -> break
		od
#if STOPS + CRASHES == 0
		;
		assert(gatePath == 0) /* nor a gate */
#endif
	}
}

#endif
