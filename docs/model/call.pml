/*
 * The call of flock(2) that can be called back: internal/flockwait/call_linux.go.
 *
 * A thread calls Lock on descriptor N, which is an open file A. Another process holds
 * the lock of the file, and may release it or keep it. Two goroutines may call Back: the
 * end of the context, and the check once a second. A child process may have a copy of
 * each descriptor, because it has not called execve(2). Another goroutine opens a file as
 * soon as number N is free, and gets the number.
 *
 * docs/model.md maps the steps to functions. -DBUG_... puts a bug in; see docs/model/run.
 */

/* What number N is in the descriptor table of the process. */
#define CLOSED  0
#define A       1  /* the open file to lock */
#define NOWHERE 2  /* the file that flock(2) refuses */
#define OTHER   3  /* a file of another goroutine */

#define NOBODY  0  /* values of lockedBy: A, or: */
#define HOLDER  2  /* the open file of another process */

byte number = A;          /* descriptor N */
byte refs = 1;            /* descriptors of open file A, in all processes, and system calls on it */
byte lockedBy = HOLDER;

/* The Call. */
bit mu;
bit thread;               /* a thread is in Lock */
byte why;                 /* 1: ctx ended, 2: the file was replaced, 3: the call is over */
bit file;                 /* Back has made a second descriptor of A */

bit signalled;            /* a signal is pending for the thread */
bit owed;                 /* the call is in unanswered */
byte again;               /* how often backAgain has sent the signal */
bit lost;                 /* a signal was lost */
bit closed;               /* block has closed N: another file may get the number */

bit child;                /* the child has a copy of N, when it was A */
bit childFile;            /* and of the second descriptor */

byte result;              /* of Lock: 1: granted, 2: called back */
bit back;                 /* a Back is complete */

inline drop() { /* one reference less: the last one ends the lock */
	refs--;
	if
	:: refs == 0 && lockedBy == A -> lockedBy = NOBODY
	:: else
	fi
}

inline closeNumber() {
	atomic {
		if
		:: number == A -> drop()
		:: else
		fi;
		number = CLOSED;
		closed = 1
	}
}

inline lockMutex()   { atomic { mu == 0 -> mu = 1 } }
inline unlockMutex() { mu = 0 }

proctype Waiter() {
	bit err, over, entered;
	/* begin */
#ifdef BUG_BEGIN_ANYWAY
	atomic { mu == 0 -> thread = 1 }
#else
	atomic { mu == 0 ->
		if
		:: why == 0 -> thread = 1
		:: else -> over = 1
		fi
	};
#endif
	if
	:: over -> result = 2; goto closing
	:: else
	fi;
	do /* flock(2); a round is a start of the call by the kernel */
	:: atomic { /* look the number up; in user mode the handler has taken the signal */
		signalled = 0;
		assert(number != OTHER);
		if
		:: number == A -> refs++; entered = 1
		:: else -> err = 1; break /* EBADF */
		fi
	   };
	   if /* blocked */
	   :: atomic { lockedBy == NOBODY -> lockedBy = A; drop(); break }
	   :: atomic { signalled -> drop(); entered = 0 } /* SA_RESTART */
	   fi
	od;
#ifdef BUG_CLOSE_BEFORE_END
	closeNumber();
#endif
	/* end */
	atomic { mu == 0 -> mu = 1; thread = 0 };
	if
	:: why == 0 -> why = 3; result = (err -> 2 : 1)
	:: else ->
		owed = 0;
#ifndef BUG_END_KEEPS_LOCK
		atomic { if :: file && !err && lockedBy == A -> lockedBy = NOBODY :: else fi };
#endif
		atomic { if :: file -> file = 0; drop() :: else fi };
		result = 2
	fi;
	unlockMutex();
closing:
	if
	:: result == 2 -> /* block closes the file, and the hold is given up */
#ifndef BUG_CLOSE_BEFORE_END
		closeNumber();
#endif
		assert(lockedBy != A)
	:: else -> assert(lockedBy == A && number == A)
	fi
}

inline replace() {
#ifndef BUG_NO_REPLACE
	atomic {
		assert(number != OTHER); /* the number does not belong to the call any more */
		if
		:: number == A ->
			if
			:: number = NOWHERE
			:: number = CLOSED /* beyond RLIMIT_NOFILE; no other file gets the number */
			fi;
			drop()
		:: else
		fi
	}
#else
	skip
#endif
}

inline interrupt() {
	atomic {
		if
		:: signalled = 1
#ifdef LOSE
		:: !lost -> lost = 1
#endif
		fi;
		owed = 1
	}
}

proctype Back(byte reason) {
	if
	:: skip /* it is not called */
	:: true ->
		lockMutex();
		if
		:: why != 0 -> unlockMutex()
		:: else ->
			why = reason;
			if
			:: !thread
			:: else ->
#ifdef BUG_NO_MUTEX
				unlockMutex();
#endif
#ifndef BUG_NO_SECOND_DESCRIPTOR
				atomic { file = 1; refs++ };
#endif
#ifdef BUG_SIGNAL_FIRST
				interrupt(); replace();
#else
				replace(); interrupt();
#endif
				atomic { if :: file && lockedBy == A -> lockedBy = NOBODY :: else fi }
			fi;
			unlockMutex()
		fi;
		back = 1
	fi
}

/* unanswered: a call that is not over after a tenth of a second gets another signal.
   Twice is enough here, because one signal at most is lost. */
proctype Again() {
	do
#ifndef BUG_NO_AGAIN
	:: atomic { mu == 0 && owed && thread && !signalled && again < 2 -> signalled = 1; again++ }
#endif
	:: atomic { result != 0 -> break }
	od
}

/* A child has copies of all descriptors from fork(2) until execve(2). It may never get
   there: it may be stopped. */
proctype Child() {
	atomic {
		if
		:: number == A -> child = 1; refs++
		:: else
		fi;
		if
		:: file -> childFile = 1; refs++
		:: else
		fi
	};
	if
	:: skip
	:: true -> atomic {
		if :: child -> child = 0; drop() :: else fi;
		if :: childFile -> childFile = 0; drop() :: else fi
	}
	fi
}

proctype Holder() {
	if
	:: skip /* it keeps the lock */
	:: lockedBy = NOBODY
	fi
}

/* Another goroutine opens a file, and gets the number if it is free. If replace has closed
   N, no file gets the number, because it is beyond the limit. */
proctype Opener() {
	atomic { closed -> number = OTHER }
}

/* When nothing can happen any more. */
proctype Monitor() {
	timeout;
	assert(!back || result != 0);                         /* called back: Lock has returned */
	assert(lockedBy != NOBODY || result != 0);            /* the lock is free: Lock has returned */
	assert(result != 2 || lockedBy != A);                 /* given up: nothing is held */
	assert(result != 1 || lockedBy == A && number == A);  /* granted: it is held, and stays so */
	assert(result == 0 || !file)                          /* no descriptor is left */
}

init {
	atomic {
		run Waiter(); run Back(1); run Back(2); run Again(); run Child();
		run Holder(); run Opener(); run Monitor()
	}
}
