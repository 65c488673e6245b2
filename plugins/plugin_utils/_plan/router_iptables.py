# SPDX-License-Identifier: GPL-3.0-or-later
"""iptables of routers, in saved form and Neutron's order (reference 2.5, 2.6, 2.9). PRIVATE to the collection."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.names import gateway_device, router_namespace
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.router_namespace import devices
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.scopes import (
    MASK,
    ScopeMarks,
    crosses,
    scope_of,
)

WRAP = "neutron-l3-agent"
METADATA_PORT = 9697
_METADATA = {4: "169.254.169.254/32", 6: "fe80::a9fe:a9fe/128"}

#: The lower half of a mark is what the router knows of a packet, the upper half its scope (reference 2.5).
_FROM_OUTSIDE = "0x2/0xffff"
_METADATA_MARK = "0x1/0xffff"

_RESTORE_MARK = f"-m connmark ! --mark 0x0/{MASK} -j CONNMARK --restore-mark --nfmask {MASK} --ctmask {MASK}"
_SAVE_MARK = f"-m connmark --mark 0x0/{MASK} -j CONNMARK --save-mark --nfmask {MASK} --ctmask {MASK}"
_SNAT_COMMENT = '-m comment --comment "Perform source NAT on outgoing traffic."'

_WRAPPED_BUILTINS = {
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "raw": ("PREROUTING", "OUTPUT"),
}


def router_rules(view, router):
    """A centralised router's items of nat_rules' `config`, one per address family."""
    marks = ScopeMarks(router, gateway_first=True)
    crossing = crossing_rules(view, view.floating_ips_of(router), devices(router), marks)
    rules = Rules(devices(router), marks, gateway_translation(view, router, marks), crossing,
                  asked=True, proxied=view.site.enable_metadata_proxy)
    return rules.items(router_namespace(router))


class Translation(NamedTuple):
    """Rules of what becomes of packets on their way out. translated: the port through which they leave with another
    address, or None.
    """

    snat: list = []
    postrouting: list = []
    marked: list = []
    saved: list = []
    translated: Any = None


class Crossing(NamedTuple):
    """Rules of table mangle for floating IPs that lead from one address scope into another."""

    forward: list = []
    float_snat: list = []
    floatingip: list = []


def gateway_translation(view, router, marks):
    """What leaves through a gateway gets its address."""
    snat = [f"-j {wrapped('float-snat')}"]
    if not router.gateway:
        return Translation(snat)
    device, source = gateway_device(router.gateway), _first_ipv4(view, router.gateway)
    if router.enable_snat and scope_of(router.gateway.network, 4) is not None:
        snat.append(f"-o {device} -m connmark --mark {marks.mark(router.gateway.network, 4)} -j ACCEPT")
    if source and router.enable_snat:
        snat.append(f"-o {device} -j SNAT --to-source {source} --random-fully")
    if source:
        snat.append(f"-m mark ! --mark {_FROM_OUTSIDE} -m conntrack --ctstate DNAT "
                    f"-j SNAT --to-source {source} --random-fully")
    return Translation(
        snat=snat,
        postrouting=[keep_internal(device)] if source else [],
        marked=[f"-i {device} -j MARK --set-xmark {_FROM_OUTSIDE}"] if source else [],
        saved=[f"-o {device} {_SAVE_MARK}"] if router.enable_snat else [],
        translated=router.gateway if router.enable_snat else None,
    )


def keep_internal(device):
    """Between internal networks nothing is translated, but for what came to a floating IP of this very router."""
    return f"! -o {device} -m conntrack ! --ctstate DNAT -j ACCEPT"


def crossing_rules(view, floating_ips, ways, marks, inbound=None):
    """The Crossing of floating IPs of one router. inbound: the one device that they come in through; None: any."""
    found = [each for each in floating_ips if crosses(each.router, each)]
    if not found:
        return Crossing()
    outer = marks.mark(found[0].router.gateway.network, 4)
    outside = [device for port, device in _with_version(ways, 4) if marks.mark(port.network, 4) == outer]
    where = f" -i {inbound}" if inbound else ""
    return Crossing(
        [f"-s {view.allocated.address(each.fixed_ip)}/32 -j {wrapped('float-snat')}" for each in found],
        [f"-o {device} -j MARK --set-xmark {outer}" for device in outside],
        [f"-d {view.allocated.floating_address(each)}/32{where} "
         f"-j MARK --set-xmark {marks.mark(each.fixed_ip.subnet.network, 4)}" for each in found],
    )


@dataclass(frozen=True)
class Rules:
    """The rules of one namespace of a router.

    ways: [(port, device)], internal ones first. asked: instances ask here for their metadata; proxied: and get them.
    """

    ways: list
    marks: ScopeMarks
    translation: Translation
    crossing: Crossing = field(default_factory=Crossing)
    asked: bool = False
    proxied: bool = False

    def items(self, namespace):
        """Items of nat_rules' `config`, one per address family."""
        return [
            {"namespace": namespace, "family": "ipv4", "keep_floating_ips": True, "tables": self._ipv4()},
            {"namespace": namespace, "family": "ipv6", "tables": self._ipv6()},
        ]

    def _ipv4(self):
        return {
            "mangle": {**wrapped_builtins("mangle"), **self._mangle()},
            "raw": wrapped_builtins("raw"),
            "filter": self._filter(4),
            "nat": self._nat(),
        }

    def _ipv6(self):
        """No NAT: IPv6 is routed."""
        return {
            "mangle": {
                **wrapped_builtins("mangle"),
                wrapped("PREROUTING"): [f"-j {wrapped('scope')}", _RESTORE_MARK, *self._mark_metadata(6)],
                wrapped("scope"): self._scope_marks(6),
            },
            "raw": wrapped_builtins("raw"),
            "filter": self._filter(6),
            "nat": {
                "PREROUTING": [f"-j {wrapped('PREROUTING')}"],
                wrapped("PREROUTING"): self._redirect_metadata(6),
            },
        }

    def _mangle(self):
        translation, crossing = self.translation, self.crossing
        return {
            wrapped("PREROUTING"): [f"-j {wrapped('mark')}", f"-j {wrapped('scope')}", _RESTORE_MARK,
                                    f"-j {wrapped('floatingip')}", *self._mark_metadata(4)],
            wrapped("FORWARD"): crossing.forward,
            wrapped("POSTROUTING"): translation.saved,
            wrapped("float-snat"): [_SAVE_MARK, *crossing.float_snat],
            wrapped("floatingip"): crossing.floatingip,
            wrapped("mark"): translation.marked,
            wrapped("scope"): self._scope_marks(4),
        }

    def _nat(self):
        return {
            **nat_skeleton(),
            wrapped("PREROUTING"): self._redirect_metadata(4),
            wrapped("POSTROUTING"): self.translation.postrouting,
            wrapped("snat"): self.translation.snat,
        }

    def _filter(self, version):
        return {
            **filter_skeleton(),
            wrapped("FORWARD"): [f"-j {wrapped('scope')}"],
            wrapped("INPUT"): [
                f"-m mark --mark {_METADATA_MARK} -j ACCEPT",
                f"-p tcp -m tcp --dport {METADATA_PORT} -j DROP",
            ] if self.proxied else [],
            wrapped("scope"): self._scope_drops(version),
        }

    def _scope_marks(self, version):
        return [f"-i {device} -j MARK --set-xmark {self.marks.mark(port.network, version)}"
                for port, device in _with_version(self.ways, version)]

    def _scope_drops(self, version):
        """Out of a device only with its scope; out of the gateway too, unless IPv4 leaves translated."""
        translated = self.translation.translated if version == 4 else None
        return [f"-o {device} -m mark ! --mark {self.marks.mark(port.network, version)} -j DROP"
                for port, device in _with_version(self.ways, version) if port is not translated]

    def _mark_metadata(self, version):
        """Requests to the metadata address are marked with or without a proxy: so does the agent."""
        if not self.asked:
            return []
        return [f"-d {_METADATA[version]} -i qr-+ -p tcp -m tcp --dport 80 -j MARK --set-xmark {_METADATA_MARK}"]

    def _redirect_metadata(self, version):
        if not self.proxied:
            return []
        return [f"-d {_METADATA[version]} -i qr-+ -p tcp -m tcp --dport 80 -j REDIRECT --to-ports {METADATA_PORT}"]


