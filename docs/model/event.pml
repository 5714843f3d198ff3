/*
 * Set, Clear, Wait, take (AutoReset) and Watch of an event: fileevent/event.go, renew.go,
 * tombstone.go, version.go, wait.go, take.go, watch.go, tidy_linux.go, internal/watch. docs/model.md maps
 * the steps to functions.
 *
 * Processes set and clear the event, at any step in any order, and may die or be stopped at
 * each step. The size is set with -D:
 *   SETS, CLEARS, TOUCHES, TIDIES  how many processes call Set, Clear, or Tidy, or run
 *            touch(1)
 *   WAITERS  goroutines in Wait; they are in one process and share their looks
 *   TAKERS   goroutines in Wait with AutoReset, in one process; with APART, in several
 *   WATCHES  processes with a Watch, which call Next again and again
 *   ENDS     a context may end
 *   LOSE     a report of the watcher may be lost: then the check once a second counts
 *   CLEARED  the event was set and cleared before, so there is a tombstone from the start
 *   TOUCHED  the event is set at the start, by touch(1)
 *   STAYS    no Set may replace the marker. It leaves a notice, which is not reported; so
 *            with LOSE
 *
 * The clock of the file system stands still unless a process waits for it: all files are
 * made in one tick. A new file gets the lowest inode that is unused.
 *
 * -DBUG_... puts a bug in; see docs/model/run.
 */

#ifndef SETS
#define SETS 2
#endif
#ifndef CLEARS
#define CLEARS 1
#endif
#ifndef TOUCHES
#define TOUCHES 0
#endif
#ifndef TIDIES
#define TIDIES 0
#endif
#ifndef WAITERS
#define WAITERS 0
#endif
#ifndef TAKERS
#define TAKERS 0
#endif
#ifndef WATCHES
#define WATCHES 0
#endif

/* Files: a number is an inode, from 1 to FILES. */
#define FILES (SETS + TOUCHES + TIDIES + 4)
byte marker, tombstone;     /* the file at each path; 0 = none */
byte notice;
byte open[FILES+1];         /* a process has it open, or it is a draft */
byte born[FILES+1], id[FILES+1];
byte clock, ids;

/* A version, as the code remembers it. isAttribute: it was read from the attribute. */
typedef version { byte file, born, id; bit isAttribute }

/* What Tidy makes of the tombstone. */
byte aside;                 /* the tombstone that was moved aside: NAME.pulse.old */
version attribute;
byte attributeSet;          /* setOf of the archived tombstone */
bit  tidying;               /* a process has locked .fsync */

/* Subscriptions: waiters, then takers, then watches. An entry is what the subscriptions with
   the same interest share in one process. Each entry gets the reports of a watcher. */
#define SUBS (WAITERS + TAKERS + WATCHES)
#define isWaiter(s) ((s) < WAITERS)
#define isTaker(s)  ((s) >= WAITERS && (s) < WAITERS + TAKERS)
#ifdef APART
#define entryOf(s) (s)
#else
#define entryOf(s) (isWaiter(s) -> 0 : (isTaker(s) -> 1 : (s) + 2))
#endif
#define ENTRIES (SUBS + 2)
#ifdef APART
#define takes(e) isTaker(e)
#else
#define takes(e) ((e) == 1)
#endif
bit  watched[ENTRIES];      /* the kernel reports changes */
bit  created[ENTRIES], removed[ENTRIES]; /* reports that are still in the kernel's queue */
bit  changed[ENTRIES];      /* the directory has changed since the last check */
byte changes[ENTRIES];      /* entry.changes */
bit  due[ENTRIES];          /* subscriptions will be notified: between notify and send */
byte subs[ENTRIES];         /* entry.n */
bit  subscribed[SUBS];
bit  notified[SUBS];        /* the channel of the queue */
bit  sleeps[SUBS];

/* entry.last, the last look, for all subscriptions of an entry. */
bit  hasLast[ENTRIES], lastSet[ENTRIES], looking[ENTRIES];
byte lastChanges[ENTRIES];
version lastTombstone[ENTRIES];

/* What must be true. */
byte sets;                  /* how often the event was set */
byte setOf[FILES+1];        /* by which of them the file was made */
byte taken;
bit  since[SUBS];           /* the event was set since the call began, or was set then */
bit  pulse[SUBS];           /* it was set since the call began */
byte seen[SUBS];            /* Next has reported the Sets up to this one */
byte last;                  /* the last Set that every Watch must see */

