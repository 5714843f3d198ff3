/*
 * Acquire of a semaphore: the race for the slots, and Resize: filelock/race.go, request.go,
 * common.go, semaphore.go, resize.go. docs/model.md maps the steps to functions.
 *
 * Other processes hold the slots, and may release each of them, or keep it for ever. In each
 * of W processes, a goroutine acquires a slot, and may keep it for ever too. For each slot
 * it starts a runner that blocks in flock(2). There is no gate here, so several processes
 * race at once; lock.pml has the gate. A slot is a lock file; the steps between
 * its open and the check of its path are those of lock.pml, and of call.pml.
 *
 * The size is set with -D:
 *   W         processes (default 2)
 *   SLOTS     the number of slots at the start (default 2)
 *   HELD      how many of them are held at the start (default: all)
 *   MOST      the largest number of slots (default 2)
 *   RESIZES   how often the number of slots changes, to any number up to MOST; the process
 *             that changes it may die at each step (default 0)
 *   CANCELS, CRASHES, REMOVES: how often a context ends, a process is killed, a user
 *             removes a slot (default 0)
 *   POLLED    only one slot has a runner, and the other one is polled; only with MOST=2
 *
 * -DBUG_... puts a bug in; see docs/model/run.
 */

#ifndef W
#define W 2
#endif
#ifndef SLOTS
#define SLOTS 2
#endif
#ifndef HELD
#define HELD SLOTS
#endif
#ifndef MOST
#define MOST 2
#endif
#ifndef RESIZES
#define RESIZES 0
#endif
#ifndef CANCELS
#define CANCELS 0
#endif
#ifndef CRASHES
#define CRASHES 0
#endif
#ifndef REMOVES
#define REMOVES 0
#endif

/* Open files: the slot that the goroutine tries or holds, and one for each runner; then
   the slots that Resize has locked, and those that other processes hold. Slots count from 1. */
#define MINE(p)   ((p)*(MOST+1))
#define RUN(p, s) ((p)*(MOST+1) + (s))
#define RESIZER   W
#define OTHER     (W+1)
#define OPENS     ((W+2)*(MOST+1))
byte file[OPENS];          /* 0 = closed */
bit  locked[OPENS];
byte slotOf[W];            /* the slot of MINE(p) */

/* Files. A number is used again when the file has no name and is not open. */
#define FILES (OPENS + MOST)
byte path[MOST+1];         /* the file of each slot; 0 = none */
byte refs[FILES+1];
byte writer[FILES+1];      /* the open file with the lock, + 1 */
byte number = SLOTS;       /* the content of the file slots */

/* The race of a process. */
byte runs[W];              /* runners that have not ended */
bit  over[W];
byte won[W];               /* the channel: a slot; 0 = empty */
bit  starts[OPENS];        /* the runner starts */
bit  blocked[OPENS];       /* race.blocked */
bit  back[OPENS];          /* the call was called back by race.end */
bit  changed[W];           /* the check of lockSlot has seen another number */
byte known[W];             /* the number of slots in the request */
bit  waits[W];             /* in lockSlot: the check is registered */

/* Goroutines. */
byte ended[W];             /* the ctx: 1 = cancelled, 2 = its deadline has passed */
bit  acquires[W], finished[W], dead[W];
bit  keeps[W];             /* it holds its slot for ever */

/* What must be true. */
bit  counts[W], othersCount[MOST+1]; /* the hold counts: no user has removed the slot */
byte holders;
byte wasFree[W];           /* the slots that were free at the deadline, and have been since */

#define free(f)   (writer[f] == 0)
#define bit_(s)   (1 << (s))
#define on        !dead[me]

inline lockFile(o, s) {
	writer[file[o]] = (o) + 1; locked[o] = 1;
	k = 0;
	do
	:: k < W -> wasFree[k] = wasFree[k] & (255 - bit_(s)); k++
	:: else -> k = 0; break
	od
}

inline unlockFile(o) {
	if
	:: locked[o] -> locked[o] = 0; writer[file[o]] = 0
	:: else
	fi
}

