# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel settings of the host, live and for the next boot. PRIVATE to the collection.

Live values are in /proc/sys; a drop-in for sysctl.d keeps them over a reboot. Its
comments record what each key was before, so that the settings can be taken back
without a state file beside it.
"""

from __future__ import annotations

import contextlib
import os
import re

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import files, sysctl
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.converge import Backend, Change
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import BadInput, EngineError

#: The drop-in, unless somebody says otherwise.
PATH = "/etc/sysctl.d/60-cloudnet-dataplane.conf"

HEAD = "# Kept by the Ansible module cloudnet.dataplane.node_sysctl, which reads its own comments: do not edit.\n"
_WAS = re.compile(r"# (\S+) was (.*)")


def parse(sysctls):
    """{key: value as the kernel prints it}. Raises BadInput with every problem."""
    problems, wanted = [], {}
    for key, value in sysctls.items():
        if not sysctl.valid_key(str(key)):
            problems.append(f"sysctls.{key}: {value}: is not a sysctl (part.part)")
        elif not isinstance(value, (int, str)) or not sysctl.value_text(value):
            problems.append(f"sysctls.{key}: {value}: must be a number or text")
        else:
            wanted[key] = sysctl.value_text(value)
    if problems:
        raise BadInput(problems)
    return wanted


def render(values, recorded):
    """The drop-in: {key: value} and {key: value before us}."""
    return HEAD + "".join(f"# {key} was {recorded[key]}\n{key} = {value}\n" for key, value in values.items())


def recorded_in(text):
    """{key: value before us} from a drop-in."""
    return dict(found.groups() for found in map(_WAS.fullmatch, text.splitlines()) if found)


class NodeSysctl(Backend):
    """wanted: {key: value}; with none there is no drop-in. warn: called with what check mode finds missing."""

    def __init__(self, wanted, path, warn=None):
        self._wanted, self._path, self._warn = wanted, path, warn

    def observe(self):
        """{"text": of the drop-in or None, "live": {key: value or None} of every key that it or the config names}."""
        text = None
        with contextlib.suppress(FileNotFoundError), open(self._path) as file:
            text = file.read()
        if text is not None and not text.startswith(HEAD):
            raise EngineError(f"{self._path} exists and is not ours: remove it, or choose another path")
        keys = {**recorded_in(text or ""), **self._wanted}
        return {"text": text, "live": sysctl.read_all(keys)}

    def diff(self, have):
        live, before = have["live"], recorded_in(have["text"] or "")
        for key in self._wanted:
            if live[key] is None:
                self._missing(key)
        # Keys that are listed no more go back to what they were; those that the kernel has no more cannot.
        back = {key: was for key, was in before.items() if key not in self._wanted and live[key] is not None}
        text = render(self._wanted, {**live, **before}) if self._wanted else None
        changes = []
        if have["text"] != text:
            action = "create" if have["text"] is None else "delete" if text is None else "update"
            changes.append(Change(action, f"file {self._path}", _lines(have["text"]), _lines(text)))
        for key, value in {**back, **self._wanted}.items():
            if live[key] != value:
                changes.append(Change("update", f"sysctl {key}", live[key], value))
        return changes

    def _missing(self, key):
        if not self._warn:
            raise EngineError(sysctl.missing(key))
        self._warn(f"{sysctl.missing(key)}. The task will fail unless something makes it first.")

    def apply(self, changes, have):
        # The drop-in first: a run killed after it still knows what the values were. Its removal last, likewise.
        drop_in = [change for change in changes if change.object.startswith("file ")]
        for change in drop_in:
            if change.after is not None:
                _write(self._path, "".join(f"{line}\n" for line in change.after))
        _write_live({_key(change): change.after for change in changes if change not in drop_in})
        if any(change.after is None for change in drop_in):
            os.unlink(self._path)

    def undo(self, changes, have):
        _write_live({_key(change): change.before for change in changes if not change.object.startswith("file ")})
        if have["text"] is not None:
            _write(self._path, have["text"])
        elif os.path.exists(self._path):
            os.unlink(self._path)


def _key(change):
    return change.object.partition(" ")[2]


def _write_live(values):
    sysctl.write_all({key: value for key, value in values.items() if value is not None})


def _lines(text):
    return None if text is None else text.splitlines()


def _write(path, text):
    """Replace the file at once: systemd-sysctl may read it at any moment."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    files.replace(path, text.encode(), 0o644)
