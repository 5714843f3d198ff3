/*
 * WaitAll of events with AutoReset, which takes all of them or none: fileevent/many.go.
 * docs/model.md maps the steps to functions.
 *
 * ALL processes call WaitAll with the events 1 and 2. SINGLE processes wait for one event
 * each, with AutoReset, for event 2 first. Others set each event, once or more often, and may
 * clear event 1. The watcher, shared looks and versions are in event.pml; here a change is
 * reported at once, because a late report is a slow waiter.
 *
 *   ALL, SINGLE, SETS, CLEARS  how many (default 2, 1, 1, 0)
 *   ENDS     the context of a WaitAll may end
 *   ONE      both paths of WaitAll lead to one marker
 *
 * -DBUG_... puts a bug in; see docs/model/run.
 */

#ifndef ALL
#define ALL 2
#endif
#ifndef SINGLE
#define SINGLE 1
#endif
#ifndef SETS
#define SETS 1
#endif
#ifndef CLEARS
#define CLEARS 0
#endif

#define WAITERS (ALL + SINGLE)
bit  marker[3];            /* it exists */
bit  notified[3*WAITERS];  /* the queue of each waiter: the events that may have changed */
#define queue(w, e) notified[3*(w) + (e)]
bit  subscribed[WAITERS];
bit  sleeps[WAITERS], met[3*WAITERS];
#define isMet(w, e) met[3*(w) + (e)]

/* What must be true. */
byte sets[3], taken[3], cleared[3];
bit  has[3*WAITERS];       /* the process has taken the event, and not put it back */
#define hasTaken(w, e) has[3*(w) + (e)]

#ifdef ONE
#define at(e) 1
#else
#define at(e) (e)
#endif

inline report(e) {
	k = 0;
	do
	:: k < WAITERS ->
		queue(k, e) = queue(k, e) || subscribed[k];
#ifdef ONE
		queue(k, 2) = queue(k, 2) || (subscribed[k] && k < ALL);
#endif
		k++
	:: else -> k = 0; break
	od
}

inline setAgain(e) { /* Set, also of an event that is set */
	marker[at(e)] = 1; report(at(e))
}

proctype Set(byte e) {
	byte k;
	atomic { sets[e]++; setAgain(e) }
}

proctype Clear() {
	byte k;
	if
	:: atomic { marker[1] -> marker[1] = 0; cleared[1]++; report(1) }
	:: skip
	fi
}

/* event.take, for i; got = 1 if this call took it. */
inline take(i) {
	atomic {
		got = marker[at(i)];
		if
		:: got -> marker[at(i)] = 0; hasTaken(me, i) = 1; report(at(i))
		:: else
		fi
	}
}

inline putBack(i) {
	atomic {
		if
		:: hasTaken(me, i) -> hasTaken(me, i) = 0; setAgain(i)
		:: else
		fi
	}
}

#ifdef BUG_TAKES_IN_ANY_ORDER
#define first_(me)  (1 + (me) % 2)
#else
#define first_(me)  1
#endif
#define second_(me) (3 - first_(me))

/* waitForAll.step: over = 1 if all are taken. changed has the bits of the events to check. */
inline step() {
	i = 1;
	do
	:: atomic { i <= 2 && (changed & (1 << i)) -> isMet(me, i) = marker[at(i)]; i++ }
	:: atomic { i <= 2 && !(changed & (1 << i)) -> i++ }
	:: atomic { i > 2 -> i = 0; changed = 0; break }
	od;
#ifdef BUG_TAKES_TOO_EARLY
	do
	:: isMet(me, 1) && !hasTaken(me, 1) -> take(1); isMet(me, 1) = got; got = 0
	:: isMet(me, 2) && !hasTaken(me, 2) -> take(2); isMet(me, 2) = got; got = 0
	:: else -> break
	od;
	over = hasTaken(me, 1) && hasTaken(me, 2);
#else
	if
	:: isMet(me, 1) && isMet(me, 2) ->
		take(first_(me));
		if
		:: !got ->
			isMet(me, first_(me)) = 0
#if defined(ONE) && !defined(BUG_ONE_BY_TWO_PATHS)
		:: got -> got = 0; over = 1 /* distinctTakes */
#else
		:: got ->
			take(second_(me));
			if
			:: got -> got = 0; over = 1
			:: !got ->
				isMet(me, second_(me)) = 0;
#ifndef BUG_NOT_PUT_BACK
				putBack(first_(me))
#endif
			fi
#endif
		fi
	:: else
	fi
#endif
}

