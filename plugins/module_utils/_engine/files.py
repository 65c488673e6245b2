# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are replaced at once: a reader finds the old or the new one, whole. PRIVATE to the collection."""

from __future__ import annotations

import contextlib
import os


def replace(path, content, mode, uid=0, gid=0, mtime=None, durable=False):
    """Put a file with these bytes at path, whose directory exists, whatever file or link is there.

    mode: bits as in chmod. mtime: ns since the epoch, now when None. Nobody but root reads
    anything before owner and mode are those that are wanted. The temporary file's name is a
    fixed one, so that the next run takes over what a killed one left. durable: a power failure
    later than this leaves the new one, and one meanwhile either.
    """
    directory, name = os.path.split(path)
    temporary = os.path.join(directory, f".{name}.cloudnet")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary)
    # O_EXCL: who may write into the directory cannot make us follow a link of theirs
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
            os.fchown(descriptor, uid, gid)
            os.fchmod(descriptor, mode)
            file.flush()
            if mtime is not None:
                os.utime(descriptor, ns=(mtime, mtime))
            if durable:
                os.fsync(descriptor)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    if durable:
        _sync(directory)


def _sync(directory):
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(path):
    """Remove a file or link, if it is there."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
