"""A process of a round that locks with Python: HISTORY OVERLAP CLIENT OBJECT PATH PACKAGE SHARED SEED

It appends the records of history.go, and takes part in the critical section of overlap.go
if the lock file stays the same (OVERLAP is not empty). It ends when its input ends.
"""

import errno
import fcntl
import mmap
import os
import random
import select
import struct
import sys
import time

history, overlap, client, obj, path, package, shared, seed = sys.argv[1:]
client, obj, shared = int(client), int(obj), shared == "true"
rng = random.Random(int(seed))
out = os.open(history, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)
BEGINS, ENDS, OVERLAPS = 1, 2, 4
ACQUIRE, SHARED, RELEASE = 1, 2, 3
OK, NO, FAILED = 1, 2, 8
BY_PEER = 1
CELL = 512
holds = 0
words = None
if overlap:
    with open(overlap, "r+b") as f:
        words = memoryview(mmap.mmap(f.fileno(), 0)).cast("Q")


def write(kind, op, result=0, hold=0, limit=0, file=0, born=0, other=0):
    os.write(out, struct.pack("=qIBBBBQQQqqq", time.monotonic_ns(), client, kind, op, result, BY_PEER, 1 << obj, hold, file, born, limit, other))


def identity(fd):
    """The device and inode of identity.go. Python cannot ask for the time of birth."""
    st = os.fstat(fd)
    return (st.st_dev << 40 ^ st.st_ino) & (1 << 64) - 1


class Fcntl:
    def acquire(self, timeout):
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(self.fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (fcntl.LOCK_NB if timeout is not None else 0))
        except BlockingIOError:
            os.close(self.fd)
            return None
        return self.fd

    def release(self):
        if rng.random() < 0.5:
            fcntl.flock(self.fd, fcntl.LOCK_UN)
        os.close(self.fd)


class Filelock:
    def __init__(self):
        import filelock

        self.timeout = filelock.Timeout
        self.lock = filelock.FileLock(path)

    def acquire(self, timeout):
        try:
            self.lock.acquire(timeout=-1 if timeout is None else timeout, poll_interval=0.002)
        except self.timeout:
            return None
        return self.lock._context.lock_file_fd if hasattr(self.lock, "_context") else self.lock._lock_file_fd

    def release(self):
        self.lock.release()


def is_alive(hold):
    try:
        with open("/proc/%d/stat" % (hold >> 32)) as f:
            fields = f.read().rpartition(")")[2].split()
    except OSError:
        return False
    return fields[0] not in "ZX" and not int(fields[6]) & 4


def check_others(hold, slots):
    """Reports a holder that excludes this one."""
    for i in slots:
        there = words[obj * CELL // 8 + i]
        if there and there != hold and is_alive(there) and words[obj * CELL // 8 + i] == there:
            write(OVERLAPS, 0, hold=hold, other=there)
            return


def enter(hold):
    if words is None or shared:
        return
    check_others(hold, range(1, 64))
    words[obj * CELL // 8 + 1] = hold


def leave(hold):
    if words is None or shared:
        return
    if words[obj * CELL // 8 + 1] != hold:
        write(OVERLAPS, 0, hold=hold)
    words[obj * CELL // 8 + 1] = 0


def once(lock):
    global holds
    holds += 1
    hold = os.getpid() << 32 | holds
    timeout = rng.choice([None, 0, 0.03])
    op = SHARED if shared else ACQUIRE
    write(BEGINS, op, hold=hold, limit=0 if timeout is None else int(timeout * 1e9) + 1)
    try:
        fd = lock.acquire(timeout)
    except OSError as e:
        write(ENDS, op, FAILED, hold, limit=e.errno)
        return
    if fd is None:
        write(ENDS, op, NO, hold)
        return
    file = identity(fd)
    write(ENDS, op, OK, hold, file=file)
    enter(hold)
    if rng.random() < 0.3:
        time.sleep(rng.random() * 0.005)
    leave(hold)
    write(BEGINS, RELEASE, hold=hold, file=file)
    lock.release()
    write(ENDS, RELEASE, OK, hold, file=file)


lock = Filelock() if package == "py-filelock" else Fcntl()
while not select.select([0], [], [], rng.random() ** 2 * 0.03)[0]:
    once(lock)
print("done", flush=True)
