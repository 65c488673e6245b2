# SPDX-License-Identifier: GPL-3.0-or-later
"""The ports that the caller wants, checked. Pure. PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import mark
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import BadInput
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.ports.port import (
    TUNNELS,
    TYPES,
    VLAN_MODES,
    Port,
)

MAPS = ("options", "external_ids", "other_config")
KEYS = ("name", "bridge", "type", "tag", "trunks", "vlan_mode", *MAPS, "namespace", "ignore")

#: Longest name of a network device of the kernel (IFNAMSIZ less the zero byte), and of any OVSDB port that we accept.
DEVICE_NAME_LENGTH, PORT_NAME_LENGTH = 15, 63


def parse(config, absent, owner):
    """({name: Port}, {name: namespace}, names to ignore) of the items. BadInput holds every problem.

    absent: only names matter.
    """
    problems, ports, hints, ignored, first = [], {}, {}, set(), {}
    for index, item in enumerate(config):
        checked = _Item(index, item, problems)
        port = checked.port(absent, owner)
        if port is None:
            continue
        if port.name in first:
            problems.append(f"config[{index}].name: {port.name}: is listed already in config[{first[port.name]}]")
        first.setdefault(port.name, index)
        if checked.values.get("ignore"):
            ignored.add(port.name)
            continue
        ports[port.name] = port
        if checked.values.get("namespace"):
            hints[port.name] = checked.values["namespace"]
    if problems:
        raise BadInput(problems)
    return ports, hints, ignored


class _Item:
    """One item of config; every fault goes to problems."""

    def __init__(self, index, item, problems):
        self.where, self.problems = f"config[{index}]", problems
        self.values = {key: value for key, value in item.items() if value is not None} if _is_map(item) else None

    def port(self, absent, owner):
        """The Port, or None if the item has no usable name. Its values mean something only if there is no problem."""
        if self.values is None:
            self.problems.append(f"{self.where}: must be a dictionary")
            return None
        for key in self.values:
            if key not in KEYS:
                self._wrong(key, f"is not an option; options are {', '.join(KEYS)}")
        name = self._text("name", required=True)
        if absent or self._ignore():
            return name and Port(name, self._text("bridge") or "")
        port = Port(
            name=name or "",
            bridge=self._text("bridge", required=True) or "",
            type=self._choice("type", TYPES) or "system",
            tag=self._tag(),
            trunks=self._trunks(),
            vlan_mode=self._choice("vlan_mode", VLAN_MODES),
            owner=owner,
            **{key: self._map(key) for key in MAPS},
        )
        self._check_whole(port)
        return port if name else None

    def _wrong(self, key, rule):
        value = f" {self.values[key]}:" if key in self.values else ""
        self.problems.append(f"{self.where}.{key}:{value} {rule}")

    def _text(self, key, required=False):
        value = self.values.get(key)
        if value is None:
            if required:
                self._wrong(key, "is required")
        elif not isinstance(value, str) or not value or any(c.isspace() or c in '/"' for c in value):
            self._wrong(key, "must be a name without spaces, slashes and quotes")
            return None
        return value

    def _ignore(self):
        value = self.values.get("ignore", False)
        if not isinstance(value, bool):
            self._wrong("ignore", "must be true or false")
        return value is True

    def _choice(self, key, choices):
        value = self.values.get(key)
        if value is not None and value not in choices:
            self._wrong(key, f"must be one of {', '.join(choices)}")
            return None
        return value

    def _tag(self):
        value = self.values.get("tag")
        if value is not None and not _is_vlan(value):
            self._wrong("tag", "must be a number from 0 to 4095")
        return value

    def _trunks(self):
        values = self.values.get("trunks", [])
        if not isinstance(values, (list, tuple)) or not all(_is_vlan(value) for value in values):
            self._wrong("trunks", "must be a list of numbers from 0 to 4095")
            return ()
        return tuple(sorted(set(values)))

    def _map(self, key):
        values = self.values.get(key, {})
        if not _is_map(values):
            self._wrong(key, "must be a dictionary")
            return {}
        for name, value in values.items():
            if not isinstance(name, str) or not isinstance(value, (str, int, bool)):
                self.problems.append(f"{self.where}.{key}.{name}: {value}: must be a string, a number or a boolean")
            elif name == mark.EXTERNAL_ID:
                self.problems.append(f"{self.where}.{key}.{name}: is the mark of this collection")
        return {name: _as_text(value) for name, value in values.items()}

    def _check_whole(self, port):
        """The rules that span several options."""
        limit = DEVICE_NAME_LENGTH if port.type in ("system", "internal") else PORT_NAME_LENGTH
        if len(port.name) > limit:
            self._wrong("name", f"is longer than {limit} characters")
        if port.type == "patch" and "peer" not in port.options:
            self.problems.append(f"{self.where}.options.peer: is required for type patch")
        if port.type in TUNNELS and "remote_ip" not in port.options:
            self.problems.append(f"{self.where}.options.remote_ip: is required for type {port.type}")
        if self._text("namespace") and port.type != "internal":
            self._wrong("namespace", "is only for type internal")


def _is_map(value):
    return isinstance(value, dict)


def _is_vlan(value):
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 4095


def _as_text(value):
    """As OVSDB writes it: YAML's true is "true"."""
    return str(value).lower() if isinstance(value, bool) else str(value)