#define unused(f) (open[f] == 0 && marker != f && tombstone != f && aside != f && notice != f)

inline forget(f) { /* so that equal states are equal */
	if
	:: f != 0 && unused(f) -> born[f] = 0; id[f] = 0; setOf[f] = 0
	:: else
	fi
}

inline newFile(f) {
	f = 1;
	do
	:: unused(f) -> break
	:: else -> f++
	od;
	born[f] = clock; open[f] = 1
}

inline closeFile(f) { open[f] = 0; forget(f); f = 0 }

inline report(create, remove) {
	k = 0;
	do
	:: k < ENTRIES ->
		changed[k] = 1;
		created[k] = created[k] || (watched[k] && create);
		removed[k] = removed[k] || (watched[k] && remove);
		k++
	:: else -> k = 0; break
	od
}

/* From here on the event is set by f. */
inline setNow(f) {
	sets++;
	setOf[f] = sets; last = sets;
	k = 0;
	do
	:: k < SUBS -> since[k] = 1; pulse[k] = 1; k++
	:: else -> k = 0; break
	od;
	report(1, 0)
}

proctype Set() {
	byte f, old, k;
	if
	:: atomic { marker == 0 -> newFile(f); marker = f; setNow(f) }; /* O_EXCL */
	   if
	   :: atomic { ids++; id[f] = ids; closeFile(f) }   /* the record */
	   :: atomic { closeFile(f) }                       /* it dies before */
	   :: skip                                          /* it is stopped, with the file open */
	   fi
	:: marker != 0 ->                                    /* renew */
#ifdef STAYS
	   atomic { newFile(f); ids++; id[f] = ids };       /* draft */
	   if
	   :: atomic {                                      /* leaveNotice */
		sets++; setOf[f] = sets;
		last = (marker != 0 -> sets : last);         /* if it was cleared, a Watch that has seen that has seen this Set, too */
#ifdef BUG_NOTICE_IS_TOMBSTONE
		old = tombstone; tombstone = f;
#else
		old = notice; notice = f;
#endif
		forget(old); old = 0; closeFile(f);
		do
		:: k < ENTRIES -> changed[k] = 1; k++
		:: else -> k = 0; break
		od }
	   :: skip                                          /* it dies, and the draft stays */
	   fi
#elif !defined(BUG_NO_RENEWAL)
	   atomic { newFile(f); ids++; id[f] = ids };       /* draft */
	   if
	   :: atomic { old = marker; marker = f; setNow(f); forget(old); old = 0; closeFile(f) }
	   :: skip                                          /* it dies, and the draft stays */
	   fi
#else
	   atomic { sets++; last = sets }
#endif
	fi
}

proctype Touch() {
	byte f, k;
	atomic {
		if
		:: marker == 0 -> newFile(f); marker = f; setNow(f); closeFile(f)
		:: else
		fi
	}
}

inline toTombstone() {
	old = tombstone; tombstone = marker; marker = 0; forget(old); old = 0;
	report(0, 1)
}

inline toNothing() {
	old = marker; marker = 0; forget(old); old = 0;
	report(0, 1)
}

proctype Clear() {
	byte old, k;
	if
	:: marker == 0
	:: marker != 0 ->
#ifdef BUG_CLEAR_UNLINKS
		atomic { if :: marker != 0 -> toNothing() :: else fi }
#elif defined(BUG_CLEAR_IN_TWO_STEPS)
		atomic { if :: marker != 0 -> old = marker; open[old] = 1; marker = 0; report(0, 1) :: else fi };
		atomic { if :: old != 0 -> k = tombstone; tombstone = old; open[old] = 0; forget(k); k = 0; old = 0 :: else fi }
#else
		atomic { if :: marker != 0 -> toTombstone() :: else fi } /* rename */
#endif
	fi
}

inline read(v, f) { v.file = f; v.born = born[f]; v.id = id[f]; v.isAttribute = 0 }

inline zero(v) { v.file = 0; v.born = 0; v.id = 0; v.isAttribute = 0 }

inline copy(v, w) { v.file = w.file; v.born = w.born; v.id = w.id; v.isAttribute = w.isAttribute }

