# SPDX-License-Identifier: GPL-3.0-or-later
"""The NAT rules of a floating IP, exactly as Neutron writes and iptables-save prints them. Pure. PRIVATE."""

from __future__ import annotations

#: How Neutron's L3 agent begins the names of its chains.
PREFIX = "neutron-l3-agent"

#: How the names of the chains that hold the rules go on after the prefix: two for DNAT, one for SNAT.
DNAT_CHAINS = ("-OUTPUT", "-PREROUTING")
SNAT_CHAIN = "-float-snat"
CHAINS = (*DNAT_CHAINS, SNAT_CHAIN)


def wanted(prefix, floating, fixed, random_fully, inbound=None):
    """{chain: [rule]} of one floating IP. inbound: the one device that a distributed router gets it from."""
    where, chains = (f" -i {inbound}", DNAT_CHAINS[1:]) if inbound else ("", DNAT_CHAINS)
    inward = f"-d {floating}/32{where} -j DNAT --to-destination {fixed}"
    outward = f"-s {fixed}/32 -j SNAT --to-source {floating}" + (" --random-fully" if random_fully else "")
    return {**{prefix + chain: [inward] for chain in chains}, prefix + SNAT_CHAIN: [outward]}


def read(rule):
    """(floating, fixed) of a rule in exactly this form, or None for any other rule."""
    words = rule.split(" ")
    if len(words) == 8 and (words[0], words[2], words[5]) == ("-d", "-i", "DNAT"):
        del words[2:4]
    if len(words) not in (6, 7) or words[2] != "-j" or not words[1].endswith("/32"):
        return None
    flag, host, goto, to = words[0], words[1][:-3], words[3], words[5]
    if not to.replace(".", "").isdigit():  # with a port or a range of addresses it is another rule
        return None
    if (flag, goto, words[4]) == ("-d", "DNAT", "--to-destination") and len(words) == 6:
        return host, to
    if (flag, goto, words[4]) == ("-s", "SNAT", "--to-source") and words[6:] in ([], ["--random-fully"]):
        return to, host
    return None


def inbound(rows, prefix):
    """The device that the rules of one entry of index() name, or None."""
    found = rows.get(prefix + DNAT_CHAINS[1], ())
    words = found[0][1].split(" ") if found else []
    return words[3] if words[2:3] == ["-i"] else None


def name_inbound(chains):
    """Whether rules of a nat table name the device that a distributed router gets floating IPs from."""
    found = (rule for chain, listed in chains.items() if chain.endswith(DNAT_CHAINS[1]) for rule in listed)
    return any(" -i " in rule and read(rule) for rule in found)


def index(chains, prefix):
    """{floating: {chain: [(position, rule, fixed)]}} of the chains of a nat table, positions from 0."""
    found = {}
    for chain in (prefix + end for end in CHAINS):
        for position, rule in enumerate(chains.get(chain, ())):
            pair = read(rule)
            if pair:
                floating, fixed = pair
                found.setdefault(floating, {}).setdefault(chain, []).append((position, rule, fixed))
    return found


def texts(rows):
    """{chain: [rule]} of one entry of index()."""
    return {chain: [rule for _position, rule, _fixed in found] for chain, found in rows.items()}


def document(deletes, appends):
    """The input of iptables-restore --noflush. deletes: {chain: positions}, appends: {chain: rules}."""
    lines = ["*nat"]
    for chain, positions in deletes.items():
        lines += [f"-D {chain} {position + 1}" for position in sorted(positions, reverse=True)]
    lines += [f"-A {chain} {rule}" for chain, rules in appends.items() for rule in rules]
    return "\n".join([*lines, "COMMIT", ""])