def nat_skeleton():
    """Chains of table nat that every namespace has."""
    return {
        "PREROUTING": [f"-j {wrapped('PREROUTING')}"],
        "OUTPUT": [f"-j {wrapped('OUTPUT')}"],
        "POSTROUTING": [f"-j {wrapped('POSTROUTING')}", "-j neutron-postrouting-bottom"],
        **{wrapped(chain): [] for chain in ("PREROUTING", "OUTPUT", "POSTROUTING", "float-snat")},
        wrapped("snat"): [f"-j {wrapped('float-snat')}"],
        "neutron-postrouting-bottom": [f"{_SNAT_COMMENT} -j {wrapped('snat')}"],
    }


def filter_skeleton():
    """Chains of table filter that every namespace has."""
    return {
        "INPUT": [f"-j {wrapped('INPUT')}"],
        "FORWARD": ["-j neutron-filter-top", f"-j {wrapped('FORWARD')}"],
        "OUTPUT": ["-j neutron-filter-top", f"-j {wrapped('OUTPUT')}"],
        "neutron-filter-top": [f"-j {wrapped('local')}"],
        **{wrapped(chain): [] for chain in ("INPUT", "FORWARD", "OUTPUT", "local")},
    }


def wrapped_builtins(table):
    """Each built-in chain jumps to the agent's chain of the same name."""
    chains = _WRAPPED_BUILTINS[table]
    return {**{chain: [f"-j {wrapped(chain)}"] for chain in chains}, **{wrapped(chain): [] for chain in chains}}


def wrapped(chain):
    """The agent's chain name: wrapped, the part behind the prefix cut at 11 (reference 1.6)."""
    return f"{WRAP}-{chain[:11]}"


def _with_version(ways, version):
    return [(port, device) for port, device in ways
            if any(fixed.subnet.version == version for fixed in port.fixed_ips)]


def _first_ipv4(view, port):
    """Neutron translates to the first IPv4 address of the gateway port."""
    return next((view.allocated.address(fixed) for fixed in port.fixed_ips if fixed.subnet.version == 4), None)
