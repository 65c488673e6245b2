# SPDX-License-Identifier: GPL-3.0-or-later
"""The difference between hybrid plugs that are and shall be."""

from __future__ import annotations

import pytest

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import ForeignObject
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.hybrid_plug import diff, names
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.hybrid_plug.backend import HybridPlug

PORT = {"port_id": "7c7ae61e-05aa-4e1b-9d1c-0a1b2c3d4e5f", "mtu": 1450}
NAMES = QBR, QVB, QVO, TAP = names.of(PORT["port_id"])
MADE = diff.wanted({NAMES: 1450}, "demo")


def changes(have, *ports, **options):
    return [
        (change.action, change.object, change.disruption)
        for change in HybridPlug(ports, "demo", **options).diff(have)
    ]


def altered(name, **values):
    return {**MADE, name: {**MADE[name], **values}}


def test_names_are_cut_as_neutron_cuts_them():
    assert NAMES == ("qbr7c7ae61e-05", "qvb7c7ae61e-05", "qvo7c7ae61e-05", "tap7c7ae61e-05")


def test_from_nothing_all_three_links_come():
    assert changes({}, PORT) == [("create", f"link {name}", "none") for name in (QBR, QVB, QVO)]


def test_what_is_as_it_shall_be_needs_nothing():
    assert changes(MADE, PORT, purge=True) == []


def test_a_healed_attribute_disturbs_nobody_and_a_new_pair_its_port():
    assert changes(altered(QVO, mtu=1500), PORT) == [("update", f"link {QVO}", "none")]
    assert changes(altered(QVB, bridge=None), PORT) == [("update", f"link {QVB}", "none")]
    assert changes(altered(QVB, bridge="brq-1"), PORT) == [("update", f"link {QVB}", "port")]
    assert changes(altered(QVB, peer=None), PORT) == [("update", f"link {QVB}", "port")]


@pytest.mark.parametrize("tap", [False, True])
def test_an_absent_tap_is_predicted_only_where_it_will_be(tap):
    found = changes(MADE, {**PORT, "tap": tap}, check_mode=True)
    assert found == ([("update", f"link {TAP}", "none")] if tap else [])


def test_a_tap_leaves_another_bridge_for_its_own():
    have = {**MADE, TAP: {**diff.UNPLUGGED, "bridge": "brq-1"}}
    assert changes(have, PORT) == [("update", f"link {TAP}", "port")]


@pytest.mark.parametrize("options", [{"absent": True}, {"purge": True}])
def test_removal_names_our_links_and_never_a_tap(options):
    have = {**MADE, TAP: {**diff.UNPLUGGED, "bridge": QBR}}
    listed = [PORT] if options.get("absent") else []
    assert changes(have, *listed, **options) == [("delete", f"link {name}", "port") for name in (QBR, QVB, QVO)]


def test_a_port_that_is_not_plugged_counts_as_not_listed():
    assert changes(MADE, {**PORT, "plug": False}) == []
    assert len(changes(MADE, {**PORT, "plug": False}, purge=True)) == 3


@pytest.mark.parametrize("name", [QBR, QVB, QVO])
@pytest.mark.parametrize("owner", [None, "somebody"])
def test_any_link_of_somebody_else_is_refused_or_adopted(name, owner):
    have = altered(name, owner=owner)
    with pytest.raises(ForeignObject, match=f"ip link delete {name}"):
        changes(have, PORT)
    assert changes(have, PORT, adopt=True) == [("update", f"link {name}", "none")]
    ours = [other for other in (QBR, QVB, QVO) if other != name]
    assert changes(have, purge=True) == [("delete", f"link {other}", "port") for other in ours]
