# SPDX-License-Identifier: GPL-3.0-or-later
"""Plugs a lab host into the physical networks; prints one line for each thing it had to do.

A namespace of its own holds one Linux bridge per physical network; a veth pair is the cable from
a bridge to a host's network card. Nothing is made in the machine's own network namespace.

Standard input, JSON:
    namespace: name of the namespace with the bridges
    host:      name of the host: its cables are called HOST-eth0, in at most 15 characters
    container: the host's
    wires:     {network card: bridge}
    addresses: {network card or bridge: address with prefix length}
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

# A wire passes frames as they are (no iptables on what is bridged) and says nothing itself
SYSCTLS = {
    "net.ipv6.conf.default.disable_ipv6": "1",
    "net.bridge.bridge-nf-call-iptables": "0",
    "net.bridge.bridge-nf-call-ip6tables": "0",
    "net.bridge.bridge-nf-call-arptables": "0",
}


def run(*argv, stdin=None):
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(argv)}: {done.stderr.strip()}\n{stdin or ''}")
    return done.stdout


class Namespace:
    """A network namespace, entered by the words that come before a command."""

    def __init__(self, *enter):
        self.enter = enter

    def run(self, *argv, stdin=None):
        return run(*self.enter, *argv, stdin=stdin)

    def links(self):
        return {link["ifname"]: link for link in json.loads(self.run("ip", "-json", "address", "show"))}

    def delete(self, link):
        """The kernel may do so at the same moment."""
        subprocess.run([*self.enter, "ip", "link", "delete", link], capture_output=True, check=False)

    def batch(self, commands):
        if commands:
            self.run("ip", "-batch", "-", stdin="\n".join(commands))
        return commands


class Inside(Namespace):
    """That of a running container."""

    def __init__(self, container):
        self.pid = run("podman", "inspect", "--format", "{{.State.Pid}}", container).strip()
        super().__init__("nsenter", f"--net=/proc/{self.pid}/ns/net")


def make_namespace(name):
    if Path("/run/netns", name).exists():
        return []
    run("ip", "netns", "add", name)
    return [f"netns add {name}"]


def keep_quiet(wires):
    """Set the sysctls that differ, of those that this kernel has: net.bridge.* come with br_netfilter."""
    now = dict(line.split(" = ") for line in wires.run("sysctl", "--ignore", *SYSCTLS).splitlines())
    wanted = [f"{key}={SYSCTLS[key]}" for key, value in now.items() if value != SYSCTLS[key]]
    if wanted:
        wires.run("sysctl", "--quiet", "--write", *wanted)
    return wanted


def lay_cables(wires, inside, lab):
    """Bridges and cables that are missing. A cable vanishes, with both its ends, a while after its host has stopped."""
    links, cards = wires.links(), inside.links()
    commands = []
    if "eth0" not in cards:
        hang_up(lab)
    for device, bridge in lab["wires"].items():
        cable = f"{lab['host']}-{device}"
        if bridge not in links:
            commands += [f"link add {bridge} type bridge forward_delay 0 mcast_snooping 0", f"link set {bridge} up"]
            commands += missing_address(links, bridge, lab["addresses"])
        if device not in cards:
            if cable in links:  # of the host as it ran before
                wires.delete(cable)
            card = f"name {device} address {hardware_address(cable)} netns {inside.pid}"
            commands.append(f"link add {cable} type veth peer {card}")
        if device not in cards or links[cable].get("master") != bridge:
            commands.append(f"link set {cable} master {bridge} up")
    return wires.batch(commands)


def hardware_address(cable):
    """A card keeps its address over a reboot; neighbours remember it."""
    digest = hashlib.sha256(cable.encode()).hexdigest()
    return ":".join(["02", *(digest[at:at + 2] for at in range(0, 10, 2))])


def hang_up(lab):
    """End SSH's kept connections to a host that has stopped: nothing would tell them, and they would hang."""
    address = lab["addresses"]["eth0"].split("/")[0]
    for pid in run("ip", "netns", "pids", lab["namespace"]).split():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it may end by itself meanwhile
            if address in Path("/proc", pid, "cmdline").read_text(encoding="utf-8").split("\0"):
                os.kill(int(pid), signal.SIGTERM)


def bring_up(inside, lab):
    """The host's end: cards up, with the management address, sending whole checksums.

    A veth hands packets over with the checksum still to be filled in, as no real wire does, and
    Open vSwitch's userspace datapath would pass them on like that.
    """
    links = inside.links()
    commands = []
    for device in lab["wires"]:
        if "UP" not in links[device]["flags"]:
            inside.run("ethtool", "--offload", device, "tx", "off")
            commands.append(f"link set {device} up")
        commands += missing_address(links, device, lab["addresses"])
    return inside.batch(commands)


def missing_address(links, device, addresses):
    present = [f"{item['local']}/{item['prefixlen']}" for item in links.get(device, {}).get("addr_info", [])]
    wanted = addresses.get(device)
    return [f"address add {wanted} broadcast + dev {device}"] if wanted and wanted not in present else []


def main():
    lab = json.load(sys.stdin)
    with open(__file__, encoding="utf-8") as turn:  # hosts are plugged in parallel, and share the bridges
        fcntl.flock(turn, fcntl.LOCK_EX)
        changes = make_namespace(lab["namespace"])
        wires = Namespace("ip", "netns", "exec", lab["namespace"])
        inside = Inside(lab["container"])
        changes += keep_quiet(wires) + lay_cables(wires, inside, lab)
    changes += bring_up(inside, lab)
    print("\n".join(changes))


main()
