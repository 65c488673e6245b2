# SPDX-License-Identifier: GPL-3.0-or-later
"""DHCP options as dnsmasq knows them: their names, numbers and values. PRIVATE to the collection. Pure."""

from __future__ import annotations

import re
from ipaddress import ip_interface

#: What `dnsmasq --help dhcp` and `dnsmasq --help dhcp6` list, by IP version.
NUMBERS = {
    4: {
        "netmask": 1, "time-offset": 2, "router": 3, "dns-server": 6, "log-server": 7, "lpr-server": 9,
        "boot-file-size": 13, "domain-name": 15, "swap-server": 16, "root-path": 17, "extension-path": 18,
        "ip-forward-enable": 19, "non-local-source-routing": 20, "policy-filter": 21, "max-datagram-reassembly": 22,
        "default-ttl": 23, "mtu": 26, "all-subnets-local": 27, "router-discovery": 31, "router-solicitation": 32,
        "static-route": 33, "trailer-encapsulation": 34, "arp-timeout": 35, "ethernet-encap": 36, "tcp-ttl": 37,
        "tcp-keepalive": 38, "nis-domain": 40, "nis-server": 41, "ntp-server": 42, "netbios-ns": 44,
        "netbios-dd": 45, "netbios-nodetype": 46, "netbios-scope": 47, "x-windows-fs": 48, "x-windows-dm": 49,
        "T1": 58, "T2": 59, "vendor-class": 60, "nis+-domain": 64, "nis+-server": 65, "tftp-server": 66,
        "bootfile-name": 67, "mobile-ip-home": 68, "smtp-server": 69, "pop3-server": 70, "nntp-server": 71,
        "irc-server": 74, "user-class": 77, "rapid-commit": 80, "client-arch": 93, "client-interface-id": 94,
        "client-machine-id": 97, "posix-timezone": 100, "tzdb-timezone": 101, "ipv6-only": 108,
        "domain-search": 119, "sip-server": 120, "classless-static-route": 121, "vendor-id-encap": 125,
        "tftp-server-address": 150, "server-ip-address": 255,
    },
    6: {
        "sip-server-domain": 21, "sip-server": 22, "dns-server": 23, "domain-search": 24, "nis-server": 27,
        "nis+-server": 28, "nis-domain": 29, "nis+-domain": 30, "sntp-server": 31, "information-refresh-time": 32,
        "posix-timezone": 41, "tzdb-timezone": 42, "ntp-server": 56, "bootfile-url": 59, "bootfile-param": 60,
    },
}

#: Those whose value is a list of addresses.
_OF_ADDRESSES = {
    4: {1, 3, 6, 7, 9, 16, 21, 28, 32, 33, 41, 42, 44, 45, 48, 49, 50, 54, 65, 68, 69, 70, 71, 74, 150, 255},
    6: {22, 23, 27, 28, 31},
}
#: DHCPv4: those that take no number, because dnsmasq does not know how long it would be.
_NO_NUMBER = {43, 52, 53, 55, 56, 57, 61, 81, 82, 118}
#: DHCPv4: those that are text, so that numbers with commas between are text, too. Elsewhere they are nothing.
_OF_TEXT = {12, 15, 17, 18, 40, 51, 58, 59, 64, 66, 67, 100, 101, 119}
_LAST = {4: 255, 6: 65535}
#: Without a value these tell a client that there is none (Neutron's VALID_BLANK_EXTRA_DHCP_OPTS).
_MAY_BE_BLANK = ("router", "classless-static-route")
#: Told by the server's host file instead, as dnsmasq wants it.
_CLIENT_ID = ("client-id", "61")

_NAME = re.compile(r"(?P<tags>(?:tag:!?[^\s,]+,)*)(?P<option>[^\s,:]+)")
_NUMBERS = re.compile(r"-?\d+(,-?\d+)*")
_ONE_LINE = re.compile(r'(?:[^"\n]|"[^"\n]*")*')


def is_client_id(name):
    """Whether an opt_name is the client identifier."""
    return name in _CLIENT_ID


def split(name):
    """(tags, option) of an opt_name: "tag:ipxe,bootfile-name" gives ("tag:ipxe,", "bootfile-name")."""
    parts = _NAME.fullmatch(name)
    return parts["tags"], parts["option"]


def name_fault(name, version):
    """The rule that an opt_name breaks, or None."""
    if is_client_id(name):
        return None
    if not _NAME.fullmatch(name):
        return "must be a DHCP option as dnsmasq writes it: NAME, NUMBER or tag:TAG,NAME"
    option, names, last = split(name)[1], NUMBERS[version], _LAST[version]
    if option in names or (option.isdecimal() and 1 <= int(option) <= last):
        return None
    return f"must be a number from 1 to {last} or one of dnsmasq's names of DHCPv{version} options: {', '.join(names)}"


def value_fault(name, value, version):
    """The rule that an opt_value breaks, or None. name: without fault."""
    if is_client_id(name):
        return None if re.fullmatch(r"[^\s,]+", value) else "must be a client identifier without white space and ','"
    if not _ONE_LINE.fullmatch(value) or re.search(r"\s#", value):
        return "must be one line, with quotes in pairs and without the comment sign '#'"
    option = split(name)[1]
    number = NUMBERS[version].get(option) or int(option)
    if not value:
        return None if option in _MAY_BE_BLANK else "must not be empty"
    if number in _OF_ADDRESSES[version] and not all(_is_address(each, version) for each in value.split(",")):
        return f"must be IPv{version} addresses, separated by ','"
    return _number_fault(number, value) if version == 4 and _NUMBERS.fullmatch(value) else None


def _number_fault(number, value):
    if "," in value and number not in _OF_TEXT:
        return "must not be several numbers: bytes are written 01:02, text in quotes"
    if number in _NO_NUMBER and "," not in value:
        return f"must not be a number in option {number}: bytes are written 01:02, text in quotes"
    return None


def _is_address(text, version):
    try:
        return ip_interface(re.sub(r"^\[(.*)]$", r"\1", text)).version == version
    except ValueError:
        return False
