# SPDX-License-Identifier: GPL-3.0-or-later
"""The unit file of a service: rendered, and read back. Pure. PRIVATE to the collection.

The section [X-Cloudnet-Dataplane], which systemd skips like all of that prefix, holds the mark
and records what goes with the service.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import mark
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services.service import (
    is_own_directory,
    is_path,
)

PREFIX, SUFFIX = "cloudnet-", ".service"

#: Holds, in the environment of a process, the digest of the unit that it started from.
VARIABLE = "CLOUDNET_DATAPLANE_UNIT"

HEAD = "# Kept by the Ansible module cloudnet.dataplane.netns_service: do not edit.\n"

_NAMESPACES = "/run/netns/"
_RELOAD = '/bin/sh -c "kill -{} $MAINPID"'
_PLAIN = re.compile(r"[A-Za-z0-9_./:=,+@~%^-]+")
_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)')
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "%": "%%", "$": "$$"}


def file_name(name):
    """The unit file's name."""
    return f"{PREFIX}{name}{SUFFIX}"


def service_name(file):
    """The service that a unit file is named for, or None for a file of another kind."""
    fits = file.startswith(PREFIX) and file.endswith(SUFFIX) and file != PREFIX + SUFFIX
    return file[len(PREFIX):-len(SUFFIX)] if fits else None


def digest(service):
    """What a running process must have started from: changes when only a new start helps."""
    return _digest([service.namespace, service.user, service.command, service.read_at_start()])


def _digest(parts):
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def render(service, owner):
    """The unit file. It has no [Install]: after a boot there is no namespace to start it in, before a run made it."""
    return HEAD + "".join(
        f"[{section}]\n" + "".join(f"{key}={value}\n" for key, value in entries)
        for section, entries in (
            ("Unit", _unit(service)),
            ("Service", _service(service)),
            (mark.UNIT_SECTION, _belongings(service, owner)),
        )
    )


def _unit(service):
    # Without a limit of starts it comes back however often it dies.
    return [("Description", service.description.replace("%", "%%")), ("StartLimitIntervalSec", "0")]


def _service(service):
    entries = [("Type", "exec")]
    if service.namespace is not None:
        entries.append(("NetworkNamespacePath", _NAMESPACES + service.namespace.replace("%", "%%")))
    if service.user:
        entries.append(("User", service.user))
    entries += [("Environment", f"{VARIABLE}={digest(service)}"), ("ExecStart", " ".join(map(quote, service.command)))]
    if service.reload_signal:
        entries.append(("ExecReload", _RELOAD.format(service.reload_signal)))
    return [
        *entries,
        ("Restart", "always"),
        ("RestartSec", "1"),
        ("TimeoutStopSec", "10"),
        ("SyslogIdentifier", service.name),
    ]


def _belongings(service, owner):
    paths = [("Directory", each.path) for each in service.directories]
    paths += [("Secret" if each.secret else "File", each.path) for each in service.files]
    # A file that it reads again from now on may be older than its last signal: the unit has to tell the two apart.
    again = [("ReadsAgain", _digest(service.read_again()))] if service.read_again() else []
    return [("Owner", owner), *again, *paths]


def quote(word):
    """A word of a command line as systemd reads it: in quotes where need be, specifiers and variables as they are."""
    escaped = "".join(_ESCAPES.get(char, char if char.isprintable() else _hex(char)) for char in word)
    return escaped if _PLAIN.fullmatch(escaped) else f'"{escaped}"'


def _hex(char):
    return "".join(f"\\x{byte:02x}" for byte in char.encode("utf-8", "surrogateescape"))


def unquote(line):
    """The words of a command line that quote made."""
    return [_unescape(quoted or bare) for quoted, bare in _WORD.findall(line)]


def _unescape(text):
    def plain(found):
        escape = found.group()
        if escape.startswith("\\x"):
            return bytes.fromhex(escape.replace("\\x", "")).decode("utf-8", "surrogateescape")
        return {"\\n": "\n", "\\t": "\t"}.get(escape, escape[1:])

    return re.sub(r"(?:\\x[0-9a-f]{2})+|\\.|%%|\$\$", plain, text)


@dataclass(frozen=True)
class Record:
    """What a unit file of ours says. entries: its first value of every key. files, secrets and directories: paths."""

    owner: str
    entries: dict
    files: frozenset = frozenset()
    secrets: frozenset = frozenset()
    directories: frozenset = frozenset()
    paths: frozenset = field(init=False)

    def __post_init__(self):
        object.__setattr__(self, "paths", self.files | self.secrets | self.directories)


def read(text):
    """The Record in a unit file, or None if the file (None: there is none) does not carry our mark.

    A path that we would not have written there is not believed: what is recorded will be removed.
    """
    entries, found, section = {}, {}, None
    for line in (text or "").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        key, equals, value = line.partition("=")
        if equals and section == mark.UNIT_SECTION:
            found.setdefault(key, []).append(value)
        elif equals:
            entries.setdefault(key, value)
    if "Owner" not in found:
        return None
    return Record(
        owner=found["Owner"][0],
        entries=entries,
        files=frozenset(filter(is_path, found.get("File", ()))),
        secrets=frozenset(filter(is_path, found.get("Secret", ()))),
        directories=frozenset(filter(is_own_directory, found.get("Directory", ()))),
    )
