# SPDX-License-Identifier: GPL-3.0-or-later
"""Port names in flows become numbers, and numbers names, and nothing else changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.flows.names import to_names, to_numbers

NUMBERS = {"int-br-ex": 3, "qr-1": 7, "br-int": 65534, "eth0.5": 9, "eth0:1": 11, "5": 12}


@pytest.mark.parametrize(
    ("named", "numbered"),
    [
        ("in_port=int-br-ex,dl_vlan=3 actions=drop", "in_port=3,dl_vlan=3 actions=drop"),
        ('in_port="int-br-ex" actions=output:"qr-1"', "in_port=3 actions=output:7"),
        ("in_port=br-int actions=output:eth0.5,output:qr-1", "in_port=65534 actions=output:9,output:7"),
        ('actions="eth0:1",strip_vlan,"qr-1"', "actions=11,strip_vlan,7"),
        ("actions=resubmit(,58),resubmit(qr-1,58),resubmit:qr-1", "actions=resubmit(,58),resubmit(7,58),resubmit:7"),
        ("actions=output(port=qr-1,max_len=100)", "actions=output(port=7,max_len=100)"),
        ("actions=enqueue:qr-1:2,enqueue(qr-1,2)", "actions=enqueue:7:2,enqueue(7,2)"),
        ("actions=learn(table=2,in_port=qr-1,output:OXM_OF_IN_PORT[])", None),
        ("actions=output:NXM_NX_REG0[0..15]", "actions=output:NXM_NX_REG0[0..15]"),
        ("in_port=LOCAL actions=IN_PORT,output:in_port", "in_port=LOCAL actions=IN_PORT,output:in_port"),
        ('in_port=4 actions=output:"5"', "in_port=4 actions=output:12"),
        ("tp_src=qr-1,metadata=0x7 actions=load:0x7->NXM_NX_REG0[]", None),
    ],
)
def test_names_become_numbers_where_a_port_stands(named, numbered):
    expected = numbered or named.replace("in_port=qr-1", "in_port=7")
    assert to_numbers(named, NUMBERS) == (expected, [])


def test_names_that_no_port_has_are_told_with_their_line():
    text = "in_port=qr-1 actions=drop\nin_port=qr-9 actions=output:qr-1,output:tap3\nactions=\"x\""
    numbered, unknown = to_numbers(text, NUMBERS)
    assert unknown == [(1, "qr-9"), (1, "tap3"), (2, "x")]
    assert numbered == "in_port=7 actions=drop\nin_port=qr-9 actions=output:7,output:tap3\nactions=\"x\""


def test_numbers_become_names_that_can_be_read_back():
    names = {number: name for name, number in NUMBERS.items()}
    text = "in_port=3,dl_vlan=3,tp_src=7 actions=output:7,resubmit(9,3),load:0x3->NXM_NX_REG0[],output:11,output:12"
    assert to_names(text, names) == (
        "in_port=int-br-ex,dl_vlan=3,tp_src=7 "
        'actions=output:qr-1,resubmit(eth0.5,3),load:0x3->NXM_NX_REG0[],output:"eth0:1",output:"5"'
    )


printable = st.characters(min_codepoint=33, max_codepoint=126, exclude_characters='"/')
device_names = st.text(printable, min_size=1, max_size=15)


@given(st.dictionaries(device_names, st.integers(1, 65279), max_size=5))
def test_a_flow_survives_the_way_to_names_and_back(numbers):
    names = {number: name for name, number in numbers.items()}
    unique = {name: number for number, name in names.items()}
    text = "".join(f"in_port={number},priority=5 actions=output:{number},resubmit({number},5)\n" for number in names)
    assert to_numbers(to_names(text, names), unique) == (text, [])