/* version.differs. */
#ifdef BUG_NO_ID
#define differs(n, b) (n.file != 0 && (n.file != b.file || n.born != b.born))
#elif defined(BUG_ID_APPEARS)
#define differs(n, b) (n.file != 0 && (n.file != b.file || n.born != b.born || n.id != b.id))
#else
#define differs(n, b) (n.file != 0 && (b.file == 0 || \
	(n.id != 0 && b.id != 0 -> n.id != b.id : \
	(b.id != 0 && !n.isAttribute -> true : n.file != b.file || n.born != b.born))))
#endif

/* lastOf: the tombstone or, if there is none, the archived version, as soon as two reads find
   the same one. set is setOf. */
#if TIDIES > 0
inline readTombstone(v, set) {
	zero(former);
	do
	:: atomic { read(v, tombstone); set = setOf[tombstone] };
	   if
	   :: v.file != 0 -> break
	   :: v.file == 0 ->
#ifdef BUG_ARCHIVE_READ_ONCE
		atomic { if :: former.file != 0 -> copy(v, former); set = formerSet; break :: else fi };
#endif
		atomic { read(v, aside); set = setOf[aside] };
		if
		:: v.file != 0
		:: v.file == 0 -> atomic { copy(v, attribute); set = attributeSet }
		fi;
#ifdef BUG_TOMBSTONE_READ_ONCE
		break
#else
		if
		:: atomic { v.file == 0 || !(differs(v, former) || differs(former, v)) -> break }
		:: atomic { v.file != 0 && (differs(v, former) || differs(former, v)) -> copy(former, v); formerSet = set }
		fi
#endif
	   fi
	od;
	atomic { zero(former); formerSet = 0 }
}
#else
inline readTombstone(v, set) { atomic { read(v, tombstone); set = setOf[tombstone] } }
#endif

/* A file without an ID that was made in this tick cannot be told from a later one. */
#define ambiguous(v) (v.file != 0 && v.id == 0 && v.born == clock)

/* Tidy. It may die at each step. */
#if TIDIES > 0
inline putAsideBack() {
	atomic {
		if
		:: tombstone == 0 -> tombstone = aside; aside = 0
		:: else -> old = aside; aside = 0; forget(old); old = 0
		fi
	}
}

inline archive() {
	atomic { read(was, tombstone); set = setOf[tombstone] };
#ifndef BUG_TIDY_TRUSTS_YOUNG
	do
	:: atomic { ambiguous(was) -> clock++; read(now, tombstone);
		if
		:: differs(now, was) -> break
		:: else -> copy(was, now); set = setOf[tombstone]
		fi }
	:: atomic { !ambiguous(was) -> zero(now); break }
	od;
#endif
#ifndef BUG_TIDY_LOSES_AN_ID
	atomic {                                             /* Tidy leaves it */
		if
		:: was.id == 0 && attribute.id != 0 && attribute.file == was.file && attribute.born == was.born -> zero(was)
		:: else
		fi
	};
#endif
#ifndef BUG_TIDY_KEEPS_NO_TRACE
	atomic { if :: was.file != 0 -> copy(attribute, was); attribute.isAttribute = 1; attributeSet = set :: else fi }
#endif
}

inline removeArchived() {
#ifdef BUG_TIDY_REMOVES_A_LATER_TOMBSTONE
	atomic { if :: tombstone != 0 -> old = tombstone; tombstone = 0; forget(old); old = 0 :: else fi }
#else
	atomic { if :: tombstone != 0 -> old = aside; aside = tombstone; tombstone = 0; forget(old); old = 0 :: else fi };
	atomic { read(now, aside) };
	if
	:: now.file == 0
	:: now.file != 0 && !differs(now, was) -> atomic { old = aside; aside = 0; forget(old); old = 0 }
	:: now.file != 0 && differs(now, was) -> putAsideBack() /* NotifyAll follows; no wait depends on it */
	fi
#endif
}

byte killed;                /* the number of a Tidy, + 1 */