inline closeFile(o) {
	unlockFile(o);
	if
	:: file[o] != 0 -> refs[file[o]]--; file[o] = 0
	:: else
	fi
}

inline named(f) { /* j = 1 if the file has a name */
	i = 1; j = 0;
	do
	:: i <= MOST -> j = j || path[i] == f; i++
	:: else -> i = 0; break
	od
}

inline createSlot(s) {
	k = 1;
	do
	:: refs[k] != 0 -> k++
	:: refs[k] == 0 -> named(k); if :: j -> k++ :: else -> break fi
	od;
	path[s] = k; j = 0; k = 0
}

inline openSlot(o, s) { /* mayOpen and openAndLock: the slot is created if it is missing */
	if
	:: path[s] == 0 -> createSlot(s)
	:: else
	fi;
	file[o] = path[s]; refs[path[s]]++
}

inline countHold() {
	counts[me] = 1; holders++;
	assert(holders <= number)
}

inline uncount(p) {
	if
	:: counts[p] -> counts[p] = 0; holders--
	:: else
	fi
}

/* request.try: each slot once, beginning with any of them. got = 1 if one is locked. */
inline try(n) {
	atomic { on -> /* rand */
		s = 1;
		do
		:: s < n -> s++
		:: break
		od;
		c = n
	};
	do
	:: atomic { on && c > 0 && file[MINE(me)] == 0 ->
		openSlot(MINE(me), s);
		if
		:: free(file[MINE(me)]) -> lockFile(MINE(me), s)
		:: else -> closeFile(MINE(me)); c--; s = (s == n -> 1 : s + 1)
		fi }
	:: atomic { on && file[MINE(me)] != 0 -> /* verify */
		if
		:: path[s] == file[MINE(me)] -> got = 1; slotOf[me] = s; break
		:: else -> closeFile(MINE(me)) /* errReplaced: again */
		fi }
	:: atomic { on && c == 0 && file[MINE(me)] == 0 -> break }
	od;
	atomic { c = 0; s = 0 }
}

/* race.end: first = 1 if it is the first one. The calls of the others are called back. */
inline end(p) {
	first = !over[p];
#ifdef BUG_MANY_WINNERS
	first = 1;
#endif
	over[p] = 1;
#ifndef BUG_NOT_CALLED_BACK
	if
	:: first ->
		k = 1;
		do
		:: k <= MOST ->
			if
			:: blocked[RUN(p, k)] && !back[RUN(p, k)] -> back[RUN(p, k)] = 1; unlockFile(RUN(p, k))
			:: else
			fi;
			k++
		:: else -> k = 0; break
		od
	:: else
	fi
#endif
}

/* The goroutine of one slot: lockFile.lock under race.supervise. */
proctype Runner(byte me; byte s) {
	byte i, j, k;
	bit got, first;
#define r RUN(me, s)
	{ do
	:: atomic { on && starts[r] -> starts[r] = 0 };
	   do
	   :: atomic { on && over[me] -> break }                  /* ctx.Err() != nil */
	   :: atomic { on && !over[me] -> openSlot(r, s) };
	      atomic { on ->                                       /* supervise */
		blocked[r] = 1;
#ifndef BUG_BLOCKS_AFTER_THE_END
		back[r] = over[me]
#endif
	      };
	      if
	      :: atomic { on && !back[r] && free(file[r]) -> lockFile(r, s) };
		 atomic { on -> blocked[r] = 0;                    /* stop */
			if
			:: !back[r] && path[s] == file[r] -> got = 1; break /* verify */
			:: else -> closeFile(r); back[r] = 0
			fi }
	      :: atomic { on && back[r] -> back[r] = 0; blocked[r] = 0; closeFile(r) }
#ifndef BUG_NO_RECHECK
	      :: atomic { on && !back[r] && path[s] != file[r] -> blocked[r] = 0; closeFile(r) } /* race.check */
#endif
	      fi
	   od;
	   if
	   :: atomic { on && got -> end(me);
		if
		:: first -> won[me] = s
#ifdef BUG_LOSER_KEEPS
		:: else
#else
		:: else -> closeFile(r)
#endif
		fi; got = 0; first = 0; runs[me]-- }
	   :: atomic { on && !got -> runs[me]-- }
	   fi
	:: atomic { finished[me] && runs[me] == 0 && !starts[r] -> break }
	od } unless { atomic { dead[me] -> got = 0; first = 0; i = 0; j = 0; k = 0 } }
#undef r
}

