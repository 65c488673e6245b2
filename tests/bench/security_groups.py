# SPDX-License-Identifier: GPL-3.0-or-later
"""Security groups of a host with many instances: by hand and ours, written, read, and changed a little.

By hand is what writes and reads the same state fastest without looking: ipset restore,
iptables-restore and ip6tables-restore, and ip -batch for the links.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from ansible_collections.cloudnet.dataplane.plugins.module_utils._packed import pack
from tests.bench import ours
from tests.sandbox import run

GROUPS = 20
MTU = 1450
_SAVES = {"sets": ("ipset", "save"), "ipv4": ("iptables-save",), "ipv6": ("ip6tables-save",)}
_RESTORES = {"sets": "ipset restore", "ipv4": "iptables-restore --noflush", "ipv6": "ip6tables-restore --noflush"}
_EMPTY = "".join(f"*{table}\nCOMMIT\n" for table in ("raw", "nat", "filter"))


def host(ports, plug, opened=8):
    """The options of the module for that many ports in twenty groups, each of 20 rules, half of them IPv6.

    opened: services that each group opens in each family; one less or more is a small change.
    """
    groups = [_group(number, range(number, ports, GROUPS), opened) for number in range(GROUPS)]
    return {"config": groups, "ports": [_port(number, plug) for number in range(ports)]}


def _group(number, members, opened):
    addresses = [address for member in members for address in _addresses(member)]
    return {"id": _id(number, "1111"), "addresses": addresses, "rules": [*_rules(number, "IPv4", "10.0.0.0/8", opened),
                                                                         *_rules(number, "IPv6", "fd00::/8", opened)]}


def _rules(number, ethertype, prefix, opened):
    yield {"direction": "egress", "ethertype": ethertype}
    yield {"direction": "ingress", "ethertype": ethertype, "remote_group_id": _id(number, "1111")}
    for service in range(opened):
        low = 1000 * service + number + 1
        remote = {"remote_ip_prefix": prefix} if service % 2 else {}
        high = low + service % 3
        yield {"direction": "ingress", "ethertype": ethertype, "protocol": "udp" if service % 4 == 3 else "tcp",
               "port_range_min": low, "port_range_max": high, **remote}


def _port(number, plug):
    return {
        "port_id": _id(number, "2222"), "mac_address": f"fa:16:3e:00:{number >> 8:02x}:{number & 255:02x}",
        "fixed_ips": _addresses(number), "security_groups": [_id(number % GROUPS, "1111")], "zone": 4097 + number,
        "mtu": MTU, "ra_sources": ["fe80::1"], "plug": plug,
    }  # fmt: skip


def _addresses(number):
    return [f"10.1.{number >> 8}.{number & 255}", f"fd00::{number:x}"]


def _id(number, part):
    return f"{number:08x}-{part}-4e3c-9f42-0f1f2c3d4e5f"


def measure(ports, plug, repetitions):
    """Medians in seconds of that many ports, with or without their links.

    raw, create: written by hand and by us, from nothing; reading: by hand; again: we find nothing to change;
    change: each group opens one service less. Of ours the engine, and the whole process as "process".
    """
    wanted, fewer = (_packed(ports, plug, opened) for opened in (8, 7))
    empty()
    _converge(wanted)
    saved = _save()
    rounds = [_round(wanted, fewer, saved, _links(ports) if plug else "") for _ in range(repetitions)]
    empty()
    medians = {what: statistics.median(one[what] for one in rounds) for what in rounds[0] if what != "same"}
    lines = sum(text.count("\n-A ") for text in saved.values())
    return {"ports": ports, "plug": plug, "rules": lines, "same": all(one["same"] for one in rounds), **medians}


def _round(wanted, fewer, saved, links):
    empty()
    raw = _by_hand(saved, links)
    started = time.monotonic()
    by_hand = _save()
    reading = time.monotonic() - started
    empty()
    create = _converge(wanted)
    same = [*map(_comparable, _save().values())] == [*map(_comparable, by_hand.values())]
    again, change = _converge(wanted), _converge(fewer)
    assert (again.changed, change.changed) == (False, True)
    return {"raw": raw, "reading": reading, "create": create.engine, "process": create.process,
            "again": again.engine, "change": change.engine, "memory": create.memory, "same": same}


def _save():
    return {part: run(*command) for part, command in _SAVES.items()}


def _packed(ports, plug, opened):
    return pack(host(ports, plug, opened))


def _converge(packed):
    return ours.run("security_group", packed)


def _by_hand(saved, links):
    with tempfile.TemporaryDirectory() as home:
        steps = []
        for part, text in saved.items():
            (Path(home) / part).write_text(text)
            steps.append(f"{_RESTORES[part]} < {home}/{part}")
        (Path(home) / "links").write_text(links)
        started = time.monotonic()
        subprocess.run(["sh", "-ec", "\n".join([*steps, f"ip -batch {home}/links"])], check=True)
        return time.monotonic() - started


def _links(ports):
    """Lines for ip -batch that make every port's bridge and pair."""
    lines = []
    for number in range(ports):
        qbr, qvb, qvo = (f"{prefix}{_id(number, '2222')}"[:14] for prefix in ("qbr", "qvb", "qvo"))
        lines += [
            f"link add {qbr} type bridge stp_state 0 forward_delay 0 ageing_time 0 mcast_snooping 0",
            f"link add {qvb} mtu {MTU} type veth peer name {qvo} mtu {MTU}",
            f"link set {qvb} up promisc on master {qbr}",
            f"link set {qvo} up promisc on",
            f"link set {qbr} up",
        ]
    return "\n".join(lines) + "\n"


def empty():
    """No rules, sets and hybrid plugs."""
    for tool in ("iptables-restore", "ip6tables-restore"):
        run(tool, input=_EMPTY)
    subprocess.run(["ipset", "destroy", "cloudnet-dataplane"], check=False, capture_output=True)
    run("ipset", "destroy")
    names = re.findall(r"^\d+: ((?:qbr|qvb)[^:@]+)", run("ip", "-o", "link"), re.MULTILINE)
    run("ip", "-batch", "-", input="".join(f"link delete {name}\n" for name in names))


def _comparable(text):
    """What a tool saved, without dates, counters, and how the kernel keeps its sets."""
    text = re.sub(r"^#.*$|\[\d+:\d+\]| (initval|hashsize|bucketsize) \S+", "", text, flags=re.MULTILINE)
    return sorted(text.splitlines())