proctype Tidy(byte me) {
	byte k, old, set;
	bit mine;
	version was, now;
	{
#ifndef BUG_TIDY_UNLOCKED
	if
	:: atomic { !tidying -> tidying = 1; mine = 1 }
	:: tidying -> goto end
	fi;
#endif
	if                                                   /* restore */
	:: aside != 0 -> putAsideBack()
	:: aside == 0
	fi;
#ifdef BUG_ARCHIVED_TOO_LATE
	atomic { read(was, tombstone); set = setOf[tombstone] };
	removeArchived();
	atomic { if :: was.file != 0 -> copy(attribute, was); attribute.isAttribute = 1; attributeSet = set :: else fi };
#else
	archive();
	if
	:: was.file != 0 -> removeArchived()
	:: was.file == 0
	fi;
#endif
end:	skip
	} unless { killed == me + 1 };
	atomic { tidying = tidying && !mine; mine = 0; set = 0; zero(was); zero(now) }
}

proctype Killer() {
	if
	:: skip
	:: killed = 1
	:: killed = TIDIES
	fi
}
#endif

/* The watcher of an entry, and the check once a second. */
proctype Hub(byte e) {
	byte s;
	do
	:: atomic { created[e] || removed[e] ->              /* concerned, and notify */
		if
		:: created[e] || !takes(e) -> changes[e]++; due[e] = 1
		:: else                                      /* a removal does not concern Take */
		fi;
		created[e] = 0; removed[e] = 0 }
#ifdef LOSE
	:: atomic { created[e] || removed[e] -> created[e] = 0; removed[e] = 0 }
#ifndef BUG_NO_CHECK
	:: atomic { changed[e] && subs[e] > 0 -> changed[e] = 0; changes[e]++; due[e] = 1 }
#endif
#endif
	:: atomic { due[e] -> due[e] = 0;                    /* send */
		s = 0;
		do
		:: s < SUBS ->
			if
			:: subscribed[s] && entryOf(s) == e -> notified[s] = 1
			:: else
			fi;
			s++
		:: else -> s = 0; break
		od }
	od
}

inline subscribe(s, e) {
	atomic { subscribed[s] = 1; subs[e]++;               /* join */
#ifndef BUG_JOIN_IS_NO_CHANGE
		changes[e]++
#endif
	};
	watched[e] = 1                                       /* attach */
}

inline unsubscribe(s, e) {
	if
	:: subscribed[s] ->
		subscribed[s] = 0; notified[s] = 0; subs[e]--;
		if
		:: subs[e] == 0 -> hasLast[e] = 0; lastSet[e] = 0; lastChanges[e] = 0; zero(lastTombstone[e])
		:: else
		fi
	:: else
	fi
}

/* observe, for a waiter: set, or another tombstone. */
inline observeMarker() {
#ifdef BUG_TOMBSTONE_FIRST
	readTombstone(now, k); k = 0;
	atomic { set = (marker != 0) }
#else
	atomic { set = (marker != 0) };
	if
	:: !set -> readTombstone(now, k); k = 0
	:: set -> zero(now)
	fi
#endif
}

/* observe, for a taker: the event is taken, by one rename. */
inline takeMarker() {
	if
	:: atomic { marker == 0 -> set = 0 }
	:: atomic { marker != 0 -> set = 1 };
	   atomic {
		if
		:: marker != 0 ->
#ifdef BUG_TAKE_UNLINKS
			toNothing();
#else
			toTombstone()
#endif
#ifdef BUG_TAKE_BELIEVES_LOOK
		:: else
#else
		:: else -> set = 0
#endif
		fi }
	fi
}

/* Subscription.Look: share a look that is not older than any notification. */
inline look(e, isTake, others) {
	mine = changes[e];
	if
	:: atomic { hasLast[e] && lastChanges[e] >= mine -> useLast(e) }
	:: atomic { !(hasLast[e] && lastChanges[e] >= mine) && !looking[e] -> looking[e] = 1 };
	   if
	   :: atomic { hasLast[e] && lastChanges[e] >= mine -> useLast(e); looking[e] = 0 }
	   :: atomic { !(hasLast[e] && lastChanges[e] >= mine) -> mine = changes[e] };
	      if
	      :: isTake -> takeMarker()
	      :: !isTake -> observeMarker()
	      fi;
	      atomic {
#ifdef BUG_COUNT_AFTER_LOOK
		mine = changes[e];
#endif
		if
		:: subs[e] > 1 -> hasLast[e] = 1; lastChanges[e] = mine; lastSet[e] = others;
			copy(lastTombstone[e], now)
		:: else
		fi;
		looking[e] = 0 }
	   fi
	fi;
	mine = 0
}

