# SPDX-License-Identifier: GPL-3.0-or-later
"""Instances behind hybrid plugs in one network of the sandbox, and what they say to each other."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
from dataclasses import dataclass

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import namespace

from .conftest import run

BRIDGE = "br-int"
MTU = 1450
SHORT = 0.4  # seconds in which what is let through arrives, and what is not has not
_PACKET_OUTGOING = 4


@dataclass(frozen=True)
class Vm:
    """One instance: its number says its addresses."""

    number: int

    @property
    def name(self):
        return f"vm-{self.number}"

    @property
    def port_id(self):
        return f"{self.number:08x}-05aa-4e3c-9f42-0f1f2c3d4e5f"

    @property
    def tap(self):
        return f"tap{self.port_id}"[:14]

    @property
    def mac(self):
        return f"fa:16:3e:00:00:{self.number:02x}"

    @property
    def ipv4(self):
        return f"10.0.0.{self.number}"

    @property
    def ipv6(self):
        return f"fd00::{self.number:x}"

    def port(self, *groups, **more):
        """The item of the module's `ports`."""
        return {
            "port_id": self.port_id, "mac_address": self.mac, "fixed_ips": [self.ipv4, self.ipv6], "mtu": MTU,
            "security_groups": list(groups), "zone": 4096 + self.number, "tap": True, **more,
        }  # fmt: skip

    def namespace_item(self):
        """The item of the module netns that stands in for a hypervisor."""
        return {
            "name": self.name,
            "sysctls": {"net.ipv6.conf.eth0.accept_dad": 0},
            "links": [{
                "name": "eth0", "plug": "veth", "peer": self.tap, "mac_address": self.mac, "mtu": MTU,
                "tx_checksumming": False, "addresses": [f"{self.ipv4}/24", f"{self.ipv6}/64"],
            }],
        }  # fmt: skip

    def inside(self, function, *args):
        return namespace.inside(self.name, function, *args)


def wire(vms):
    """Connect the outer ends of hybrid plugs: a bridge that filters nothing."""
    for vm in vms:
        run("ovs-vsctl", "--may-exist", "add-port", BRIDGE, f"qvo{vm.port_id}"[:14])


def ping(source, address, size=56):
    """Whether an echo comes back."""
    argv = ["ping", "-c", "1", "-W", str(SHORT), "-M", "do", "-s", str(size), address]
    return source.inside(lambda: subprocess.run(argv, check=False, capture_output=True).returncode == 0)


def _family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


class Stream:
    """A TCP connection between two instances that stays open. Raises OSError when it is not let through."""

    def __init__(self, source, target, address, port):
        family = _family(address)
        with target.inside(socket.socket, family) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((address, port))
            listener.listen()
            listener.settimeout(SHORT)
            self.near = source.inside(socket.socket, family)
            self.near.settimeout(SHORT)
            try:
                self.near.connect((address, port))
                self.far, _peer = listener.accept()
            except OSError:
                self.near.close()
                raise
        self.far.settimeout(SHORT)

    def lives(self):
        """Whether a line still arrives, in both directions."""
        for sender, receiver in ((self.near, self.far), (self.far, self.near)):
            sender.send(b"line\n")
            try:
                if receiver.recv(64)[-5:] != b"line\n":
                    return False
            except OSError:
                return False
        return True

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.near.close()
        self.far.close()


def tcp(source, target, address, port):
    """Whether a connection can be made."""
    with contextlib.suppress(OSError), Stream(source, target, address, port):
        return True
    return False


def udp(source, target, address, port, answer=False):
    """Whether a datagram arrives (and, with answer, its answer)."""
    with target.inside(socket.socket, _family(address), socket.SOCK_DGRAM) as far, \
            source.inside(socket.socket, _family(address), socket.SOCK_DGRAM) as near:
        far.bind((address, port))
        near.settimeout(SHORT)
        far.settimeout(SHORT)
        near.sendto(b"ask", (address, port))
        try:
            _data, peer = far.recvfrom(64)
            if answer:
                far.sendto(b"answer", peer)
                near.recvfrom(64)
        except OSError:
            return False
    return True


def frame(source, target, data):
    """Whether a frame, sent as it is, arrives as it is."""
    everything = socket.htons(0x0003)
    with target.inside(socket.socket, socket.AF_PACKET, socket.SOCK_RAW, everything) as far, \
            source.inside(socket.socket, socket.AF_PACKET, socket.SOCK_RAW, 0) as near:
        far.bind(("eth0", 0x0003))
        near.bind(("eth0", 0))
        far.settimeout(SHORT)
        near.send(data)
        with contextlib.suppress(OSError):
            while True:
                heard, origin = far.recvfrom(2048)
                if heard == data and origin[2] != _PACKET_OUTGOING:
                    return True
    return False


class Knocking:
    """Datagrams from one instance to another, all the time. heard: how many arrived."""

    def __init__(self, source, target, address, port):
        self._source, self._target, self._where = source, target, (address, port)
        self._stopped, self.heard, self.sent = threading.Event(), 0, 0

    def __enter__(self):
        self._far = self._target.inside(socket.socket, _family(self._where[0]), socket.SOCK_DGRAM)
        self._far.bind(self._where)
        self._far.setblocking(False)
        self._near = self._source.inside(socket.socket, _family(self._where[0]), socket.SOCK_DGRAM)
        self._thread = threading.Thread(target=self._knock)
        self._thread.start()
        return self

    def _knock(self):
        while not self._stopped.wait(0.001):
            with contextlib.suppress(OSError):
                self._near.sendto(b"knock", self._where)
                self.sent += 1

    def __exit__(self, *_exception):
        self._stopped.set()
        self._thread.join()
        with contextlib.suppress(BlockingIOError):
            while self._far.recv(64):
                self.heard += 1
        self._near.close()
        self._far.close()
