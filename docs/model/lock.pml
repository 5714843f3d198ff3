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
 *   MERGED   system calls are one step if no step of another process between them makes a
 *            difference, and the lock file exists from the start; see docs/model.md
 *
 * Goroutines that want the same lock, each in a process of its own, are interchangeable.
 * So the first one that a fault strikes is number 0, and the next one is number 1. Those
 * that are never struck begin in the order of their numbers.
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

#define FAULTS (CANCELS + STOPS + CRASHES) /* goroutines from this number on are not struck */
#if READERS == 0 && SAME == 1
#define INTERCHANGEABLE
#define mayBegin(g) ((g) <= FAULTS || begun[(g) - 1])
#else
#define mayBegin(g) true
#endif

/* A step needs that the process is not stopped. A process that is dead only ends. */
#if STOPS > 0
#define on up[P(_pid % G)]
#else
#define on true
#endif
#if CRASHES > 0
#define UNLESS_KILLED(forget) unless { atomic { dead[P(_pid % G)] -> forget } }
#else
#define UNLESS_KILLED(forget)
#endif
bit up[G] = 1;
bit dead[G];

/* Files. A file is a number from 1 to FILES; like an inode, the number is used again when
   the file has no name and is not open. */
#define FILES (2*G + 4)
#ifdef MERGED
byte lockPath = 1;         /* the file at each path; 0 = none */
#else
byte lockPath;
#endif
byte gatePath;
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
bit  begun[G];
bit  finished[G];          /* it does nothing any more */
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
	:: else -> writer[file[o]] = (o) + 1
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
		:: writer[file[o]] == (o) + 1 -> writer[file[o]] = 0
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
#define SHOW   2
#define CALL   3
#define VERIFY 4
#define PAUSE  5

#define LOCKFILE(g) lockPath, LOCK(g), shared(g), stillAt(lockPath, LOCK(g)), 0
#define GATEFILE(g) gatePath, GATE(g), 0, gateStillAt(GATE(g)), 1

inline gotFile(g, isGate) {
	got = 1;
	if
	:: isGate
	:: else -> countHold(g)
	fi
}

