# SPDX-License-Identifier: GPL-3.0-or-later
"""Transmit checksum offload of a device, as `ethtool -K DEVICE tx off`. PRIVATE to the collection.

On Open vSwitch's userspace datapath nobody fills in the checksums that a device leaves
to its hardware: pings pass and TCP hangs, unless the kernel computes them itself.
"""

from __future__ import annotations

import array
import fcntl
import os
import socket
import struct

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import EngineError

_SIOCETHTOOL = 0x8946
_GTXCSUM, _STXCSUM = 0x16, 0x17  # linux/ethtool.h


def tx_checksumming(device):
    """Whether the device of the current namespace leaves checksums to its hardware; None if it cannot tell."""
    try:
        return bool(_ethtool(device, _GTXCSUM, 0))
    except OSError:
        return None


def set_tx_checksumming(device, on):
    """Turn it on or off."""
    try:
        _ethtool(device, _STXCSUM, int(on))
    except OSError as error:
        raise EngineError(
            f"turning TX checksumming of {device} {'on' if on else 'off'} failed: {os.strerror(error.errno)}"
        ) from error


def _ethtool(device, command, value):
    """One SIOCETHTOOL call with a struct ethtool_value; the value afterwards."""
    data = array.array("I", [command, value])
    # struct ifreq: the name, then a pointer to the ethtool structure, padded to the size of its union.
    request = struct.pack("16sP16x", device.encode(), data.buffer_info()[0])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as control:
        fcntl.ioctl(control, _SIOCETHTOOL, request)
    return data[1]
