# SPDX-License-Identifier: GPL-3.0-or-later
"""The stock way: modules that everybody has, looped over the objects, in a play.

It is treated kindly: what does not grow with the number of floating IPs (sysctls,
Neutron's own chains) goes in one command each. No module of ansible.builtin enters
a network namespace; the usual trick is an interpreter that is inside.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.bench.playbook import BRIDGES, missing, task
from tests.bench.raw import restore

_NAMESPACES = "community.general"
_RESTORE = {"ipv4": "iptables-restore --noflush", "ipv6": "ip6tables-restore --noflush"}


def tasks(cloud, home):
    """The play's tasks for a cloud with internal ports; home: a directory for their files."""
    return [_ports(cloud["ports"]), *(step for space in cloud["namespaces"] for step in _router(space, cloud, home))]


def _ports(ports):
    return task(
        f"{BRIDGES}.openvswitch_port",
        loop=ports,
        bridge="{{ item.bridge }}",
        port="{{ item.name }}",
        tag="{{ item.tag }}",
        external_ids="{{ item.external_ids }}",
        set="Interface {{ item.name }} type=internal",
    )


def _router(space, cloud, home):
    name, links = space["name"], space["links"]
    floating = [item for item in cloud["floating_ips"] if item["namespace"] == name]
    inside, ip = f"ip netns exec {name}", f"ip -n {name}"
    yield _command(f"ip netns add {name}") if missing(_NAMESPACES) else task(f"{_NAMESPACES}.ip_netns", name=name)
    yield _command(f"ip link set {{{{ item.name }}}} netns {name}", loop=links)
    yield _command(f"{ip} link set lo up")
    yield _command(f"{inside} sysctl -w " + " ".join(f"{key}={value}" for key, value in space["sysctls"].items()))
    yield _command(f"{ip} link set {{{{ item.name }}}} address {{{{ item.mac_address }}}} mtu 1500 up", loop=links)
    yield _command(f"{ip} address add {{{{ item.addresses[0] }}}} brd + dev {{{{ item.name }}}}", loop=links)
    for route in space["routes"]:
        yield _command(f"{ip} route add {route['destination']} via {route['gateway']} proto static")
    for item in cloud["nat_rules"]:
        if item["namespace"] == name:
            yield _command(f"{inside} {_RESTORE[item['family']]}", stdin=restore(item))
    yield _command(
        f"{ip} address add {{{{ item.floating_ip_address }}}}/32 brd {{{{ item.floating_ip_address }}}}"
        " dev {{ item.device }}",
        loop=floating,
    )
    interpreter = Path(home, name)
    interpreter.write_text(f'#!/bin/sh\nexec {inside} {sys.executable} "$@"\n')
    interpreter.chmod(0o755)
    yield from _nat(floating, str(interpreter))


def _command(line, loop=None, **options):
    return task("ansible.builtin.command", loop=loop, cmd=line, **options)


def _nat(floating, interpreter):
    """The three rules of each floating IP. (The module cannot say --random-fully.)"""
    common = {"loop": floating, "variables": {"ansible_python_interpreter": interpreter}, "table": "nat"}
    for chain in ("neutron-l3-agent-OUTPUT", "neutron-l3-agent-PREROUTING"):
        yield task(
            "ansible.builtin.iptables",
            chain=chain,
            destination="{{ item.floating_ip_address }}/32",
            jump="DNAT",
            to_destination="{{ item.fixed_ip_address }}",
            **common,
        )
    yield task(
        "ansible.builtin.iptables",
        chain="neutron-l3-agent-float-snat",
        source="{{ item.fixed_ip_address }}/32",
        jump="SNAT",
        to_source="{{ item.floating_ip_address }}",
        **common,
    )
