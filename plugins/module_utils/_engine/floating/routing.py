# SPDX-License-Identifier: GPL-3.0-or-later
"""How a distributed router leads a floating IP (reference 3.3 and 3.5). PRIVATE to the collection.

In the router's namespace a policy rule sends what the fixed address sends into the table
of floating IPs. In the namespace of the external network a host route leads the floating
IP to the router, and proxy ARP answers for it outside: no device has the address.
"""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import sysctl
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink import link, route, rule
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink.wire import Netlink

TABLE = 16  # FIP_RT_TBL
PRIORITIES = range(32768, 72768)  # behind table main, so that what is connected is reached directly
ROUTER_END, FAR_END = "rfp-", "fpr-"  # how Neutron begins the names of the pair between the two namespaces

_NOT_CONFIGURED = (route.KERNEL, route.RA, route.REDIRECT)


class Policy(NamedTuple):
    """The rule for one fixed address."""

    fixed: str
    priority: int

    def __str__(self):
        """As `ip rule` prints it."""
        return f"{self.priority}: from {self.fixed} lookup {TABLE}"

    def removal(self, namespace):
        """The command that removes it from the router's namespace."""
        return f"ip -n {namespace} rule delete priority {self.priority} from {self.fixed}"


class Hop(NamedTuple):
    """The route to one floating IP. namespace: that of the external network. gateway: the router's end of the pair."""

    namespace: str
    ip: str
    gateway: str
    device: str

    def __str__(self):
        """As `ip route` prints it."""
        return f"{self.ip} via {self.gateway} dev {self.device} in namespace {self.namespace}"

    def removal(self, _namespace):
        """The command that removes it."""
        return f"ip -n {self.namespace} route delete {self.ip}/32"

    def leads_to(self, devices):
        """Whether the other end of its device's pair is among these devices."""
        return self.device.startswith(FAR_END) and ROUTER_END + self.device[len(FAR_END) :] in devices


class ProxyArp(NamedTuple):
    """Proxy ARP, switched on for a device of the external network's namespace."""

    namespace: str
    device: str

    def __str__(self):
        """For a report."""
        return f"proxy_arp on {self.device} in namespace {self.namespace}"

    @property
    def key(self):
        """The sysctl."""
        return f"net.ipv4.conf.{self.device}.proxy_arp"


class Routing(NamedTuple):
    """What the current namespace has: lists."""

    policies: list
    hops: list
    proxies: list


NOTHING = Routing([], [], [])


def read(namespace, gateway_devices):
    """The Routing of the current namespace, which has this name. gateway_devices: those whose proxy ARP matters."""
    with Netlink() as netlink:
        names = {found["index"]: name for name, found in link.dump(netlink).items()}
        policies = [Policy(found["from"][:-3], found["priority"]) for found in rule.dump(netlink) if is_policy(found)]
        routes = route.dump(netlink, _NOT_CONFIGURED)
    hops = [_hop(namespace, found, names) for found in routes if is_hop(found)]
    proxies = [ProxyArp(namespace, device) for device in gateway_devices]
    switched = sysctl.read_all({proxy.key for proxy in proxies})
    return Routing(policies, hops, [proxy for proxy in proxies if switched[proxy.key] == "1"])


def is_policy(found):
    """Whether a rule, as rule.dump returns it, has the form that only those of floating IPs have."""
    selects = found["to"] or found["iif"] or found["oif"] or found["fwmark"] is not None
    source = found["from"] or ""
    lookup = found["table"] == TABLE and found["priority"] in PRIORITIES
    return lookup and not selects and source.endswith("/32") and "." in source


def is_hop(found):
    """Whether a route, as route.dump returns it, leads to one IPv4 address over one gateway."""
    one = found["destination"].endswith("/32") and len(found["nexthops"]) == 1
    in_main = (found["family"], found["table"], found["protocol"]) == ("ipv4", route.MAIN, route.STATIC)
    return one and in_main and bool(found["nexthops"][0]["gateway"])


def _hop(namespace, found, names):
    hop = found["nexthops"][0]
    return Hop(namespace, found["destination"][:-3], hop["gateway"], names.get(hop["device"], ""))


def write_policies(gone, new):
    """Take Policies away in the current namespace, then make others."""
    with Netlink() as netlink:
        netlink.write([*(rule.delete(_rule(one)) for one in gone), *(rule.create(_rule(one)) for one in new)])


def _rule(policy):
    nothing = dict.fromkeys(("to", "iif", "oif", "fwmark", "fwmask"))
    where = {"family": "ipv4", "priority": policy.priority, "table": TABLE, "protocol": rule.UNSPECIFIED}
    return {**nothing, **where, "from": f"{policy.fixed}/32"}


def write_hops(gone, new):
    """Take Hops away in the current namespace, then make others, or replace those of the same floating IP."""
    with Netlink() as netlink:
        indexes = {name: found["index"] for name, found in link.dump(netlink).items()}
        requests = [route.delete(_route(one, indexes)) for one in gone if one.device in indexes]
        netlink.write([*requests, *(route.replace(_route(one, indexes)) for one in new)])


def _route(hop, indexes):
    nexthop = {"gateway": hop.gateway, "device": indexes[hop.device], "onlink": False, "weight": 1}
    head = {"family": "ipv4", "table": route.MAIN, "destination": f"{hop.ip}/32", "metric": 0}
    how = {"protocol": route.STATIC, "scope": route.GLOBAL, "type": route.UNICAST, "source": None}
    return {**head, **how, "nexthops": [nexthop]}


def switch(proxies, on):
    """Switch proxy ARP of the current namespace."""
    sysctl.write_all({proxy.key: str(int(on)) for proxy in proxies})
