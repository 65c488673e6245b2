# SPDX-License-Identifier: GPL-3.0-or-later
"""A virtual machine's network card, without the machine. Copied to lab hosts.

nic.py TAP BRIDGE NAMESPACE MAC MTU ADDRESS...

Does what a hypervisor does: makes TAP, plugs it into BRIDGE, and hands its frames to the guest, whose eth0 is a
second tap inside NAMESPACE, which is made. Ends after at most 300 s, and with it both taps.
"""

from __future__ import annotations

import fcntl
import os
import selectors
import signal
import struct
import subprocess
import sys

TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000


def tap(name):
    handle = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(handle, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    return handle


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def plug(name, bridge, namespace, mtu, *guest):
    """The host's end; then this program again as the guest's, in its namespace, with the host's end open."""
    handle = tap(name)
    os.set_inheritable(handle, True)
    ip("link", "set", name, "mtu", mtu, "master", bridge, "up")
    ip("netns", "add", namespace)
    os.execvp("ip", ["ip", "netns", "exec", namespace, sys.executable, __file__, "guest", str(handle), mtu, *guest])


def guest(host, mtu, mac, *addresses):
    card = tap("eth0")
    ip("link", "set", "eth0", "address", mac, "mtu", mtu, "up")
    for address in addresses:
        ip("address", "add", address, "dev", "eth0", *(["nodad"] if ":" in address else []))
    print("plugged", flush=True)
    signal.alarm(300)
    ends = selectors.DefaultSelector()
    ends.register(host, selectors.EVENT_READ, card)
    ends.register(card, selectors.EVENT_READ, host)
    while True:
        for key, _events in ends.select():
            os.write(key.data, os.read(key.fd, 65535))


if __name__ == "__main__":
    if sys.argv[1] == "guest":
        guest(int(sys.argv[2]), *sys.argv[3:])
    else:
        name, bridge, namespace, mac, mtu, *addresses = sys.argv[1:]
        plug(name, bridge, namespace, mtu, mac, *addresses)
