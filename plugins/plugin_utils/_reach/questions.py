# SPDX-License-Identifier: GPL-3.0-or-later
"""The reachability matrix of a site, as questions to ask with packets (module probe). PRIVATE to the collection.

From every instance: its gateways, the world outside, other instances, others' floating IPs. From the world
outside: floating IPs, the routers' gateways. What must be answered and what must not.
"""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.instances import first_of_version
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.names import instance_namespace
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.reachability import open_tcp_port
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._reach.sample import pairs
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._reach.topology import INSTANCE, WORLD, Topology
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._reach.verdict import Verdict
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._reach.way import OUTSIDE, find_way, instance

#: TCP port on which the world outside answers.
OUTSIDE_PORT = 7777
_SSH = 22


def questions(allocated, security, limit):
    """{host name: {"probes": items of probe's `probes`, "listeners": items of its `listen`}} of every host.

    security: the site's SiteSecurity. limit: on pairs of instances, and on pairs of an instance and a floating IP.
    """
    matrix = _Matrix(allocated, security)
    matrix.ask_from_instances(limit)
    matrix.ask_from_outside()
    return matrix.by_host


class _Matrix:
    def __init__(self, allocated, security):
        self.allocated, self.site, self.security = allocated, allocated.site, security
        self.topology = Topology(allocated)
        self.by_host = {name: {"probes": [], "listeners": []} for name in self.site.hosts}
        self._asked, self._listening = set(), set()
        self.instances = [port for port in self.site.ports if _answers(port) and port.fixed_ips]
        self.world = [name for name, host in self.site.hosts.items() if "outside_world" in host.groups]
        for name in self.world:
            self._listen(name, None, OUTSIDE_PORT, OUTSIDE.name)

    def ask_from_instances(self, limit):
        """Gateways and the world outside, then each other, then floating IPs."""
        gateways, internet = self.allocated.gateway_routers, self.site.verify_internet
        for port in self.instances:
            for subnet in first_of_version(port):
                if subnet in gateways:
                    self._ask(instance(port), subnet.gateway_ip, "its gateway")
            if internet is not None:
                self._ask(instance(port), internet, "the world outside")

        def routers(port):
            return tuple(gateways.get(fixed.subnet) for fixed in port.fixed_ips)

        def groups(port):
            return tuple(port.security_groups)

        kinds = (routers, groups, lambda port: port.network)
        for source, target in pairs(self.instances, self.instances, limit, kinds):
            for address in self.topology.addresses(target):
                self._ask(instance(source), address, target.name, target)
        floating = {item.port: item for item in self.site.floating_ips if item.router and _answers(item.port)}
        for source, target in pairs(self.instances, list(floating), limit, (routers, groups)):
            address = self.allocated.floating_address(floating[target])
            self._ask(instance(source), address, f"floating IP of {target.name}", target)

    def ask_from_outside(self):
        """Floating IPs, those that lead nowhere among them, and the routers' gateways."""
        if not self.world:
            return
        for item in self.site.floating_ips:
            address = self.allocated.floating_address(item)
            if item.router:
                self._ask(OUTSIDE, address, f"floating IP of {item.port.name}", item.port)
            elif item.port is None:
                self._unanswered(OUTSIDE, address, "a floating IP of nobody", None)
        for router in self.site.routers:
            for fixed in router.gateway.fixed_ips if router.gateway else ():
                gateway = fixed.subnet.gateway_ip
                if gateway is not None and gateway in fixed.subnet.cidr:  # else the world may have no address there
                    self._ask(OUTSIDE, self.allocated.address(fixed), f"gateway of {router.name}")

    def _ask(self, origin, address, label, target=None):
        """What the model says of an address. target: the Port that is meant, where addresses may overlap."""
        own = self.topology.addresses(origin.port) if origin.port else ()
        if address in own or not (origin is OUTSIDE or any(each.version == address.version for each in own)):
            return
        way = find_way(self.topology, origin, address)
        if way.answered is False:
            self._unanswered(origin, address, label, target)
        elif way.answered and (way.end.kind != INSTANCE or _answers(way.end.port)):
            self._answered(origin, address, label, target, way)

    def _unanswered(self, origin, address, label, target):
        """No way: neither a ping nor TCP, although the one that is meant would answer."""
        self._probe(origin, address, label, False)
        if target:
            number = self._usual_port(target, address.version)
            self._probe(origin, address, label, False, number)
            self._answer(target, number)

    def _answered(self, origin, address, label, target, way):
        """There is a way, and guards at its ends."""
        verdict = Verdict(self.security, way, origin, address)
        self._probe(origin, address, label, verdict.ping())
        for number in self._ports(way.end, target, address, verdict):
            passes = verdict.tcp(number)
            source = None if origin is OUTSIDE else way.seen[0]
            self._probe(origin, address, label, passes, number, way.end.name, source)
            if way.end.kind == INSTANCE and passes is not None:
                self._answer(way.end.port, number)

    def _ports(self, end, target, address, verdict):
        """The TCP ports to try, each once."""
        if end.kind == WORLD:
            return [OUTSIDE_PORT] if self.world else []
        if end.kind != INSTANCE:
            return []
        found = [verdict.open_port(), verdict.shut_port()]
        if end.port is not target:  # somebody else of the same address: the one who is meant would answer there
            number = self._usual_port(target, address.version)
            self._answer(target, number)
            found.append(number)
        return [number for number in dict.fromkeys(found) if number is not None]

    def _usual_port(self, port, version):
        """Where an instance answers whoever reaches it."""
        return open_tcp_port(self.security, port, version) or _SSH

    def _probe(self, origin, address, label, passes, number=None, answered_by=None, source=None):
        """Note one probe, once. passes: whether an answer must come, None: nobody knows."""
        kind = "ping" if number is None else "tcp"
        key = (origin, address, kind, number)
        if passes is None or key in self._asked:
            return
        self._asked.add(key)
        how = kind + (f" {number}" if number else "") + (", IPv6" if address.version == 6 else "")
        item = {"name": f"{origin.name} to {label} ({how})", "origin": origin.name, "target": label,
                "kind": kind, "address": str(address), "expect": "reached" if passes else "unreached"}
        if number:
            item["port"] = number
            if passes:
                item["expect_answered_by"] = answered_by
                item["expect_source"] = source and str(source)
        if origin is OUTSIDE:
            for name in self.world:
                self.by_host[name]["probes"].append(item)
        else:
            namespace = instance_namespace(origin.port)
            self.by_host[origin.port.host.name]["probes"].append({**item, "namespace": namespace})

    def _answer(self, port, number):
        """An instance answers on a TCP port."""
        if _answers(port):
            self._listen(port.host.name, instance_namespace(port), number, port.name)

    def _listen(self, host, namespace, number, name):
        if (host, namespace, number) not in self._listening:
            self._listening.add((host, namespace, number))
            self.by_host[host]["listeners"].append({"namespace": namespace, "port": number, "name": name})


def _answers(port):
    """Whether there is somebody of ours behind an instance's port."""
    return port.vif == "namespace"
