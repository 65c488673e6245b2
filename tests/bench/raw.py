# SPDX-License-Identifier: GPL-3.0-or-later
"""What a skilled hand would write: the fastest shell script that builds the same cloud from nothing.

One ovs-vsctl and one ip -batch for the host, then inside each namespace one
ip -batch and one iptables-restore per family. It neither looks before nor checks
after, and knows no second run.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path


def write(cloud, home):
    """Write the script and its input files into the directory home; the script's path."""
    home = Path(home)
    host = [f"netns add {space['name']}" for space in cloud["namespaces"]]
    host += [line for space in cloud["namespaces"] for line in _plug(space)]
    (home / "host.batch").write_text(_lines(host))
    (home / "ports").write_text(_lines(["exec ovs-vsctl \\", *map(_port, cloud["ports"])]))
    internal = any(port["type"] == "internal" for port in cloud["ports"])
    steps = [f"sh {home}/ports", f"ip -batch {home}/host.batch"]
    steps = steps if internal else steps[::-1]  # a veth must exist before OVS takes it, an internal port after
    for number, space in enumerate(cloud["namespaces"]):
        inner = home / f"namespace{number}"
        inner.write_text(_lines(_inside(space, cloud, inner)))
        steps.append(f"nsenter --net=/run/netns/{space['name']} sh -e {inner}")
    script = home / "script"
    script.write_text(_lines(steps))
    return script


def _plug(space):
    for link in space["links"]:
        if link["plug"] == "internal":
            yield f"link set {link['name']} netns {space['name']}"
        else:
            yield (
                f"link add {link['name']} netns {space['name']} mtu {link['mtu']} address {link['mac_address']}"
                f" type veth peer name {link['peer']}"
            )
            yield f"link set {link['peer']} up"


def _port(port):
    name = port["name"]
    ids = " ".join(f"external_ids:{key}='\"{value}\"'" for key, value in port["external_ids"].items())
    kind = "type=internal" if port["type"] == "internal" else ""
    return f"-- add-port {port['bridge']} {name} tag={port['tag']} -- set Interface {name} {kind} {ids} \\"


def _inside(space, cloud, inner):
    """The lines of the shell script that runs in the namespace; writes the files that it feeds to the tools."""
    devices = {link["name"] for link in space["links"]}
    per_device = {key: value for key, value in space["sysctls"].items() if devices & set(key.split("."))}
    yield from (_sysctl(key, value) for key, value in space["sysctls"].items() if key not in per_device)
    addresses = [item for item in cloud["floating_ips"] if item["namespace"] == space["name"]]
    inner.with_suffix(".batch").write_text(_lines(_kernel(space, addresses)))
    yield f"ip -batch {inner}.batch"
    yield from (_sysctl(key, value) for key, value in per_device.items())
    for item in (item for item in cloud["nat_rules"] if item["namespace"] == space["name"]):
        tool = {"ipv4": "iptables-restore", "ipv6": "ip6tables-restore"}[item["family"]]
        inner.with_suffix("." + item["family"]).write_text(restore(item, addresses))
        yield f"{tool} --noflush < {inner}.{item['family']}"


def _sysctl(key, value):
    return f"echo {value} > /proc/sys/{key.replace('.', '/')}"


def _kernel(space, addresses):
    yield "link set lo up"
    for link in space["links"]:
        yield f"link set {link['name']} address {link['mac_address']} mtu {link['mtu']} up"
        yield from (f"address add {address} brd + dev {link['name']}" for address in link["addresses"])
    for route in space["routes"]:
        yield f"route add {route['destination']} via {route['gateway']} dev {route['device']} proto static"
    for item in addresses:
        address = item["floating_ip_address"]
        yield f"address add {address}/32 brd {address} dev {item['device']}"


def restore(item, addresses=()):
    """The input of iptables-restore for one item of nat_rules and the floating IPs of its namespace."""
    lines = []
    for table, chains in item["tables"].items():
        floating = _floating(addresses) if (item["family"], table) == ("ipv4", "nat") else {}
        lines.append(f"*{table}")
        # Builtin chains unsaid: setting a policy makes the kernel wait 18 ms for each table
        lines += [f":{chain} - [0:0]" for chain in chains if not chain.isupper()]
        for chain, rules in chains.items():
            lines += [f"-A {chain} {rule}" for rule in [*rules, *floating.get(chain, ())]]
        lines.append("COMMIT")
    return _lines(lines)


def _floating(addresses):
    """{chain: rules} of floating IPs."""
    rules = defaultdict(list)
    for item in addresses:
        address, fixed = item["floating_ip_address"], item["fixed_ip_address"]
        for chain in ("neutron-l3-agent-OUTPUT", "neutron-l3-agent-PREROUTING"):
            rules[chain].append(f"-d {address}/32 -j DNAT --to-destination {fixed}")
        rules["neutron-l3-agent-float-snat"].append(f"-s {fixed}/32 -j SNAT --to-source {address} --random-fully")
    return rules


def _lines(lines):
    return "".join(f"{line}\n" for line in lines)
