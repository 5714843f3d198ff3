"""The rows of events for Python's multiprocessing: ROLE KIND PATH [NUMBER...]

Its events are shared by inheritance alone, so one program plays all roles."""

import ctypes
import multiprocessing
import os
import platform
import random
import signal
import sys
import time
from multiprocessing.managers import SyncManager

context = multiprocessing.get_context("fork")


def die_with_parent():
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def new_event(kind):
    if kind == "Event":
        return context.Event()
    # As context.Manager() does it, and no server outlives us.
    manager = SyncManager(ctx=context)
    manager.start(initializer=die_with_parent)
    event = manager.Event()
    event.keep = manager  # which otherwise ends
    return event


def start(target, *args):
    def run():
        die_with_parent()
        target(*args)

    context.Process(target=run, daemon=True).start()


def say(*words):
    print(*words)


def wake(event, n, least, spread):
    asleep, tell = os.pipe()
    receive, send = context.Pipe(duplex=False)

    def waiter():
        woken = []
        for i in range(n):
            if i > 0:
                event.clear()
            os.write(tell, b".")
            event.wait()
            woken.append(time.monotonic_ns())
        send.send(woken)

    start(waiter)
    called = []
    for _ in range(n):
        os.read(asleep, 1)
        time.sleep((least + random.randrange(spread)) / 1e9)
        called.append(time.monotonic_ns())
        event.set()
    for pair in zip(called, receive.recv()):
        say(*pair)


def pulse(event, waiters, n):
    """A line for each pulse: how many wait() returned True, when set() was
    called, and when the last one returned."""
    pipes = []

    def waiter(pipe):
        for _ in range(n):
            pipe.recv()
            pipe.send((event.wait(), time.monotonic_ns()))

    for _ in range(waiters):
        mine, other = context.Pipe()
        pipes.append(mine)
        start(waiter, other)
    for _ in range(n):
        for pipe in pipes:
            pipe.send("wait")
        # Who counts here has let go of the lock that set() needs.
        while event._cond._sleeping_count.get_value() < waiters:
            time.sleep(1e-4)
        called = time.monotonic_ns()
        event.set()
        event.clear()
        answers = [pipe.recv() for pipe in pipes]
        say(sum(was_set for was_set, _ in answers), called, max(woken for _, woken in answers))


ROLES = {"wake": wake, "pulse": pulse}

if sys.argv[1] == "version":
    say(platform.python_version())
else:
    role, kind, path, *numbers = sys.argv[1:]
    ROLES[role](new_event(kind), *map(int, numbers))
