/*
 * A hold that one process hands over to another: File, Adopt, Leave and Release:
 * filelock/adopt.go, hold.go, common.go. docs/model.md maps the steps to functions.
 *
 * A parent holds the lock on an open file H. It may give a child a descriptor of H, and the
 * child adopts the hold. Each of them then leaves or releases the hold, keeps it for ever, or
 * dies at any step. A third process, which has a file of its own, acquires the lock. A child
 * that has not yet called execve(2) has a copy of each descriptor, maybe for ever. A user may
 * replace the lock file.
 *
 *   REPLACES  how often a user replaces the lock file (default 0)
 *
 * -DBUG_... puts a bug in; see docs/model/run.
 */

#ifndef REPLACES
#define REPLACES 0
#endif

#define NOBODY 0
#define H      1           /* the open file that is handed over; on the first file */
#define THIRD  2           /* the open file of the third process */

byte path = 1;             /* the file at the path: a replacement has the next number */
byte lockedBy[REPLACES+2] = NOBODY; /* of each file */

/* The descriptors of H in each process. */
byte parent = 1, child, starting;
bit  handed;               /* hold.inheritable of the parent */
bit  keptForEver;
bit  justClosed;           /* a process has died, or has left the hold to others */
bit  acquired;             /* the third process has had the lock */

/* What must be true. */
bit  parentHolds = 1;      /* it has the hold, and no process has released it */
bit  childHolds;           /* the same; from the time when it has the descriptor */
bit  thirdHolds;           /* the third process holds the lock of the file at the path */
bit  replaced;             /* the holds on H do not exclude any more */
bit  wasLocked;            /* H was locked at some time since Adopt began */

inline check() { assert(!(thirdHolds && !replaced && (parentHolds || childHolds))) }

inline drop() { /* the last descriptor ends the lock */
	if
	:: parent + child + starting == 0 && lockedBy[1] == H -> lockedBy[1] = NOBODY
	:: else
	fi
}

inline unlock() { /* flock(2): for all that have a descriptor */
	if
	:: lockedBy[1] == H -> lockedBy[1] = NOBODY
	:: else
	fi
}

/* hold.release and hold.leave; has is the number of descriptors. */
inline release(has, holds) {
	atomic { parentHolds = 0; childHolds = 0;
#ifndef BUG_RELEASE_ONLY_CLOSES
		unlock()
#endif
	};
	atomic { has = 0; drop() }
}

inline leave(has, holds, inheritable) {
	if
#ifdef BUG_LEAVE_ONLY_CLOSES
	:: atomic { holds = 0; has = 0; drop() }
#elif defined(BUG_LEAVE_UNLOCKS)
	:: atomic { holds = 0; unlock() }; atomic { has = 0; drop() }
#else
	:: inheritable -> atomic { justClosed = 1; holds = 0; has = 0; drop() }
	:: !inheritable -> release(has, holds)
#endif
	fi
}

inline end(has, holds, inheritable) {
	if
	:: keptForEver = 1
	:: release(has, holds)
	:: leave(has, holds, inheritable)
	:: atomic { justClosed = 1; holds = 0; has = 0; drop() } /* it dies */
	fi
}

/* Adopt, with the descriptor that the child was given. */
proctype Child() {
	atomic { wasLocked = (lockedBy[1] == H) };
	/* adopt: a duplicate */
	child++;
	/* mayAdopt: is it the file at the path, and has it the lock? */
	if
#ifndef BUG_ADOPTED_FILE_NOT_CHECKED
	:: path != 1 -> goto fail
	:: path == 1
#else
	:: true
#endif
	fi;
	if
#ifndef BUG_ADOPT_TAKES_THE_LOCK
	:: lockedBy[1] != H -> goto fail
	:: lockedBy[1] == H
#else
	:: true
#endif
	fi;
	/* tryLock: nothing happens if H has the lock */
	if
#ifndef BUG_ADOPT_ONLY_LOOKS
	:: atomic { lockedBy[1] == NOBODY -> lockedBy[1] = H; childHolds = 1; check() }
	:: atomic { lockedBy[1] == H -> childHolds = 1; check() }
	:: lockedBy[1] == THIRD -> goto fail
#else
	:: atomic { childHolds = 1; check() }
#endif
	fi;
	/* verify */
	if
#ifndef BUG_ADOPTED_FILE_NOT_CHECKED
	:: atomic { path != 1 -> child--; drop() }; goto fail
	:: atomic { path == 1 ->
#else
	:: atomic { true ->
#endif
		assert(wasLocked);       /* Adopt takes no lock */
		assert(path == 1)        /* nor adopts another file than the one at the path */
	   }
	fi;
	atomic { child--; drop() };      /* closeAdopted */
	end(child, childHolds, 1);
	goto ended;
fail:	atomic { justClosed = 1; childHolds = 0; child = 0; drop() }; /* the process ends */
ended:	skip
}

proctype Parent() {
	if
	:: atomic { handed = 1; child = 1; childHolds = 1; run Child() } /* File, and the child starts */
	:: skip
	fi;
	end(parent, parentHolds, handed)
}

/* A child before execve(2). Its copies are closed then; or it stays where it is. */
proctype Starting() {
	atomic { starting = (parent > 0) };
	if
	:: skip
	:: atomic { starting = 0; drop() }
	fi
}

proctype Third() {
	byte f;
	do
	:: f = path;
	   if
	   :: atomic { lockedBy[f] == NOBODY -> lockedBy[f] = THIRD };
		if
		:: atomic { path == f -> thirdHolds = 1; check(); break }
		:: atomic { path != f -> lockedBy[f] = NOBODY }
		fi
	   :: path != f -> skip /* isReplaced */
	   fi
	od;
	if
	:: keptForEver = 1
	:: atomic { thirdHolds = 0; lockedBy[f] = NOBODY }
	fi;
	acquired = 1
}

proctype User() {
	byte n;
	do
	:: atomic { n < REPLACES -> n++; path++; replaced = 1; thirdHolds = 0 }
	:: break
	od
}

/* When nothing can happen any more. The third process waits only for a process that keeps
   the hold for ever; or for one that has not called execve(2), if the others did not unlock. */
proctype Monitor() {
	timeout;
	assert(acquired || keptForEver || starting && justClosed)
}

init {
	atomic {
		lockedBy[1] = H;
		run Parent(); run Starting(); run Third(); run User(); run Monitor()
	}
}