inline takeWon() { /* the waiter gets the file of the runner */
	k = RUN(me, won[me]);
	file[MINE(me)] = file[k]; locked[MINE(me)] = 1; writer[file[k]] = MINE(me) + 1;
	file[k] = 0; locked[k] = 0;
	slotOf[me] = won[me]; won[me] = 0; k = 0
}

/* The check of lockSlot, once a second. */
proctype Check(byte me) {
	do
#ifndef BUG_OLD_SLOTS
	:: atomic { waits[me] && !changed[me] && known[me] != number -> changed[me] = 1 }
#endif
	:: atomic { finished[me] || dead[me] -> break }
	od
}

proctype Goroutine(byte me) {
	byte i, j, k, s, c;
	bit got, first;
	{ atomic { on -> acquires[me] = 1 };
take:	atomic { on -> known[me] = number };                      /* requestNow */
	try(known[me]);
	if
	:: got -> goto keep
	:: else
	fi;
again:	/* lockSlot */
	atomic { on && runs[me] == 0 ->                            /* a race of this process at a time */
#ifndef BUG_OLD_SLOTS
		known[me] = number;
#endif
		waits[me] = 1; changed[me] = 0
	};
	/* lockAny */
	try(known[me]);
	if
	:: got -> atomic { on -> waits[me] = 0 }; goto keep
	:: else
	fi;
	atomic { on ->                                             /* race.start */
		over[me] = 0;
#ifdef POLLED
		if
		:: s = 1
		:: known[me] == 2 -> s = 2
		fi;
		runs[me] = 1; starts[RUN(me, s)] = 1;
		c = (known[me] == 2 -> 3 - s : 0); s = 0
#else
		runs[me] = known[me];
		k = 1;
		do
		:: k <= known[me] -> starts[RUN(me, k)] = 1; k++
		:: else -> k = 0; break
		od
#endif
	};
asleep:	if
#ifdef POLLED
	:: atomic { on && c != 0 && (path[c] == 0 || free(path[c])) -> openSlot(MINE(me), c); lockFile(MINE(me), c) };
	   if
	   :: atomic { on && path[c] != file[MINE(me)] -> closeFile(MINE(me)) }; goto asleep
	   :: atomic { on && path[c] == file[MINE(me)] -> end(me) }; /* finish */
	      if
	      :: atomic { on && first -> slotOf[me] = c }
#ifdef BUG_POLLED_SLOT_KEPT
	      :: atomic { on && !first && won[me] != 0 -> slotOf[me] = won[me]; won[me] = 0 }
#else
	      :: atomic { on && !first -> closeFile(MINE(me)) }; atomic { on && won[me] != 0 -> takeWon() }
#endif
	      fi;
	      atomic { on -> first = 0; c = 0; waits[me] = 0; got = 1 }; goto keep
	   fi
#endif
	:: atomic { on && won[me] != 0 -> takeWon(); waits[me] = 0; got = 1; c = 0 }; goto keep
	:: atomic { on && (ended[me] || changed[me]) -> c = 0; end(me) }; /* giveUp */
	   if
	   :: first
	   :: !first -> atomic { on && won[me] != 0 -> takeWon() }
#ifndef BUG_GIVEN_UP_WITH_A_SLOT
		; atomic { on -> closeFile(MINE(me)) }
#endif
	   fi;
#ifndef BUG_GIVE_UP_WAITS_NOT
	   atomic { on && runs[me] == 0 -> first = 0 };
#endif
	fi;
	if
	:: atomic { on && changed[me] && !ended[me] -> waits[me] = 0 }; goto again
	:: atomic { on && ended[me] -> waits[me] = 0 }
	fi;
	/* errBusy: at a deadline, one last try, with the slots that there are now */
	if
	:: ended[me] == 2 ->
#ifndef BUG_LAST_TRY_OF_OLD_SLOTS
		atomic { on -> known[me] = number };
#endif
		try(known[me])
	:: else
	fi;
	if
	:: got -> goto keep
	:: else
	fi;
	atomic { on -> /* a wait that was given up leaves nothing */
		assert((wasFree[me] & (bit_(number + 1) - 2)) == 0);
		k = 0;
		do
		:: k <= MOST -> assert(file[RUN(me, k)] == 0); k++
		:: else -> k = 0; break
		od;
		acquires[me] = 0
	};
	goto done;

keep:	/* verifySlot */
#ifndef BUG_SLOT_NOT_CHECKED
	if
	:: atomic { on && slotOf[me] > number -> closeFile(MINE(me)); slotOf[me] = 0; got = 0 }; goto take
	:: atomic { on && slotOf[me] <= number -> countHold() }
	fi;
#else
	atomic { on -> countHold() };
#endif
	atomic { on -> acquires[me] = 0; got = 0; ended[me] = 0; wasFree[me] = 0 };
	if
	:: atomic { on -> uncount(me); closeFile(MINE(me)); slotOf[me] = 0 }
	:: keeps[me] = 1
	fi;
done:	atomic { on -> finished[me] = 1; known[me] = 0 }
	} unless { atomic { dead[me] -> i = 0; j = 0; k = 0; s = 0; c = 0; got = 0; first = 0 } }
}

