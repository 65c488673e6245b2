# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a config that may hold anything: checked values out, every problem named. PRIVATE to the collection.

A config that comes packed has not passed AnsibleModule's suboption checks, and what
those cannot say (an address, a prefix without host bits) is checked here in any case.
"""

from __future__ import annotations

import re

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink import inet

_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")


class Fields:
    """One mapping of the config. Checks raise ValueError with the rule that a value breaks."""

    def __init__(self, data, path, problems, keys):
        """keys: the names that the mapping may hold. None stands for an omitted key."""
        self.path, self._problems = path, problems
        if not isinstance(data, dict):
            self.problem("", data, "must be a mapping")
            data = {}
        self._data = {key: value for key, value in data.items() if value is not None}
        for key in self._data:
            if key not in keys:
                self.problem(f".{key}", self._data[key], f"is not an option; these are: {', '.join(keys)}")

    def problem(self, key, value, rule):
        """Note that the value at .key (or at [index]) breaks a rule."""
        self._problems.append(f"{self.path}{key}: {value}: {rule}")

    def has(self, key):
        """Whether the key is there."""
        return key in self._data

    def get(self, key, check, default=None, required=False):
        """The checked value, or default if it is absent or wrong."""
        if key not in self._data:
            if required:
                self._problems.append(f"{self.path}.{key}: is required")
            return default
        try:
            return check(self._data[key])
        except ValueError as error:
            self.problem(f".{key}", self._data[key], error)
            return default

    def items(self, key):
        """(path suffix, element) of a list; none if it is absent."""
        value = self._data.get(key, [])
        if not isinstance(value, list):
            self.problem(f".{key}", value, "must be a list")
            return []
        return [(f".{key}[{index}]", element) for index, element in enumerate(value)]

    def mapping(self, key):
        """A mapping; empty if it is absent."""
        value = self._data.get(key, {})
        if not isinstance(value, dict):
            self.problem(f".{key}", value, "must be a mapping")
            return {}
        return value

    def below(self, suffix, data, keys):
        """The Fields of a mapping inside this one."""
        return Fields(data, f"{self.path}{suffix}", self._problems, keys)


def string(value):
    """Any text but the empty one."""
    if not isinstance(value, str) or not value:
        raise ValueError("must be text")
    return value


def boolean(value):
    """true or false."""
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def integer(low, high):
    """A check for a whole number (or its digits) from low to high."""

    def check(value):
        digits = isinstance(value, str) and value.isascii() and value.isdigit()
        if not digits and (not isinstance(value, int) or isinstance(value, bool)):
            raise ValueError("must be a whole number")
        if not low <= int(value) <= high:
            raise ValueError(f"must be from {low} to {high}")
        return int(value)

    return check


def choice(*choices):
    """A check for one of some words."""

    def check(value):
        if value not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return value

    return check


def device(value):
    """The name of a network device that may also be part of a sysctl key."""
    name = string(value)
    if len(name.encode()) > 15 or re.search(r"[\s/.:]", name):
        raise ValueError("is not a device name: at most 15 characters, without dots, colons, slashes and spaces")
    if name in ("lo", "all", "default"):
        raise ValueError("is a name that the kernel keeps for itself")
    return name


def mac_address(value):
    """A unicast MAC address in lower case."""
    mac = string(value).lower()
    if not _MAC.fullmatch(mac) or int(mac[1], 16) & 1:
        raise ValueError("is not the MAC address of one device")
    return mac


def address(value):
    """An IP address in canonical form."""
    try:
        return inet.unpack(inet.pack(string(value))[1])
    except ValueError:
        raise ValueError("is not an IP address")


def interface_address(value):
    """An IP address with a prefix length, in canonical form; host bits are kept."""
    if not isinstance(value, str) or "/" not in value:
        raise ValueError("is not an IP address with a prefix length")
    return _prefix(value)


def host_or_prefix(value):
    """An IP prefix, host bits kept; a bare address is that one address."""
    return _prefix(string(value))


def network(value):
    """An IP prefix without host bits."""
    text = interface_address(value)
    _family, data, length = inet.pack_prefix(text)
    if inet.network(data, length) != data:
        raise ValueError(f"has host bits set: the network is {inet.unpack(inet.network(data, length))}/{length}")
    return text


def _prefix(value):
    try:
        family, data, length = inet.pack_prefix(value)
    except ValueError:
        raise ValueError("is not an IP address with a prefix length")
    return inet.unpack_prefix(family, data, length)
