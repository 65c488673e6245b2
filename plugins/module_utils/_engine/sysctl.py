# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel settings under /proc/sys, those of the current namespace for net.*. PRIVATE to the collection."""

from __future__ import annotations

import os
import re

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import EngineError

_ROOT = "/proc/sys"
_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)+")
_DEVICE_KEY = re.compile(r"net\.ipv[46]\.(?:conf|neigh)\.([^.]+)\.")

#: Every device has directories of its own, and a process as little as 1024 descriptors.
_OPEN_AT_ONCE = 256

#: Which kernel module makes the keys that start so.
_MODULES = {"net.bridge.": "br_netfilter", "net.netfilter.": "nf_conntrack"}


def valid_key(key):
    """Whether key has the form of a sysctl. Dots separate its parts, so no device whose name has one can be in it."""
    return bool(_KEY.fullmatch(key))


def value_text(value):
    """A value as the kernel prints it: 1 for true, single spaces between numbers."""
    return str(int(value)) if isinstance(value, bool) else " ".join(str(value).split())


def device_of(key):
    """The device that a key is about, None for one that concerns the whole namespace."""
    found = _DEVICE_KEY.match(key)
    return found.group(1) if found and found.group(1) not in ("all", "default") else None


def read(key):
    """The value, or None if there is no such key (yet)."""
    return read_all([key])[key]


def read_all(keys):
    """{key: value, or None if there is no such key (yet)}.

    Every directory is looked up once: with a thousand namespaces the kernel has a
    thousand directories of each name to tell apart, which costs more than the reading.
    """
    with _Directories() as directories:
        return {key: _read(key, directories) for key in keys}


class _Directories(dict):
    """Descriptors of directories below /proc/sys by path, opened when asked for, closed before they are too many."""

    def __missing__(self, path):
        if len(self) >= _OPEN_AT_ONCE:
            self._close()
        above, _slash, name = path.rpartition("/")
        descriptor = os.open(name, os.O_PATH | os.O_CLOEXEC, dir_fd=self[above]) if path else os.open(_ROOT, os.O_PATH)
        self[path] = descriptor
        return descriptor

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self._close()

    def _close(self):
        while self:
            os.close(self.popitem()[1])


def _read(key, directories):
    above, _slash, name = _path(key).rpartition("/")
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=directories[above])
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise EngineError(f"sysctl {key} cannot be read: {os.strerror(error.errno)}") from error
    try:
        return " ".join(os.read(descriptor, 4096).decode().split())
    except OSError as error:
        raise EngineError(f"reading sysctl {key} failed: {os.strerror(error.errno)}") from error
    finally:
        os.close(descriptor)


def write(key, value):
    """Set a key, which must exist."""
    write_all({key: value})


def write_all(values):
    """Set {key: value}. Forwarding goes first: changing it resets other settings to what RFC 1122 or RFC 1812 wants."""
    with _Directories() as directories:
        for key in sorted(values, key=lambda key: not key.endswith((".ip_forward", ".forwarding"))):
            _write(key, values[key], directories)


def _write(key, value, directories):
    above, _slash, name = _path(key).rpartition("/")
    try:
        descriptor = os.open(name, os.O_WRONLY | os.O_CLOEXEC, dir_fd=directories[above])
    except (FileNotFoundError, NotADirectoryError) as error:
        raise EngineError(missing(key)) from error
    except OSError as error:
        raise EngineError(f"sysctl {key} cannot be written: {os.strerror(error.errno)}") from error
    try:
        os.write(descriptor, value.encode())
    except OSError as error:
        raise EngineError(f"setting sysctl {key} to {value!r} failed: {os.strerror(error.errno)}") from error
    finally:
        os.close(descriptor)


def missing(key):
    """The sentence about a key that the kernel does not have."""
    module = next((module for prefix, module in _MODULES.items() if key.startswith(prefix)), None)
    advice = f": load the kernel module {module}" if module else ""
    return f"the kernel has no sysctl {key}{advice}"


def _path(key):
    return key.replace(".", "/")
