# SPDX-License-Identifier: GPL-3.0-or-later
"""iptables of a centralised router, in saved form and Neutron's order (reference 2.5, 2.6, 2.9). PRIVATE."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.names import gateway_device, router_namespace
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.router_namespace import devices

WRAP = "neutron-l3-agent"
METADATA_PORT = 9697
_METADATA = {4: "169.254.169.254/32", 6: "fe80::a9fe:a9fe/128"}

#: The upper half of a mark is the address scope, the lower half what the router knows of a packet (reference 2.5).
_SCOPE = "0x4000000/0xffff0000"
_FROM_OUTSIDE = "0x2/0xffff"
_METADATA_MARK = "0x1/0xffff"

_RESTORE_MARK = ("-m connmark ! --mark 0x0/0xffff0000 -j CONNMARK --restore-mark "
                 "--nfmask 0xffff0000 --ctmask 0xffff0000")
_SAVE_MARK = "-m connmark --mark 0x0/0xffff0000 -j CONNMARK --save-mark --nfmask 0xffff0000 --ctmask 0xffff0000"
_SNAT_COMMENT = '-m comment --comment "Perform source NAT on outgoing traffic."'

_WRAPPED_BUILTINS = {
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "raw": ("PREROUTING", "OUTPUT"),
}


def router_rules(view, router):
    """The router's items of nat_rules' `config`, one per address family."""
    namespace = router_namespace(router)
    return [
        {"namespace": namespace, "family": "ipv4", "keep_floating_ips": True, "tables": _ipv4(view, router)},
        {"namespace": namespace, "family": "ipv6", "tables": _ipv6(view, router)},
    ]


def _ipv4(view, router):
    gateway = router.gateway and gateway_device(router.gateway)
    source = gateway and _first_ipv4(view, router.gateway)
    return {
        "mangle": {**_wrapped("mangle"), **_mangle(router, gateway, source)},
        "raw": _wrapped("raw"),
        "filter": _filter(view, router, 4),
        "nat": _nat(view, router, gateway, source),
    }


def _ipv6(view, router):
    """No NAT: IPv6 is routed."""
    return {
        "mangle": {
            **_wrapped("mangle"),
            _w("PREROUTING"): [f"-j {_w('scope')}", _RESTORE_MARK, _mark_metadata(6)],
            _w("scope"): _scope_marks(router, 6),
        },
        "raw": _wrapped("raw"),
        "filter": _filter(view, router, 6),
        "nat": {
            "PREROUTING": [f"-j {_w('PREROUTING')}"],
            _w("PREROUTING"): _redirect_metadata(view, 6),
        },
    }


def _mangle(router, gateway, source):
    saves = gateway and router.enable_snat
    return {
        _w("PREROUTING"): [f"-j {_w('mark')}", f"-j {_w('scope')}", _RESTORE_MARK, f"-j {_w('floatingip')}",
                           _mark_metadata(4)],
        _w("POSTROUTING"): [f"-o {gateway} {_SAVE_MARK}"] if saves else [],
        _w("float-snat"): [_SAVE_MARK],
        _w("floatingip"): [],
        _w("mark"): [f"-i {gateway} -j MARK --set-xmark {_FROM_OUTSIDE}"] if source else [],
        _w("scope"): _scope_marks(router, 4),
    }


def _nat(view, router, gateway, source):
    snat, postrouting = [f"-j {_w('float-snat')}"], []
    if source:
        # Between internal networks nothing is translated, but for what came to a floating IP of this very router
        postrouting = [f"! -o {gateway} -m conntrack ! --ctstate DNAT -j ACCEPT"]
        if router.enable_snat:
            snat.append(f"-o {gateway} -j SNAT --to-source {source} --random-fully")
        snat.append(f"-m mark ! --mark {_FROM_OUTSIDE} -m conntrack --ctstate DNAT "
                    f"-j SNAT --to-source {source} --random-fully")
    return {
        "PREROUTING": [f"-j {_w('PREROUTING')}"],
        "OUTPUT": [f"-j {_w('OUTPUT')}"],
        "POSTROUTING": [f"-j {_w('POSTROUTING')}", "-j neutron-postrouting-bottom"],
        _w("PREROUTING"): _redirect_metadata(view, 4),
        _w("OUTPUT"): [],
        _w("POSTROUTING"): postrouting,
        _w("float-snat"): [],
        _w("snat"): snat,
        "neutron-postrouting-bottom": [f"{_SNAT_COMMENT} -j {_w('snat')}"],
    }


def _filter(view, router, version):
    metadata = view.site.enable_metadata_proxy
    return {
        "INPUT": [f"-j {_w('INPUT')}"],
        "FORWARD": ["-j neutron-filter-top", f"-j {_w('FORWARD')}"],
        "OUTPUT": ["-j neutron-filter-top", f"-j {_w('OUTPUT')}"],
        "neutron-filter-top": [f"-j {_w('local')}"],
        _w("FORWARD"): [f"-j {_w('scope')}"],
        _w("INPUT"): [
            f"-m mark --mark {_METADATA_MARK} -j ACCEPT",
            f"-p tcp -m tcp --dport {METADATA_PORT} -j DROP",
        ] if metadata else [],
        _w("OUTPUT"): [],
        _w("local"): [],
        _w("scope"): _scope_drops(router, version),
    }


def _scope_marks(router, version):
    return [f"-i {device} -j MARK --set-xmark {_SCOPE}" for _port, device in _with_version(router, version)]


def _scope_drops(router, version):
    """Out of a device only with its scope; out of the gateway too, unless IPv4 leaves translated."""
    translated = router.gateway if version == 4 and router.enable_snat else None
    return [f"-o {device} -m mark ! --mark {_SCOPE} -j DROP"
            for port, device in _with_version(router, version) if port is not translated]


def _with_version(router, version):
    return [(port, device) for port, device in devices(router)
            if any(fixed.subnet.version == version for fixed in port.fixed_ips)]


def _mark_metadata(version):
    """Requests to the metadata address are marked with or without a proxy: so does the agent."""
    return f"-d {_METADATA[version]} -i qr-+ -p tcp -m tcp --dport 80 -j MARK --set-xmark {_METADATA_MARK}"


def _redirect_metadata(view, version):
    if not view.site.enable_metadata_proxy:
        return []
    return [f"-d {_METADATA[version]} -i qr-+ -p tcp -m tcp --dport 80 -j REDIRECT --to-ports {METADATA_PORT}"]


def _first_ipv4(view, port):
    """Neutron translates to the first IPv4 address of the gateway port."""
    return next((view.allocated.address(fixed) for fixed in port.fixed_ips if fixed.subnet.version == 4), None)


def _wrapped(table):
    """Each built-in chain jumps to the agent's chain of the same name."""
    chains = _WRAPPED_BUILTINS[table]
    return {**{chain: [f"-j {_w(chain)}"] for chain in chains}, **{_w(chain): [] for chain in chains}}


def _w(chain):
    """The agent's chain name: wrapped, the part behind the prefix cut at 11 (reference 1.6)."""
    return f"{WRAP}-{chain[:11]}"
