# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of Open vSwitch's modules share: rows of the database, namespaces on wires, traffic."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import namespace

from .conftest import eventually, run

PORT = 7777


def rows(table, *columns):
    """{name: {column: OVSDB's JSON value}}, read by Open vSwitch's own tool."""
    data = json.loads(run("ovs-vsctl", "--format=json", f"--columns=name,{','.join(columns)}", "list", table))
    return {row[0]: dict(zip(columns, row[1:])) for row in data["data"]}


def ofport(name):
    return int(run("ovs-vsctl", "get", "interface", name, "ofport"))


def has_device(name):
    return name in (device for _index, device in socket.if_nameindex())


def wire(name, number):
    """A namespace with eth0 at 10.9.0.number, its other end tap-NAME in the root namespace."""
    run("ip", "netns", "add", name)
    address = f"fa:16:3e:00:00:{number:02x}"  # ARP entries about it stay true when it is made anew
    run("ip", "link", "add", f"tap-{name}", "type", "veth", "peer", "name", "eth0", "address", address, "netns", name)
    run("ip", "link", "set", f"tap-{name}", "up")
    run("ip", "-n", name, "link", "set", "eth0", "up")
    run("ip", "-n", name, "address", "add", f"10.9.0.{number}/24", "dev", "eth0")
    run("ip", "netns", "exec", name, "ethtool", "-K", "eth0", "tx", "off")


def unwire(name):
    """Delete the namespace and wait until the kernel has taken the veth with it."""
    run("ip", "netns", "del", name)
    eventually(lambda: not has_device(f"tap-{name}"))


def _socket(name, number):
    def make():
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind((f"10.9.0.{number}", PORT))
        made.settimeout(1)
        return made

    return namespace.inside(name, make)


def lost(sender, receiver, count=5, interval=0.05, prepare=1):
    """How many of so many UDP packets from (namespace, number) do not arrive at the other (namespace, number).

    prepare: packets sent before, not counted, that let ARP resolve.
    """
    with _socket(*sender) as out, _socket(*receiver) as into:
        target = (f"10.9.0.{receiver[1]}", PORT)
        for _ in range(prepare):
            out.sendto(b"prepare", target)
            with contextlib.suppress(OSError):
                into.recv(100)
        for number in range(count):
            out.sendto(b"%d" % number, target)
            time.sleep(interval)
        return count - _received(into)


def _received(into):
    into.settimeout(0.5)
    count = 0
    with contextlib.suppress(OSError):
        while into.recv(100):
            count += 1
    return count


@contextlib.contextmanager
def traffic(sender, receiver, count=40, interval=0.05):
    """Packets at 20 a second while the block runs; yields a list that afterwards holds how many were lost."""
    result = []
    thread = threading.Thread(target=lambda: result.append(lost(sender, receiver, count, interval)))
    thread.start()
    time.sleep(3 * interval)
    try:
        yield result
    finally:
        thread.join()