inline useLast(e) {
	set = lastSet[e];
	copy(now, lastTombstone[e])
}

#define met (set || differs(now, before))

#ifdef BUG_TAKE_IS_SHARED
#define forOthers set
#else
#define forOthers 0
#endif

proctype Wait(byte me) {
	version before, now;
#if TIDIES > 0
	version former;
	byte formerSet;
#endif
	byte mine, k, old;
	bit set, missed;
	/* newCondition: the tombstone first. The wait begins when that is known. With Tidy, that
	   takes several steps, and it may have begun before the first of them or after the last. */
#if TIDIES > 0
	since[me] = (marker != 0);
	readTombstone(before, k);
	atomic { pulse[me] = 0; k = 0 };
	do
	:: atomic { ambiguous(before) -> clock++ };
	   readTombstone(now, k);
	   if
	   :: differs(now, before) -> break
	   :: !differs(now, before) -> atomic { copy(before, now); pulse[me] = 0; k = 0 }
	   fi
	:: atomic { !ambiguous(before) -> break }
	od;
	atomic { zero(now); k = 0 };
	observeMarker();
#elif defined(BUG_TOMBSTONE_AFTER_LOOK)
	atomic { set = (marker != 0); since[me] = set; pulse[me] = 0 };
	atomic { read(before, tombstone) };
#else
	atomic { read(before, tombstone); since[me] = (marker != 0); pulse[me] = 0 };
#ifndef BUG_WAIT_TRUSTS_YOUNG
	do
	:: atomic { ambiguous(before) -> clock++; read(now, tombstone);
		if
		:: differs(now, before) -> break      /* set meanwhile: the first look tells */
		:: else -> read(before, tombstone); since[me] = (marker != 0); pulse[me] = 0
		fi }
	:: atomic { !ambiguous(before) -> break }
	od;
	zero(now);
#endif
	observeMarker();
#endif
	if
	:: met -> goto end
	:: else
	fi;
	subscribe(me, entryOf(me));
#ifdef BUG_NO_SECOND_LOOK
	goto sleep;
#endif
again:
	look(entryOf(me), 0, set);
	if
	:: met -> goto end
	:: else
	fi;
sleep:	sleeps[me] = 1;
	if
	:: atomic { notified[me] -> notified[me] = 0; sleeps[me] = 0 }; goto again
#ifdef ENDS
	:: atomic { sleeps[me] = 0; goto cancelled }
	:: atomic { sleeps[me] = 0; missed = pulse[me] };    /* the deadline: a Set before it counts */
#ifdef BUG_LAST_LOOK_SHARED
	   look(entryOf(me), 0, set);
#elif !defined(BUG_NO_LAST_LOOK)
	   observeMarker();
#endif
	   if
	   :: met -> goto end
	   :: else -> assert(!missed); goto cancelled
	   fi
#endif
	fi;
end:	assert(since[me]); /* one Set ends a wait that began before it, and no other */
cancelled:
	atomic { unsubscribe(me, entryOf(me)); zero(now); zero(before); set = 0; missed = 0 }
}

proctype Take(byte me) {
	version now;
#if TIDIES > 0
	version former;
	byte formerSet;
#endif
	byte mine, k, old;
	bit set;
	takeMarker();
	if
	:: set -> goto end
	:: else
	fi;
	subscribe(me, entryOf(me));
again:
	look(entryOf(me), 1, forOthers);
	if
	:: set -> goto end
	:: else
	fi;
	sleeps[me] = 1;
	if
	:: atomic { notified[me] -> notified[me] = 0; sleeps[me] = 0 }; goto again
#ifdef ENDS
	:: atomic { sleeps[me] = 0; goto cancelled }
	:: sleeps[me] = 0; takeMarker()
#endif
	fi;
end:	atomic {
		if
		:: set -> taken++
		:: else
		fi;
		assert(taken <= sets) /* each Set is taken at most once */
	};
cancelled:
	atomic { unsubscribe(me, entryOf(me)); set = 0 }
}