proctype WaitAll(byte me) {
	byte changed = 6, k, i;
	bit got, over;
	step();
	if
	:: over -> goto done
	:: else
	fi;
	subscribed[me] = 1;
	changed = 6;
	do
	:: step();
	   if
	   :: over -> goto done
	   :: else
	   fi;
	   sleeps[me] = 1;
	   if
	   :: atomic { queue(me, 1) || queue(me, 2) ->
		changed = (queue(me, 1) << 1) | (queue(me, 2) << 2);
		queue(me, 1) = 0; queue(me, 2) = 0; sleeps[me] = 0 }
#ifdef ENDS
	   :: atomic { sleeps[me] = 0 }; break
	   :: atomic { sleeps[me] = 0; subscribed[me] = 0; changed = 6 };  /* the deadline */
		step();
		if
		:: over -> goto done
		:: else -> break
		fi
#endif
	   fi
	od;
	atomic { /* an error: it has taken nothing */
		assert(!hasTaken(me, 1) && !hasTaken(me, 2));
		subscribed[me] = 0; queue(me, 1) = 0; queue(me, 2) = 0
	};
	goto ended;
done:	atomic {
		assert(hasTaken(me, 1));
		taken[1]++;
#ifndef ONE
		assert(hasTaken(me, 2));
		taken[2]++; assert(taken[2] <= sets[2]);
#endif
		assert(taken[1] <= sets[1]);
		subscribed[me] = 0; queue(me, 1) = 0; queue(me, 2) = 0
	};
ended:	isMet(me, 1) = 0; isMet(me, 2) = 0
}

proctype Single(byte me, e) {
	byte k;
	bit got;
	subscribed[me] = 1;
	do
	:: take(e);
	   if
	   :: got -> break
	   :: else -> sleeps[me] = 1;
		atomic { queue(me, e) -> queue(me, e) = 0; sleeps[me] = 0 }
	   fi
	od;
	atomic { taken[e]++; assert(taken[e] <= sets[e]); subscribed[me] = 0; queue(me, 1) = 0; queue(me, 2) = 0 }
}

/* When nothing can happen any more. */
proctype Monitor() {
	byte w;
	timeout;
	d_step {
		do
		:: w < WAITERS ->
			if
			:: sleeps[w] && w < ALL -> assert(!marker[1] || !marker[at(2)]); assert(!hasTaken(w, 1) && !hasTaken(w, 2))
			:: sleeps[w] && w >= ALL -> assert(!marker[2 - (w - ALL) % 2])
			:: else
			fi;
			w++
		:: else -> break
		od;
		/* a Set counts until the event is taken or cleared */
		assert(marker[1] || sets[1] == 0 || taken[1] > 0 || cleared[1] > 0);
		assert(marker[2] || sets[2] == 0 || taken[2] > 0)
	}
}

init {
	byte w;
	atomic {
		do
		:: w < ALL -> run WaitAll(w); w++
		:: w >= ALL && w < WAITERS -> run Single(w, 2 - (w - ALL) % 2); w++
		:: w == WAITERS -> w = 0; break
		od;
		do
		:: w < SETS -> run Set(1);
#ifndef ONE
			run Set(2);
#endif
			w++
		:: else -> w = 0; break
		od;
		do :: w < CLEARS -> run Clear(); w++ :: else -> break od;
		run Monitor()
	}
}