/* lockFile.try: got = 1 if the file, the lock file or the gate, is locked. */
inline try(g, path, o, sh, still, isGate) {
	do
#ifdef MERGED
	:: atomic { on && at_ == LOOK ->
		at = path; open(path, o); at = 0;
		if
		:: fits(file[o], sh) -> lockFile(o, sh);
			if
			:: !isGate && REPLACES == 0 -> gotFile(g, isGate); break
			:: else -> at_ = VERIFY
			fi
		:: else -> closeFile(o); break
		fi }
#else
	:: atomic { on && at_ == LOOK -> at = path; at_ = OPEN }   /* mayOpen */
	:: atomic { on && at_ == OPEN ->
		open(path, o); at = 0;
		at_ = (file[o] == 0 -> LOOK : CALL) }
	:: atomic { on && at_ == CALL && fits(file[o], sh) -> lockFile(o, sh); at_ = VERIFY }
	:: atomic { on && at_ == CALL && !fits(file[o], sh) -> closeFile(o); at_ = LOOK; break }
#endif
	:: atomic { on && at_ == VERIFY ->
		at_ = LOOK;
		if
		:: still -> gotFile(g, isGate); break
		:: else -> closeFile(o) /* errReplaced: again */
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

inline showIf(is, o) { /* showWaiter */
	if
	:: is -> shows[o] = 1; waiters[file[o]]++
	:: else
	fi
}

inline waitFor(g, path, o, sh, still, isGate, over) {
	do
	:: atomic { on && at_ == LOOK && over -> break }
#ifdef MERGED
	:: atomic { on && at_ == LOOK && !(over) -> at = path; open(path, o); showIf(isGate && at != 0, o); at_ = CALL }
#else
	:: atomic { on && at_ == LOOK && !(over) -> at = path; at_ = OPEN }
	:: atomic { on && at_ == OPEN ->
		open(path, o);
		if
		:: file[o] == 0 -> at = 0; at_ = LOOK
		:: else -> at_ = (isGate && at != 0 -> SHOW : CALL)
		fi }
	:: atomic { on && at_ == SHOW -> showIf(1, o); at_ = CALL }
#endif
	:: atomic { on && at_ == CALL && fits(file[o], sh) -> lockFile(o, sh); at_ = VERIFY }
#ifdef POLL
	:: atomic { on && at_ == CALL && !fits(file[o], sh) -> closeFile(o); at = 0; at_ = PAUSE }
	:: atomic { on && at_ == PAUSE && (path == 0 || fits(path, sh) || over) -> at_ = LOOK }
#else
	/* flock does not wait for a file that it creates */
	:: atomic { on && at_ == CALL && at == 0 && !fits(file[o], sh) -> closeFile(o); at_ = LOOK }
	/* the call is called back: by ctx, or by the check once a second. In VERIFY it has the
	   lock, but the Call is not over. */
	:: atomic { on && at_ >= CALL && at != 0 && over -> at = 0; got = 0;
#ifdef BUG_GRANT_KEPT
		if
		:: at_ == CALL -> closeFile(o)
		:: else
		fi;
#else
		closeFile(o);
#endif
		at_ = LOOK; break }
	:: atomic { on && at_ >= CALL && at != 0 && replaced(path, o) -> closeFile(o); at = 0; at_ = LOOK }
#endif
	:: atomic { on && at_ == VERIFY ->
		at = 0; at_ = LOOK;
		if
		:: still -> gotFile(g, isGate); break
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
active [G] proctype Goroutine() {
	byte at, k, at_;
	bit got, gate, stuck;
	byte n;
	{ do
	:: atomic { on && n < ROUNDS && mayBegin(_pid) ->
#ifndef LOOP
		n++;
#endif
		begun[_pid] = 1; waits[_pid] = 1 };
		/* request.acquire: a newcomer does not overtake */
		if
		:: on && hasNoTurn(_pid) && (gatePath == 0 || ignored(_pid)) -> try(_pid, LOCKFILE(_pid))
#ifdef LOOP
#ifdef BUG_OVERTAKE
		:: try(_pid, LOCKFILE(_pid))
#endif
		:: else
#else
		:: try(_pid, LOCKFILE(_pid))  /* gate.missing is not up to date; or TryAcquire */
		:: on && (!hasNoTurn(_pid) || gatePath != 0)
#endif
		fi;
		if
		:: got -> goto hold
		:: else
		fi;

		/* takeTurn */
#if SAME > 1
		atomic { on ->
			users[P(_pid)]++;
			if
			:: turn[P(_pid)] == 0 -> turn[P(_pid)] = _pid + 1
			:: turn[P(_pid)] != 0 -> queue!_pid
			fi
		};
		if
		:: atomic { on && turn[P(_pid)] == _pid + 1 && !ended[_pid] }
		:: atomic { on && turn[P(_pid)] == _pid + 1 && ended[_pid] ->
#ifndef BUG_TURN_LOST
			passTurn(_pid);
#endif
			users[P(_pid)]-- }; goto busy
		:: atomic { on && turn[P(_pid)] != _pid + 1 && ended[_pid] -> queue??eval(_pid); users[P(_pid)]-- }; goto busy
		fi;
#endif

		/* passGate */
#ifndef NOGATE
		atomic { on ->
			atGate[_pid] = 1;
			if
			:: ignored(_pid) ->
				if
				:: distrusted[P(_pid)] = 0 /* it has ignored the gate for long enough */
				:: skip
				fi
			:: else -> distrusted[P(_pid)] = 0
			fi;
			stuck = (distrusted[P(_pid)] != 0)
		};
		if
		:: stuck -> /* gate.pass tries, but does not wait for a stopped holder: errStuck */
			try(_pid, GATEFILE(_pid))
		:: else -> waitFor(_pid, GATEFILE(_pid), (ended[_pid] || past[_pid]))
		fi;
		/* stop waits for a check that is going on */
		atomic {
#ifdef BUG_STOP_WAITS_NOT
			on ->
#else
			on && !checking[_pid] ->
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
			:: !got && !gate && !stuck -> sweepLater[_pid] = 1; goto giveUp
			:: !got && !gate && stuck
			fi;
			gate = 0; stuck = 0
		};
		if
		:: atomic { on && got && ended[_pid] -> got = 0;
#ifndef BUG_PAST_KEPT
			dropLock(_pid)
#endif
		   }; goto giveUp
		:: on && got && !ended[_pid]
		:: !got ->
#ifdef BUG_GATE_LEFT_EARLY
			atomic { on -> leaveGate(_pid) };
#endif
			waitFor(_pid, LOCKFILE(_pid), (ended[_pid]))
		fi;
		atomic { on ->
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
		atomic { on -> passTurn(_pid); users[P(_pid)]-- };
#endif
		if
		:: got -> goto hold
		:: else
		fi;

busy:		/* errBusy: at a deadline, one last try */
#ifndef BUG_NO_LAST_TRY
		if
		:: ended[_pid] == 2 -> try(_pid, LOCKFILE(_pid))
		:: else
		fi;
		if
		:: got -> goto hold
		:: else
		fi;
#endif
		atomic { on -> /* a wait that was given up leaves nothing */
			assert(!wasFree[_pid]);
			assert(file[LOCK(_pid)] == 0 && file[GATE(_pid)] == 0);
			waits[_pid] = 0; ended[_pid] = 0
		};
		goto next;

hold:		atomic { on -> got = 0; waits[_pid] = 0; ended[_pid] = 0; wasFree[_pid] = 0; assert(locked[LOCK(_pid)]) };
		/* Release: unlock, then close */
#ifdef MERGED
		atomic { on -> dropLock(_pid) };
#else
		atomic { on -> uncountHold(_pid); unlockFile(LOCK(_pid)) };
		atomic { on -> closeFile(LOCK(_pid)) };
#endif
next:		skip
	:: atomic { on && n == ROUNDS -> n = 0; finished[_pid] = 1; break }
	od } UNLESS_KILLED(at = 0; k = 0; at_ = LOOK; got = 0; gate = 0; stuck = 0; n = 0)
}

/* The check of passGate, once a second: if no process holds the lock, take it past the
   gate. It runs in a goroutine of its own. */
#if !defined(LOOP) && !defined(NOGATE)
active [G] proctype Check() {
	byte at, k, at_;
	bit got;
#define me (_pid - G)
#ifndef BUG_NO_PASSING
	{ do
#ifdef MERGED
	:: atomic { on && atGate[me] && !past[me] && (lockPath == 0 || free(lockPath)) -> checking[me] = 1; try(me, LOCKFILE(me)) };
#else
	:: atomic { on && atGate[me] && !past[me] && (lockPath == 0 || free(lockPath)) -> checking[me] = 1 };
#endif
#if READERS > 0
	   if
	   :: shared(me) -> /* mayBeFree: with the lock for writing, for a moment */
		atomic { on -> if :: lockPath != 0 && free(lockPath) -> openFile(LOCK(me), lockPath); lockFile(LOCK(me), 0) :: else fi };
		atomic { on -> closeFile(LOCK(me)) }
	   :: else
	   fi;
#endif
#ifndef MERGED
	   try(me, LOCKFILE(me));
#endif
	   atomic { on -> past[me] = got; got = 0; checking[me] = 0 }
	:: finished[me] -> break
	od } UNLESS_KILLED(at = 0; k = 0; at_ = LOOK; got = 0)
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

/* The gate is waited for or held, and not only by a process that sweeps. */
#define usedGate (waiters[gatePath] > 0 || (writer[gatePath] > 0 && (writer[gatePath] - 1) % 4 != 3))

/* sweepLeft and sweep: in Release, or some time later. */
#if !defined(LOOP) && !defined(NOGATE)
active [G] proctype Sweeper() {
	byte k;
	bit waited;
#define me (_pid % G)
	{ do
	:: atomic { on && sweepNow[me] -> sweepNow[me] = 0;       /* left.Swap */
		file[SWEEP(me)] = file[LEFT(me)]; shows[SWEEP(me)] = shows[LEFT(me)];
		file[LEFT(me)] = 0; shows[LEFT(me)] = 0
#ifndef MERGED
	   };
	   atomic { on ->
#else
		;
#endif
#ifdef BUG_HIDE_AFTER
		waited = waiters[file[SWEEP(me)]] > shows[SWEEP(me)]
#else
		hide(SWEEP(me))
#endif
	   };
#if !defined(MERGED) && !defined(BUG_HIDE_AFTER)
	   atomic { on -> waited = waiters[file[SWEEP(me)]] > 0 };
#endif
	   atomic { on ->
#if defined(MERGED) && !defined(BUG_HIDE_AFTER)
		waited = waiters[file[SWEEP(me)]] > 0;
#endif
		closeFile(SWEEP(me));
		if
		:: !waited -> sweepLater[me] = 1
		:: else
		fi;
		waited = 0
	   }
	:: atomic { on && sweepLater[me] && gatePath == 0 -> sweepLater[me] = 0 }
	   /* sweepAgain gives up after some time: the process that uses the gate removes it later */
	:: atomic { on && sweepLater[me] && gatePath != 0 && usedGate -> sweepLater[me] = 0 }
	   /* trySweep */
#ifdef BUG_SWEEP_UNLOCKED
	:: atomic { on && sweepLater[me] && gatePath != 0 && waiters[gatePath] == 0 -> sweepLater[me] = 0; forgetGate() }
#else
	:: atomic { on && sweepLater[me] && gatePath != 0 && free(gatePath) && waiters[gatePath] == 0 ->
		openFile(SWEEP(me), gatePath)
#ifndef MERGED
	   };
	   atomic { on ->
#else
		;
#endif
		if
		:: free(file[SWEEP(me)]) -> lockFile(SWEEP(me), 0)
		:: else
		fi
	   };
	   if
	   :: on && locked[SWEEP(me)] && gatePath == file[SWEEP(me)] && waiters[file[SWEEP(me)]] == 0 -> /* verify, isWaitedFor */
		atomic { on -> sweepLater[me] = 0; forgetGate() }
	   :: on && !(locked[SWEEP(me)] && gatePath == file[SWEEP(me)] && waiters[file[SWEEP(me)]] == 0)
	   fi;
	   atomic { on -> closeFile(SWEEP(me)) }
#endif
	:: atomic { on && finished[me] && !sweepNow[me] && !sweepLater[me] -> break }
	od } UNLESS_KILLED(k = 0; waited = 0)
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

inline any(g) { /* a goroutine: one that was struck before, or the next one */
#ifdef INTERCHANGEABLE
	do
	:: g < struck && g < G - 1 -> g++
	:: break
	od
#else
	do
	:: g < G - 1 -> g++
	:: break
	od
#endif
}

inline mark(g) {
	if
	:: g == struck -> struck++
	:: else
	fi
}

inline kill() { /* the process of g */
	p = P(g);
	up[p] = 1; dead[p] = 1;
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

/* What comes from outside. Each fault may also not come at all. */
active proctype World() {
	byte g, k, p, struck, cancels, replaces, stops, goes, crashes, gates;
	do
#if CANCELS > 0
	:: atomic { cancels < CANCELS -> cancels++; any(g);
		if
		:: waits[g] && !ended[g] -> mark(g);
			if
			:: ended[g] = 1
			:: ended[g] = 2; wasFree[g] = (lockPath == 0 || fits(lockPath, shared(g)))
			fi
		:: true
		fi; g = 0 }
#endif
#if REPLACES > 0
	:: atomic { replaces < REPLACES -> replaces++;
		if
		:: lockPath != 0 -> stepOfUser();
			if
			:: lockPath = 0                                   /* rm */
			:: lockPath = 0; create(lockPath)                 /* mv another one to the path */
			:: away == 0 -> away = lockPath; lockPath = 0     /* mv it away */
			:: away == 0 -> away = lockPath; lockPath = 0; create(lockPath)
			fi
		:: true
		fi }
	:: atomic { away != 0 -> stepOfUser(); lockPath = away; away = 0 } /* mv it back */
#endif
#if GATES > 0
	:: atomic { gates < GATES -> gates++;
		if
		:: gatePath != 0 -> forgetGate()
		:: true
		fi }
#endif
#if STOPS > 0
	:: atomic { stops < STOPS -> stops++; any(g);
		if
		:: up[P(g)] && !dead[P(g)] -> mark(g); up[P(g)] = 0
		:: true
		fi; g = 0 }
	:: atomic { goes < stops -> goes++; any(g);
		if
		:: !up[P(g)] -> up[P(g)] = 1
		:: true
		fi; g = 0 }
#endif
#if CRASHES > 0
	:: atomic { crashes < CRASHES -> crashes++; any(g);
		if
		:: !dead[P(g)] -> mark(g); kill()
		:: true
		fi; g = 0 }
#endif
	:: atomic { cancels == CANCELS && replaces == REPLACES && gates == GATES &&
		    stops == STOPS && goes == STOPS && crashes == CRASHES -> break }
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
			assert(finished[g] || !up[P(g)] || dead[P(g)] || held);
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