/* Watch.versions: the marker first. */
inline readVersions() {
#ifdef BUG_WATCH_TOMBSTONE_FIRST
	readTombstone(nowTombstone, was);
	atomic { read(nowMarker, marker); count = sets };
#else
	atomic { read(nowMarker, marker); count = sets };
	readTombstone(nowTombstone, was);
#endif
	atomic {
		count = (was > count -> was : count);
		was = 0;
#ifdef STAYS
	};
	atomic {
		if
		:: nowMarker.file != 0 || lastMarker.file != 0 ->
			read(nowNotice, notice);
			count = (setOf[notice] > count -> setOf[notice] : count)
		:: else
		fi
#endif
	}
}

inline readUnambiguous() {
#ifndef BUG_WATCH_TRUSTS_YOUNG
	do
	:: atomic { ambiguous(nowMarker) || ambiguous(nowTombstone) -> clock++ }; readVersions()
	:: atomic { !(ambiguous(nowMarker) || ambiguous(nowTombstone)) -> break }
	od;
#endif
	atomic {
		copy(lastMarker, nowMarker); copy(lastTombstone_, nowTombstone); copy(lastNotice, nowNotice);
		seen[me] = count; count = 0; zero(nowMarker); zero(nowTombstone); zero(nowNotice)
	}
}

#ifdef BUG_WATCH_FORGETS_MARKER
#define setSince (differs(nowMarker, lastMarker) || differs(nowTombstone, lastTombstone_))
#else
#define setSince (differs(nowMarker, lastMarker) || \
	differs(nowTombstone, lastTombstone_) && differs(nowTombstone, lastMarker) || \
	lastMarker.file != 0 && differs(nowNotice, lastNotice))
#endif

proctype Watch(byte me) {
	version lastMarker, lastTombstone_, lastNotice, nowMarker, nowTombstone, nowNotice;
#if TIDIES > 0
	version former;
	byte formerSet;
#endif
	byte count, was;
	readVersions();
	readUnambiguous();
	do /* Next */
	:: readVersions();
	   if
	   :: atomic { setSince -> assert(count > seen[me]) };   /* once for all Sets */
	      readUnambiguous();
	      atomic { unsubscribe(me, entryOf(me)) }
	   :: atomic { !setSince -> count = 0; zero(nowMarker); zero(nowTombstone); zero(nowNotice) };
	      if
	      :: !subscribed[me] -> subscribe(me, entryOf(me))
	      :: subscribed[me] ->
		sleeps[me] = 1;
		atomic { notified[me] -> notified[me] = 0; sleeps[me] = 0 }
	      fi
	   fi
	od
}

/* When nothing can happen any more. */
proctype Monitor() {
	byte s;
	timeout;
	d_step {
		do
		:: s < SUBS ->
			if
			:: sleeps[s] && isWaiter(s) -> assert(marker == 0 && !pulse[s])  /* a pulse wakes every waiter */
			:: sleeps[s] && isTaker(s) -> assert(marker == 0)                /* a Set wakes one taker */
			:: sleeps[s] && !isWaiter(s) && !isTaker(s) -> assert(seen[s] >= last) /* the last Set is seen */
			:: !sleeps[s] -> assert(!looking[entryOf(s)])
			fi;
			s++
		:: else -> break
		od
	}
}

init {
	byte s;
	atomic {
#ifdef CLEARED
		tombstone = 1; ids = 1; id[1] = 1; sets = 1; setOf[1] = 1; taken = 1;
#endif
#ifdef TOUCHED
		marker = 1; sets = 1; setOf[1] = 1;
#endif
		do
		:: s < SUBS ->
			if
			:: isWaiter(s) -> run Wait(s)
			:: isTaker(s) -> run Take(s)
			:: else -> run Watch(s)
			fi;
			if
			:: s == 0 || entryOf(s) != entryOf(s - 1) -> run Hub(entryOf(s))
			:: else
			fi;
			s++
		:: else -> break
		od;
		s = 0;
		do :: s < SETS -> run Set(); s++ :: else -> s = 0; break od;
		do :: s < CLEARS -> run Clear(); s++ :: else -> s = 0; break od;
#if TIDIES > 0
		do :: s < TIDIES -> run Tidy(s); s++ :: else -> s = 0; break od;
		run Killer();
#endif
		do :: s < TOUCHES -> run Touch(); s++ :: else -> s = 0; break od;
		run Monitor()
	}
}