inline releaseSlots() {
	k = 1;
	do
	:: k <= MOST -> closeFile(RUN(RESIZER, k)); k++
	:: else -> k = 0; break
	od
}

/* Resize; resize.lock lets one process at a time do it. */
proctype Resize() {
	byte i, j, k, n, to, s;
	byte times;
	do
	:: atomic { times < RESIZES -> times++; n = number; to = 1;
		do
		:: to < MOST -> to++
		:: break
		od };
	   if
	   :: to > n -> /* grow */
		s = n;
		do
		:: atomic { s < to -> s++; if :: path[s] == 0 -> createSlot(s) :: else fi }
		:: s < to -> goto ended_ /* it dies */
		:: atomic { s == to -> number = to; break }
		od
	   :: to < n -> /* shrink */
		s = n;
#ifdef BUG_SLOTS_REMOVED_FIRST
		do
		:: atomic { s > to -> path[s] = 0; s-- }
		:: atomic { s == to -> s = n; break }
		od;
#endif
#ifndef BUG_SHRINK_UNLOCKED
		do
		:: atomic { s > to && file[RUN(RESIZER, s)] == 0 -> openSlot(RUN(RESIZER, s), s);
			if
			:: free(file[RUN(RESIZER, s)]) -> lockFile(RUN(RESIZER, s), s)
			:: else -> goto ended_ /* a LockedError */
			fi }
		:: atomic { s > to && file[RUN(RESIZER, s)] != 0 -> /* verify */
			if
			:: path[s] == file[RUN(RESIZER, s)] -> s--
			:: else -> closeFile(RUN(RESIZER, s))
			fi }
		:: s == to -> break
		od;
#endif
		if
		:: atomic { number = to; assert(holders <= number) } /* rename */
		:: goto ended_ /* it dies */
		fi;
#ifndef BUG_SLOTS_REMOVED_FIRST
		s = n;
		do
		:: atomic { s > to -> path[s] = 0; s-- }
		:: s > to -> goto ended_ /* it dies */
		:: s == to -> break
		od
#endif
	   :: to == n
	   fi;
ended_:	   atomic { releaseSlots(); s = 0; n = 0; to = 0 }
	:: times == RESIZES -> break
	od
}

/* A hold of another process. */
proctype Holder(byte s) {
	byte i, j, k;
	if
	:: skip /* for ever */
	:: atomic { closeFile(RUN(OTHER, s)); if :: othersCount[s] -> othersCount[s] = 0; holders-- :: else fi }
	fi
}

