# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host should have, and the steps that lead there. PRIVATE to the collection. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.converge import Change
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import (
    EngineError,
    ForeignObject,
    refuse_foreign,
)
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.hybrid_plug.names import PREFIXES
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.hybrid_plug.observe import sysctls

#: A tap in no bridge.
UNPLUGGED = {"kind": "other", "bridge": None}


class Step(NamedTuple):
    """One link that changes. before or after None: it comes or goes."""

    name: str
    before: Any
    after: Any

    def change(self):
        """The step as a report shows it."""
        action = "create" if self.before is None else "delete" if self.after is None else "update"
        return Change(action, f"link {self.name}", self.before, self.after, self._disruption())

    def _disruption(self):
        if self.before is None:
            return "none"
        if self.after is None or self.before.get("peer") != self.after.get("peer"):
            return "port"
        return "none" if self.before.get("bridge") in (None, self.after.get("bridge")) else "port"


def bridge_of(name, owner):
    """The wanted qbr: a wire between its two ports that learns, delays and answers nothing."""
    settings = {"stp_state": 0, "forward_delay": 0, "ageing_time": 0, "mcast_snooping": 0}
    return {"kind": "bridge", "owner": owner, "up": True, **settings, "sysctls": sysctls(name)}


def veth_of(peer, mtu, owner):
    """One wanted end of a pair."""
    return {"kind": "veth", "owner": owner, "up": True, "promisc": True, "mtu": mtu, "peer": peer}


def wanted(plugs, owner):
    """{name: link} of the links of {Names: MTU}, without the taps."""
    links = {}
    for names, mtu in plugs.items():
        links[names.qbr] = bridge_of(names.qbr, owner)
        links[names.qvb] = {**veth_of(names.qvo, mtu, owner), "bridge": names.qbr}
        links[names.qvo] = {**veth_of(names.qvb, mtu, owner), "sysctls": sysctls(names.qvo)}
    return links


def steps(have, want, gone, owner, adopt):
    """The Steps from {name: link} to want. gone: names of links that shall not be there."""
    _refuse_foreign(have, [*want, *gone], owner, adopt)
    result = [Step(name, have[name], None) for name in gone if name in have]
    return result + compare(have, want)


def compare(have, want):
    """The Steps of links that shall be as want says, or None for one that shall not be there."""
    found = [Step(name, have.get(name), after) for name, after in want.items()]
    return [step for step in found if step.before != step.after]


def is_half_a_pair(link):
    """Whether the other end of a veth is not in the root namespace, or is gone."""
    return link is not None and link["kind"] == "veth" and link["peer"] is None


def unlisted(have, listed, owner):
    """The names of owner's links of hybrid plugs that are not listed."""
    return [name for name, link in have.items() if link.get("owner") == owner and name not in listed]


def _refuse_foreign(have, names, owner, adopt):
    others = {name: have[name] for name in names if name in have and name.startswith(PREFIXES)}
    others = {name: found for name, found in others.items() if found.get("owner") != owner}
    if not adopt:
        refuse_foreign(
            ForeignObject(f"link {name}", f"ip link delete {name}", found.get("owner"))
            for name, found in others.items()
        )
    for name, found in others.items():
        if found["kind"] != ("bridge" if name.startswith("qbr") else "veth"):
            raise EngineError(
                f"link {name} is no part of a hybrid plug but of kind {found['kind']}: ip link delete {name}"
            )
