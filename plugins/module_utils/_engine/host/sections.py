# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host's plan consists of, in the order in which it is made. PRIVATE to the collection.

The roles host, datapath and services run the same sections in the same order, a module each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import node_sysctl, ovsdb
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import BadInput
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.floating.backend import FloatingIps
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.flows.backend import OvsFlow
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.host.bridges import Bridges
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.host.by_device import by_device
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.netns import backend as netns
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.ports.backend import OvsPort
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.security.backend import SecurityGroups
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services import backend as services
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.xtables.backend import NatRules


@dataclass(frozen=True)
class Settings:
    """owner: whose mark. purge, adopt: as the modules'. max_disruption: the most that is allowed."""

    owner: str
    purge: bool = False
    adopt: bool = False
    max_disruption: str = "service"


class Call(NamedTuple):
    """How a section is asked for: params as a module's; warn is called with what check mode finds missing."""

    params: dict
    check_mode: bool
    warn: Any


class Section(NamedTuple):
    """make: (plan, Call) -> Backend, may raise BadInput. applies: whether a plan has the section at all."""

    name: str
    make: Any
    applies: Any


_LISTS = ("bridges", "ports", "flows", "namespaces", "nat_rules", "floating_ips", "services")
_KINDS = {"owner": str, "plug": str, "sysctls": dict, "security_groups": dict, **dict.fromkeys(_LISTS, list)}
_WORDS = {str: "text", dict: "a mapping", list: "a list"}


def backends(plan, settings, check_mode=False, sections=None, warn=None):
    """[(section name, Backend)] of the sections that the plan has, or of those named. Raises BadInput with all faults.

    Nothing is read from the host yet.
    """
    _refuse_other_than_plans(plan)
    common = {"state": "present", "owner": settings.owner, "database": ovsdb.DEFAULT}
    call = Call({**common, "purge": settings.purge, "adopt": settings.adopt}, check_mode, warn)
    found, problems = [], []
    for section in SECTIONS:
        if (sections is None or section.name in sections) and section.applies(plan):
            try:
                found.append((section.name, section.make(plan, call)))
            except BadInput as error:
                problems += [f"{section.name}: {problem}" for problem in error.problems]
    if problems:
        raise BadInput(problems)
    return found


def _refuse_other_than_plans(plan):
    if not isinstance(plan, dict):
        raise BadInput(["plan: must be a mapping"])
    wrong = [key for key, kind in _KINDS.items() if not isinstance(plan.get(key), kind)]
    if wrong:
        raise BadInput([f"plan.{key}: {type(plan.get(key)).__name__}: must be {_WORDS[_KINDS[key]]}" for key in wrong])


class _InternalPorts(OvsPort):
    """What is unknown among the ports tells the section that knows all of them."""

    def unknown(self, have):
        return []


def _sysctls(plan, call):
    warn = call.warn or (lambda _text: None)
    return node_sysctl.NodeSysctl(node_sysctl.parse(plan["sysctls"]), node_sysctl.PATH, call.check_mode and warn)


def _bridges(plan, call):
    return Bridges(plan["bridges"], call.params["owner"], call.check_mode)


def _internal_ports(plan, call):
    return _InternalPorts(by_device(plan["ports"])["internal_ports"], {**call.params, "purge": False}, call.check_mode)


def _namespaces(plan, call):
    return netns.backend_of(plan["namespaces"], call.params, call.check_mode)


def _security_groups(plan, call):
    wanted = plan["security_groups"]
    return SecurityGroups(wanted.get("config"), {**call.params, "ports": wanted.get("ports")}, call.check_mode)


def _ports(plan, call):
    return OvsPort(by_device(plan["ports"])["ports"], call.params, call.check_mode)


def _flows(plan, call):
    return OvsFlow(plan["flows"], call.params, call.check_mode)


def _nat_rules(plan, call):
    return NatRules(plan["nat_rules"], call.params, call.check_mode)


def _floating_ips(plan, call):
    return FloatingIps(plan["floating_ips"], {**call.params, "adopt": False}, call.check_mode)


def _services(plan, call):
    return services.backend_of(plan["services"], call.params, call.check_mode)


def _always(_plan):
    return True


def _has_datapath(plan):
    """A controller's plan has nothing but services."""
    return bool(plan["bridges"])


def _plugs_internal_ports(plan):
    return _has_datapath(plan) and plan["plug"] == "internal"


SECTIONS = (
    # Before any namespace is made: a new namespace copies rp_filter from here (reference: kernel, ip-sysctl).
    Section("sysctls", _sysctls, _has_datapath),
    Section("bridges", _bridges, _has_datapath),
    # An internal port exists only once OVS has made it, and is then moved into its namespace.
    Section("internal_ports", _internal_ports, _plugs_internal_ports),
    Section("namespaces", _namespaces, _has_datapath),
    # Instances are filtered before br-int has them, and their ports in it are there once this has made them.
    Section("security_groups", _security_groups, _has_datapath),
    # A veth exists once its namespace has it, and is then plugged into its bridge.
    Section("ports", _ports, _has_datapath),
    Section("flows", _flows, _has_datapath),
    Section("nat_rules", _nat_rules, _has_datapath),
    # Late, so that what announces an address leaves through a data plane that is ready for the answer.
    Section("floating_ips", _floating_ips, _has_datapath),
    Section("services", _services, _always),
)
