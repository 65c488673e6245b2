# SPDX-License-Identifier: GPL-3.0-or-later
"""Security groups and their rules. PRIVATE to the collection."""

from __future__ import annotations

import difflib
from ipaddress import ip_network

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site import protocols
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.model import SecurityGroup, SecurityGroupRule

DEFAULT = "default"
VARIABLE = "dataplane_security_groups"


class SecurityGroupParser:
    """Parses security groups for a Parser. Groups first, then their rules: a rule may name a later group."""

    def __init__(self, parser):
        self.parser, self.problems = parser, parser.problems

    def groups(self):
        """The groups declared, and the group `default`, which is there whether declared or not."""
        found = [self._group(item, f"{VARIABLE}[{index}]")
                 for index, item in enumerate(self.parser.clean.get(VARIABLE, [])) if item]
        declared = [group for group, _item in found]
        if not any(group.name == DEFAULT for group in declared):
            found.insert(0, self._group({"name": DEFAULT}, VARIABLE))
        for group, item in found:
            if item.get("default_rules", True):
                group.rules += _default_rules(group)
            rules = enumerate(item.get("rules", []))
            parsed = [self._rule(rule, f"{group.path}.rules[{index}]") for index, rule in rules]
            group.rules += [rule for rule in parsed if rule]
        return [group for group, _item in found]

    def of_port(self, item, path):
        """The groups of an item of dataplane_ports: as in the API, `default` unless it says otherwise."""
        if "security_groups" not in item:
            return self._found([DEFAULT], path) if item.get("port_security_enabled", True) else []
        return self._found(item["security_groups"], f"{path}.security_groups")

    def _found(self, names, path):
        groups = [self.parser.security_groups.find(name, f"{path}[{index}]") for index, name in enumerate(names)]
        return [group for group in groups if group]

    def _group(self, item, path):
        group = SecurityGroup(
            name=item["name"],
            id=self.parser.id_of(item, "security_group", item["name"]),
            stateful=item.get("stateful", True),
            path=path,
        )
        self.parser.security_groups.add(group, f"{path}.name")
        return group, item

    def _rule(self, item, path):
        try:
            protocol = protocols.canonical(item.get("protocol"))
        except ValueError:
            self.problems.add(f"{path}.protocol", item["protocol"], _unknown(item["protocol"]))
            return None
        prefix = ip_network(item["remote_ip_prefix"]) if "remote_ip_prefix" in item else None
        version = prefix.version if prefix else 6 if protocol in protocols.IPV6_ONLY else 4
        ethertype = item.get("ethertype", f"IPv{version}")
        remote = item.get("remote_group")
        return SecurityGroupRule(
            direction=item["direction"],
            ethertype=ethertype,
            # As in the API: icmp of an IPv6 rule is ICMPv6
            protocol="ipv6-icmp" if (protocol, ethertype) == ("icmp", "IPv6") else protocol,
            port_range_min=item.get("port_range_min"),
            port_range_max=item.get("port_range_max"),
            remote_ip_prefix=prefix,
            remote_group=self.parser.security_groups.find(remote, f"{path}.remote_group") if remote else None,
            path=path,
        )


def _default_rules(group):
    """What a group starts with: everything may leave, and members of `default` may talk to each other."""
    def rule(direction, ethertype, remote_group=None):
        return SecurityGroupRule(direction, ethertype, remote_group=remote_group,
                                 path=f"a rule that {group.path} has by default")

    rules = [rule("egress", ethertype) for ethertype in ("IPv4", "IPv6")]
    if group.name == DEFAULT:
        rules += [rule("ingress", ethertype, group) for ethertype in ("IPv4", "IPv6")]
    return rules


def _unknown(protocol):
    near = difflib.get_close_matches(str(protocol).lower(), protocols.NAMES, n=1)
    return "is not a known protocol: " + (f"did you mean {near[0]}?" if near else "a name or a number from 0 to 255")
