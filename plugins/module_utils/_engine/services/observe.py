# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads services, their processes and their files from the host. PRIVATE to the collection."""

from __future__ import annotations

import grp
import os
import pwd
import stat
import time

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import namespace
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services import systemd, unit
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services.service import (
    RESTARTING,
    RUNNING,
    Have,
    Process,
    Seen,
    Unit,
    above,
)


def observe(wanted, concerned, directory, show=systemd.show):
    """A Have: all units of our prefix, and for the services concerned their processes and what is at their paths.

    wanted: {name: Service}. concerned: {name: Unit} -> names beside the wanted ones. directory: where unit files
    are. show: reads from systemd, as systemd.show.
    """
    units = {name: _unit(f"{directory}/{unit.file_name(name)}") for name in sorted({*_names(directory), *wanted})}
    names = sorted({*wanted, *concerned(units)})
    specified = {path: each for service in wanted.values() for path, each in service.paths.items()}
    records = [unit.read(units.get(name, Unit()).text) for name in names]
    paths = sorted({*specified, *(path for record in records if record for path in record.paths)})
    spaces = {service.namespace for service in wanted.values()}
    return Have(
        units=units,
        processes={**dict.fromkeys(names, Process()), **{name: _process(told) for name, told in show(names).items()}},
        paths={path: _seen(path, specified.get(path)) for path in paths},
        namespaces={name: _namespace(name) for name in spaces},
        missing=frozenset(each for path in specified for each in above(path) if not os.path.exists(each)),
        now=time.time_ns(),
    )


def _names(directory):
    try:
        return filter(None, map(unit.service_name, os.listdir(directory)))
    except FileNotFoundError:
        return ()


def _unit(path):
    try:
        if os.path.islink(path) and os.readlink(path) == os.devnull:
            return Unit(masked=True)
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            found = os.fstat(file.fileno())
            return Unit(file.read(), _mode(found), found.st_mtime_ns)
    except FileNotFoundError:
        return Unit()


def _mode(found):
    return f"{stat.S_IMODE(found.st_mode):04o}"


def _process(told):
    """A Process. One that ends while it is looked at is about to be started again."""
    if told["state"] != RUNNING:
        return Process(**told)
    try:
        home = os.stat(f"/proc/{told['pid']}/ns/net")
        with open(f"/proc/{told['pid']}/environ", "rb") as file:
            environment = file.read().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return Process(**{**told, "state": RESTARTING})
    start = f"{unit.VARIABLE}=".encode()
    found = next((entry[len(start):].decode() for entry in environment if entry.startswith(start)), None)
    return Process(**told, digest=found, namespace=(home.st_dev, home.st_ino))


def _namespace(name):
    """What tells a namespace from a later one of the same name, or None if there is none."""
    if name is not None and not namespace.exists(name):
        return None
    found = os.stat("/proc/1/ns/net" if name is None else namespace.path(name))
    return found.st_dev, found.st_ino


def _seen(path, specified):
    """A Seen, or None. specified: the wanted File or Directory, whose names of the accounts are kept if they fit."""
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    kind, content = "other", b""
    if stat.S_ISDIR(found.st_mode):
        kind = "directory"
    elif stat.S_ISLNK(found.st_mode):
        kind, content = "symlink", os.readlink(path).encode("utf-8", "surrogateescape")
    elif stat.S_ISREG(found.st_mode):
        kind = "file"
        with open(path, "rb") as file:
            content = file.read()
    owner, group = (specified.owner, specified.group) if specified else (None, None)
    return Seen(
        kind=kind,
        mode=_mode(found),
        owner=owner if owner and uid(owner) == found.st_uid else _account(pwd.getpwuid, found.st_uid),
        group=group if group and gid(group) == found.st_gid else _account(grp.getgrgid, found.st_gid),
        uid=found.st_uid,
        gid=found.st_gid,
        mtime=found.st_mtime_ns,
        content=content,
    )


def uid(name):
    """The number of a user, or None."""
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return None


def gid(name):
    """The number of a group, or None."""
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return None


def _account(look_up, number):
    try:
        return look_up(number)[0]
    except KeyError:
        return str(number)
