# SPDX-License-Identifier: GPL-3.0-or-later
"""Network namespaces with names, as `ip netns` keeps them. PRIVATE to the collection.

The only file that enters a namespace. setns and unshare act on one thread, so they
happen in threads or processes that end: the process itself, which may be shared with
other modules, never leaves its namespace. A child process inherits the namespace of the
thread that starts it.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import pickle

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import mark
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import EngineError
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink import link
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink.wire import Netlink
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.threads import map_in_threads

DIRECTORY = "/run/netns"

_CLONE_NEWNET = 0x40000000
_MS_BIND, _MS_REC, _MS_SHARED, _MNT_DETACH = 0x1000, 0x4000, 1 << 20, 2
_OURS = "/proc/thread-self/ns/net"

#: From so many namespaces for each processor on, processes are worth the 10 ms that they cost.
_WORTH_PROCESSES = 8

_libc = ctypes.CDLL(None, use_errno=True)


class SystemCallFailed(EngineError):
    """The kernel refused a system call with this errno."""

    def __init__(self, what, code):
        self.errno = code
        super().__init__(f"{what}: {os.strerror(code)}")


def names():
    """Sorted names of the live namespaces. Files without a mount are left-overs of a killed run, not namespaces."""
    device = os.stat(_OURS).st_dev  # every namespace file is an inode of the one nsfs
    try:
        entries = os.listdir(DIRECTORY)
    except FileNotFoundError:
        return []
    return sorted(name for name in entries if _device(name) == device)


def exists(name):
    """Whether a live namespace has this name."""
    return _device(name) == os.stat(_OURS).st_dev


def _device(name):
    try:
        return os.stat(path(name)).st_dev
    except OSError:
        return None


def path(name):
    """The file that holds the namespace."""
    return f"{DIRECTORY}/{name}"


def inside(name, function, *args):
    """function(*args) inside the namespace (None: that of the process): its result, or its exception re-raised."""
    return map_inside(lambda _name: function(*args), [name])[name]


def map_inside(function, names, workers=None):
    """{name: function(name)}, each run inside its namespace, in parallel threads.

    The first exception is raised after all threads have ended; namespaces not begun by then are skipped.
    workers: at most so many threads. One is fastest for short system calls, between which threads would only pass
    Python's lock around.
    """

    def enter_and_call(name):
        _enter(name)
        return function(name)

    return map_in_threads(enter_and_call, names, workers)


def map_in_processes(function, names, workers=None):
    """As map_inside, for much work: over many namespaces, in parallel processes.

    Python holds its lock while it starts a program or parses an answer, so threads would work
    one at a time. What function returns must be plain data, and what it changes in this process
    is lost. workers: as in map_inside, where there are too few namespaces for processes.
    """
    names = list(names)
    count = os.cpu_count() or 1
    if len(names) < _WORTH_PROCESSES * count or count == 1:
        return map_inside(function, names, workers)
    shares = [_Share(function, names[first::count]) for first in range(count)]
    outcomes = [share.outcome() for share in shares]
    for _results, failure in outcomes:
        if failure:
            raise failure
    return {name: result for results, _failure in outcomes for name, result in results.items()}


class _Share:
    """A process that calls function inside some of the namespaces, until one call fails."""

    def __init__(self, function, names):
        self._reader, writer = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            self._work(function, names, writer)
        os.close(writer)

    @staticmethod
    def _work(function, names, writer):
        """The life of the process. It does not return, and leaves the parent's buffers and handlers alone."""
        try:
            try:
                report = map_inside(function, names, workers=1), None
            except Exception as error:
                report = {}, error
            with os.fdopen(writer, "wb") as out:
                pickle.dump(report, out)
        finally:
            os._exit(0)

    def outcome(self):
        """({name: result}, the exception that ended it or None)"""
        with os.fdopen(self._reader, "rb") as reader:
            report = reader.read()
        os.waitpid(self._pid, 0)
        if not report:
            return {}, EngineError("a process of this module ended before it had reported")
        return pickle.loads(report)


def descriptor_of(name):
    """An open descriptor of the namespace (None: that of the process), for requests that move links. Close it."""
    file = path(name) if name is not None else f"/proc/{os.getpid()}/ns/net"
    try:
        return os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise EngineError(f"network namespace {name} does not exist") from error


def _enter(name):
    """Move the calling thread, which must be one of ours, into a namespace."""
    descriptor = descriptor_of(name)
    try:
        _call(_libc.setns, descriptor, _CLONE_NEWNET, failed=f"entering network namespace {name}")
    finally:
        os.close(descriptor)


def owner(name):
    """Whose mark the namespace carries, or None."""
    return inside(name, _owner_here)


def owners():
    """{name: owner or None} of all namespaces."""
    return map_inside(lambda _name: _owner_here(), names(), workers=1)


def _owner_here():
    with Netlink() as netlink:
        _name, loopback = link.get(netlink, link.LOOPBACK)
    return mark.owner_of_alias(loopback["alias"])


def create(name, owner):
    """Make a namespace that carries owner's mark and whose lo is up; see create_all."""
    create_all([name], owner)


def create_all(names, owner):
    """Make namespaces that carry owner's mark and whose lo is up.

    Each gets its name last, so whatever has a name under /run/netns is complete, also
    if this process is killed.
    """

    def make(name):
        _call(_libc.unshare, _CLONE_NEWNET, failed=f"making network namespace {name}")
        with Netlink() as netlink:
            netlink.write([link.change("lo", up=True, alias=mark.alias(owner))])
        _publish(name)

    _prepare_directory()
    map_in_threads(make, names)


def _publish(name):
    """Give the calling thread's namespace a name. A file without a mount is taken over."""
    if exists(name):
        raise EngineError(f"network namespace {name} exists already")
    os.close(os.open(path(name), os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o444))
    _mount(_OURS, path(name), _MS_BIND)


def delete(name):
    """Take the namespace's name away. The kernel destroys it, later, when no process is inside any more."""
    try:
        _call(_libc.umount2, path(name).encode(), _MNT_DETACH, failed=f"unmounting network namespace {name}")
    except SystemCallFailed as error:
        if error.errno not in (errno.EINVAL, errno.ENOENT):  # not a mount, or not there
            raise
    if os.path.lexists(path(name)):
        os.unlink(path(name))


def _prepare_directory():
    """Make /run/netns a shared mount, as `ip netns add` does.

    Otherwise a mount namespace made later (every systemd unit with PrivateTmp) would
    keep a private copy of each namespace's mount, and deleting would not free it.
    The lock is iproute2's too: two processes doing this at once would stack mounts.
    """
    os.makedirs(DIRECTORY, mode=0o755, exist_ok=True)
    descriptor = os.open(DIRECTORY, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        try:
            _mount("", DIRECTORY, _MS_SHARED | _MS_REC)
        except SystemCallFailed as error:
            if error.errno != errno.EINVAL:  # EINVAL: not a mount point yet
                raise
            _mount(DIRECTORY, DIRECTORY, _MS_BIND | _MS_REC)
            _mount("", DIRECTORY, _MS_SHARED | _MS_REC)
    finally:
        os.close(descriptor)


def _mount(source, target, flags):
    _call(_libc.mount, source.encode(), target.encode(), b"none", flags, None, failed=f"mounting {target}")


def _call(function, *args, failed):
    if function(*args):
        code = ctypes.get_errno()
        raise SystemCallFailed(failed, code)
