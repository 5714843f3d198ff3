"""The roles of roles.go with the locks of Python packages: ROLE MODULE PATH [NUMBER...]"""

import importlib
import os
import sys
import time


class Filelock:
    def __init__(self, path):
        import filelock

        self.lock = filelock.FileLock(path)
        self.timeout = filelock.Timeout
        self.acquire, self.release = self.lock.acquire, self.lock.release

    def times_out(self, seconds):
        try:
            self.lock.acquire(timeout=seconds)
        except self.timeout:
            return True
        return False


class Portalocker:
    def __init__(self, path):
        import portalocker

        # All defaults but the timeout, which would be 5 s.
        self.lock = portalocker.Lock(path, timeout=3600)
        self.acquire, self.release = self.lock.acquire, self.lock.release


class Fasteners:
    def __init__(self, path):
        import fasteners

        self.lock = fasteners.InterProcessLock(path)
        self.acquire, self.release = self.lock.acquire, self.lock.release


LOCKERS = {"filelock": Filelock, "portalocker": Portalocker, "fasteners": Fasteners}


def print_line(*words):
    print(*words, flush=True)


def alternate(lock, first, turns, hold):
    times = []
    print_line("ready")
    for i in range(turns):
        if i > 0 or first == 0:
            os.read(3, 1)
        asked = time.monotonic_ns()
        lock.acquire()
        acquired = time.monotonic_ns()
        if first == 1 or i < turns - 1:
            os.write(4, b".")
        time.sleep(hold / 1e9)
        released = time.monotonic_ns()
        lock.release()
        times.append((asked, acquired, released))
    for t in times:
        print_line(*t)


def uncontended(lock, n):
    for i in range(-n // 10, n):
        if i == 0:
            start = time.monotonic_ns()
        lock.acquire()
        lock.release()
    print_line(time.monotonic_ns() - start)


def contend(lock, hold):
    print_line("ready")
    start, end = map(int, sys.stdin.readline().split())
    time.sleep(max(0, start - time.monotonic_ns()) / 1e9)
    acquisitions = longest = 0
    while True:
        asked = time.monotonic_ns()
        if asked >= end:
            break
        lock.acquire()
        acquired = time.monotonic_ns()
        longest = max(longest, min(acquired, end) - asked)
        if acquired < end:
            acquisitions += 1
            time.sleep(hold / 1e9)
        lock.release()
    print_line(acquisitions, longest)


def deadline(lock, *times):
    for d in times:
        start = time.monotonic_ns()
        if not lock.times_out(d / 1e9):
            sys.exit("did not time out")
        print_line(time.monotonic_ns() - start - d)


def version(module):
    from importlib import metadata

    importlib.import_module(module)
    print_line(metadata.version(module))


ROLES = {"alternate": alternate, "uncontended": uncontended, "contend": contend, "deadline": deadline}

if sys.argv[1] == "version":
    version(sys.argv[2])
else:
    role, module, path, *numbers = sys.argv[1:]
    ROLES[role](LOCKERS[module](path), *map(int, numbers))
