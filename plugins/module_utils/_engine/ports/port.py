# SPDX-License-Identifier: GPL-3.0-or-later
"""What a port is. Pure. PRIVATE to the collection."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

#: Interface.type in OVSDB of each of our types. "system": a network device of the host.
TYPES = {"system": "", **{name: name for name in ("internal", "patch", "vxlan", "gre", "ip6gre", "geneve")}}
TUNNELS = ("vxlan", "gre", "ip6gre", "geneve")
VLAN_MODES = ("access", "trunk", "native-tagged", "native-untagged")

GONE = "its network device is gone"
DEAF = "ovs-vswitchd does not hear its network device, which was replaced under the same name"


@dataclass(frozen=True)
class Port:
    """A port with its one interface of the same name.

    tag and trunks: VLAN ids. options and external_ids are the Interface's,
    other_config the Port's; all map str to str. owner: whose mark it carries, or None.
    """

    name: str
    bridge: str
    type: str = "system"
    tag: int | None = None
    trunks: tuple = ()
    vlan_mode: str | None = None
    options: dict = field(default_factory=dict)
    external_ids: dict = field(default_factory=dict)
    other_config: dict = field(default_factory=dict)
    owner: str | None = None

    def document(self):
        """What is set, as plain data, for diffs and the info module."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "name"}
        values["trunks"] = list(self.trunks)
        return {key: value for key, value in values.items() if value not in (None, [], {})}


@dataclass(frozen=True)
class Seen:
    """A port as the host has it.

    uuid: its row. bond: it has other interfaces than the one of its name. ofport: its
    OpenFlow number, -1 when ovs-vswitchd could not make it, None when it has not
    looked yet. ofport_request: the number that someone asked for, or None. fault: why
    no packet passes, or None.
    """

    port: Port
    uuid: str
    bond: bool = False
    ofport: int | None = None
    ofport_request: int | None = None
    fault: str | None = None

    def document(self):
        """As Port.document, with the fault."""
        return {**self.port.document(), **({"fault": self.fault} if self.fault else {})}
