# SPDX-License-Identifier: GPL-3.0-or-later
"""Security groups: what their rules may say, and what ports may be in. PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site import protocols
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.check_unique import Once

#: Names of ipsets hold this much of a group's id (reference 1.6).
SET_ID_LENGTH = 24

_ICMP_MAX = 255


def check(site, problems):
    """Every rule by itself and among its group's, and the groups of every port."""
    sets = Once(problems, f"must differ from the id of {{first}} in the first {SET_ID_LENGTH} characters, "
                          "of which ipset names are made")
    for group in site.security_groups:
        sets.meet(group.id[:SET_ID_LENGTH], f"{group.path}.id", group.id)
        met = Once(problems, "must be unique, and is also {first}")
        for rule in group.rules:
            met.meet(_meaning(rule), rule.path, _shown(rule))
            _ports(rule, problems)
            _family(rule, problems)
    for port in site.ports:
        _membership(port, problems)


def _meaning(rule):
    """Equal for rules that let the same packets pass: a prefix of length 0 is no restriction."""
    prefix = rule.remote_ip_prefix
    anybody = prefix is None or prefix.prefixlen == 0
    return (rule.direction, rule.ethertype, rule.protocol, rule.port_range_min, rule.port_range_max,
            None if anybody else prefix, rule.remote_group)


def _shown(rule):
    ports = "" if rule.port_range_min is None else f"{rule.port_range_min}-{rule.port_range_max}"
    remote = rule.remote_group.name if rule.remote_group else rule.remote_ip_prefix
    return " ".join(str(part) for part in (rule.direction, rule.ethertype, rule.protocol, ports, remote) if part)


def _ports(rule, problems):
    """port_range_min and port_range_max: a range of ports, or ICMP's type and code."""
    given = {"port_range_min": rule.port_range_min, "port_range_max": rule.port_range_max}
    given = {key: value for key, value in given.items() if value is not None}
    if rule.protocol in protocols.WITH_PORTS:
        _range(rule, given, problems)
    elif rule.protocol in protocols.ICMP:
        _type_and_code(rule, given, problems)
    else:
        says = f"is unknown to protocol {rule.protocol}" if rule.protocol else "needs a protocol that has ports"
        for key, value in given.items():
            problems.add(f"{rule.path}.{key}", value, says)


def _range(rule, given, problems):
    for key, other in (("port_range_min", "port_range_max"), ("port_range_max", "port_range_min")):
        if key not in given and other in given:
            problems.add(f"{rule.path}.{key}", "(missing)", f"is required with {other}")
        if given.get(key) == 0:
            problems.add(f"{rule.path}.{key}", 0, "must be from 1 to 65535")
    if len(given) == 2 and rule.port_range_min > rule.port_range_max:
        problems.add(f"{rule.path}.port_range_min", rule.port_range_min,
                     f"must not be above port_range_max, {rule.port_range_max}")


def _type_and_code(rule, given, problems):
    if "port_range_max" in given and "port_range_min" not in given:
        problems.add(f"{rule.path}.port_range_min", "(missing)",
                     "is required with port_range_max: they are the ICMP type and code")
    for key, value in given.items():
        if value > _ICMP_MAX:
            what = "type" if key == "port_range_min" else "code"
            problems.add(f"{rule.path}.{key}", value, f"must be from 0 to {_ICMP_MAX}: it is the ICMP {what}")


def _family(rule, problems):
    prefix = rule.remote_ip_prefix
    if prefix and rule.remote_group:
        problems.add(f"{rule.path}.remote_group", rule.remote_group.name, "must not stand beside remote_ip_prefix")
    if prefix and f"IPv{prefix.version}" != rule.ethertype:
        problems.add(f"{rule.path}.remote_ip_prefix", prefix, f"must be {rule.ethertype}, as the rule's ethertype is")
    if rule.protocol in protocols.IPV6_ONLY and rule.ethertype != "IPv6":
        problems.add(f"{rule.path}.protocol", rule.protocol, f"must not be in a rule of ethertype {rule.ethertype}")


def _membership(port, problems):
    path, names = f"{port.path}.security_groups", [group.name for group in port.security_groups]
    met = Once(problems, "must be unique, and is also {first}")
    for index, name in enumerate(names):
        met.meet(name, f"{path}[{index}]")
    if len({group.stateful for group in port.security_groups}) > 1:
        problems.add(path, names, "must be all stateful or all stateless")
    if port.port_security_enabled:
        return
    if names:
        problems.add(path, names, "must be empty with port_security_enabled: false")
    if port.allowed_address_pairs:
        problems.add(f"{port.path}.allowed_address_pairs", port.allowed_address_pairs,
                     "must be empty with port_security_enabled: false")
