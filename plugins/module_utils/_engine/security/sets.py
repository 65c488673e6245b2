# SPDX-License-Identifier: GPL-3.0-or-later
"""ipsets of the members of groups. PRIVATE to the collection.

Whose a set is says a list of sets, cloudnet-dataplane, that holds every set of ours
with a comment naming the owner. Nothing matches against that list; but nobody can
destroy what is in it, and set and list live in the kernel together.

Another set notes the conntrack zones in which connections are yet to end, while rules
change: a run that is killed before it has ended them leaves that to the next one.
"""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import mark
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.command import run
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import EngineError, ForeignObject
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.security import names

TOOL = PACKAGE = "ipset"
#: The set that notes zones.
ZONES = f"{mark.SET}-zones"
_FAMILIES = {"IPv4": "inet", "IPv6": "inet6"}
_HALVES = {"0.0.0.0/0": ("0.0.0.0/1", "128.0.0.0/1"), "::/0": ("::/1", "8000::/1")}


class Set(NamedTuple):
    """One set. kind: its type and family, as `ipset create` wants them. owner: of our mark, or None."""

    kind: str
    members: frozenset
    owner: str | None


class SetChange(NamedTuple):
    """A set that changes. before, after: Set, or None where there is none."""

    name: str
    before: Set | None
    after: Set | None


def wanted(groups, named, owner):
    """{name: Set} of those sets of groups, {id: Group}, whose names are in named: the rules that match them."""
    result = {}
    for group in groups.values():
        for ethertype, family in _FAMILIES.items():
            name = names.ipset(group.id, ethertype)
            if name in named and group.addresses is not None:
                result[name] = Set(f"hash:net family {family}", _members(group.addresses, ethertype), owner)
    return result


def _members(prefixes, ethertype):
    """As ipset prints them: an address without its length, and no prefix of length 0, which it does not know."""
    members = set()
    for prefix in prefixes:
        if (":" in prefix) == (ethertype == "IPv6"):
            members.update(_HALVES.get(prefix, (prefix.removesuffix("/128" if ":" in prefix else "/32"),)))
    return frozenset(members)


def changes(have, want, named, owner, adopt):
    """[SetChange] from {name: Set} to want; sets of owner that are not in named, the names in rules, go.

    Raises ForeignObject. A set without members holds nothing of anybody: a run that was killed may have left it.
    """
    result = []
    for name, after in want.items():
        before = have.get(name)
        if before and before.kind != after.kind:
            raise EngineError(f"ipset {name} exists and is {before.kind}, not {after.kind}: ipset destroy {name}")
        if before and before.owner != owner and before.members and not adopt:
            raise ForeignObject(f"ipset {name}", f"ipset destroy {name}", before.owner)
        if before != after:
            result.append(SetChange(name, before, after))
    ours = [name for name, found in have.items() if found.owner == owner and name not in named]
    return result + [SetChange(name, have[name], None) for name in ours]


def unknown(have, owner):
    """[(name, whose mark it carries)] of sets named like ours that are not ours."""
    starts = tuple(names.ipset("", ethertype) for ethertype in _FAMILIES)
    others = ((name, one) for name, one in have.items() if name.startswith(starts) and one.owner != owner)
    return [(name, one.owner) for name, one in others if one.members]  # without, a run that was killed may have left it


def read():
    """{name: Set} of the current namespace, without the list that is our mark."""
    return parse(run([TOOL, "save"], package=PACKAGE))


def parse(text):
    """The same from what ipset save prints."""
    kinds, members, owners = {}, {}, {}
    for line in text.split("\n"):
        words = line.split(" ", 3)
        if words[0] == "create":
            family = words[3].split(" ")[:2]
            kinds[words[1]] = " ".join([words[2], *(family if family[0] == "family" else ())])
            members[words[1]] = []
        elif words[0] == "add":
            members[words[1]].append(words[2])
            if words[1] == mark.SET:
                owners[words[2]] = _owner(words[3:])
    kinds.pop(mark.SET, None)
    return {name: Set(kind, frozenset(members[name]), owners.get(name)) for name, kind in kinds.items()}


def _owner(rest):
    comment = rest[0].partition('comment "')[2] if rest else ""
    return mark.owner_of_alias(comment[:-1])


def fill(changed, have):
    """Before the rules: make sets, and give every set that stays its members, new ones first."""
    lines = []
    if changed and not any(found.owner for found in have.values()):
        lines.append(f"create {mark.SET} list:set size 8 comment -exist")
    for name, before, after in changed:
        if after is None:
            continue
        if before is None:
            lines.append(f"create {name} {after.kind}")
        lines += _marking(name, before.owner if before else None, after.owner)
        old = before.members if before else frozenset()
        lines += [f"add {name} {member}" for member in sorted(after.members - old)]
        lines += [f"del {name} {member}" for member in sorted(old - after.members)]
    _restore(lines)


def _marking(name, before, after):
    lines = [f"del {mark.SET} {name}"] if before not in (None, after) else []
    return [*lines, f'add {mark.SET} {name} comment "{mark.alias(after)}"'] if after not in (None, before) else lines


def drop(changed, have):
    """After the rules: sets that no rule matches any more go, and with the last one our list."""
    gone = {name for name, _before, after in changed if after is None}
    lines = []
    for name in sorted(gone):
        lines += [f"flush {name}", f"del {mark.SET} {name}", f"destroy {name}"]
    staying = {name for name, found in have.items() if found.owner} - gone
    if gone and not staying and not any(after for _name, _before, after in changed):
        lines.append(f"destroy {mark.SET}")
    _restore(lines)


def noted_zones(have):
    """The zones that a run has noted and was killed before it was done with them."""
    return {int(zone) for zone in have[ZONES].members} if ZONES in have else set()


def note_zones(zones):
    """Note zones in which connections will have to end."""
    _restore([f"create {ZONES} bitmap:port range 0-65535 -exist", *(f"add {ZONES} {zone} -exist" for zone in zones)])


def forget_zones():
    """They have ended."""
    _restore([f"destroy {ZONES}"])


def _restore(lines):
    if lines:
        run([TOOL, "restore"], stdin="\n".join(lines) + "\n", package=PACKAGE)