inline kill(p) {
	dead[p] = 1;
	uncount(p);
	k = 0;
	do
	:: k <= MOST ->
		closeFile(RUN(p, k)); starts[RUN(p, k)] = 0; blocked[RUN(p, k)] = 0; back[RUN(p, k)] = 0; k++
	:: else -> k = 0; break
	od;
	runs[p] = 0; over[p] = 0; won[p] = 0; changed[p] = 0; known[p] = 0; waits[p] = 0;
	ended[p] = 0; acquires[p] = 0; wasFree[p] = 0; slotOf[p] = 0; keeps[p] = 0
}

inline any(p) { /* processes are interchangeable: see lock.pml */
	do
	:: p < struck && p < W - 1 -> p++
	:: break
	od
}

inline mark(p) {
	if
	:: p == struck -> struck++
	:: else
	fi
}

/* What comes from outside. Each fault may also not come at all. */
proctype World() {
	byte p, k, s, struck, cancels, crashes, removes;
	do
	:: atomic { cancels < CANCELS -> cancels++; any(p);
		if
		:: acquires[p] && !ended[p] -> mark(p);
			if
			:: ended[p] = 1
			:: ended[p] = 2;
				s = 1;
				do
				:: s <= number ->
					if
					:: path[s] == 0 || free(path[s]) -> wasFree[p] = wasFree[p] | bit_(s)
					:: else
					fi;
					s++
				:: else -> s = 0; break
				od
			fi
		:: true
		fi; p = 0 }
	:: atomic { crashes < CRASHES -> crashes++; any(p);
		if
		:: !dead[p] -> mark(p); kill(p)
		:: true
		fi; p = 0 }
	:: atomic { removes < REMOVES -> removes++;
		s = 1;
		do
		:: s < MOST -> s++
		:: break
		od;
		if
		:: path[s] != 0 -> path[s] = 0; /* no hold counts any more */
			k = 0;
			do
			:: k < W -> uncount(k); wasFree[k] = 0; k++
			:: else -> k = 0; break
			od;
			do
			:: k <= MOST -> if :: othersCount[k] -> othersCount[k] = 0; holders-- :: else fi; k++
			:: else -> k = 0; break
			od
		:: true
		fi; s = 0 }
	:: atomic { cancels == CANCELS && crashes == CRASHES && removes == REMOVES -> break }
	od
}

/* When nothing can happen any more: a goroutine waits only if all slots are held for ever.
   No runner is left, and no slot is locked but by a hold. */
proctype Monitor() {
	byte p, s;
	timeout;
	d_step {
		do
		:: p < W ->
			s = 1;
			do
			:: !finished[p] && !dead[p] && s <= number ->
				assert(path[s] != 0 && !free(path[s]));
				assert(writer[path[s]] > OTHER*(MOST+1) || keeps[(writer[path[s]] - 1) / (MOST+1)]); s++
			:: else -> break
			od;
			s = 1;
			do
			:: (finished[p] || dead[p]) && s <= MOST ->
				assert(file[RUN(p, s)] == 0 && (file[MINE(p)] == 0 || keeps[p])); s++
			:: else -> break
			od;
			p++
		:: else -> break
		od
	}
}

init {
	byte p, s, i, j, k;
	atomic {
		s = 1;
		do
		:: s <= SLOTS ->
			createSlot(s);
			if
			:: s <= HELD -> openSlot(RUN(OTHER, s), s); lockFile(RUN(OTHER, s), s);
				othersCount[s] = 1; holders++; run Holder(s)
			:: else
			fi;
			s++
		:: else -> break
		od;
		do
		:: p < W -> run Goroutine(p); run Check(p);
			s = 1;
			do
			:: s <= MOST -> run Runner(p, s); s++
			:: else -> break
			od;
			p++
		:: else -> p = 0; s = 0; break
		od;
		if :: RESIZES > 0 -> run Resize() :: else fi;
		run World(); run Monitor()
	}
}
