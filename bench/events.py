"""The roles of roles.go with the events of multiprocessing: ROLE KIND PATH [NUMBER...]

Only child processes can share these events, so one program starts all processes
of a row."""

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
    # The same as context.Manager(), except that the server ends with this process.
    manager = SyncManager(ctx=context)
    manager.start(initializer=die_with_parent)
    event = manager.Event()
    event.manager = manager  # without a reference, the manager would end
    return event


def start(target, *args):
    def run():
        die_with_parent()
        target(*args)

    context.Process(target=run, daemon=True).start()


def wake(event, n, pause, spread):
    waiting, notify = os.pipe()
    receive, send = context.Pipe(duplex=False)

    def waiter():
        woken = []
        for i in range(n):
            if i > 0:
                event.clear()
            os.write(notify, b".")
            event.wait()
            woken.append(time.monotonic_ns())
        send.send(woken)

    start(waiter)
    called = []
    for _ in range(n):
        os.read(waiting, 1)
        time.sleep((pause + random.randrange(spread)) / 1e9)
        called.append(time.monotonic_ns())
        event.set()
    for pair in zip(called, receive.recv()):
        print(*pair)


def pulse(event, waiters, n):
    """Prints a line for each pulse: how many calls of wait() returned True, when
    set() was called, and when the last wait() returned."""
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
        # A waiter counts itself right before it sleeps. set() then waits for the lock
        # that the waiter still holds.
        while event._cond._sleeping_count.get_value() < waiters:
            time.sleep(1e-4)
        called = time.monotonic_ns()
        event.set()
        event.clear()
        answers = [pipe.recv() for pipe in pipes]
        print(sum(was_set for was_set, _ in answers), called, max(woken for _, woken in answers))


ROLES = {"wake": wake, "pulse": pulse}

if sys.argv[1] == "version":
    print(platform.python_version())
else:
    role, kind, path, *numbers = sys.argv[1:]
    ROLES[role](new_event(kind), *map(int, numbers))
