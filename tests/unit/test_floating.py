# SPDX-License-Identifier: GPL-3.0-or-later
"""Floating IPs compared without a kernel."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.floating import addresses, plan, rules
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.floating.items import FloatingIp

DNAT = "-d 203.0.113.5/32 -j DNAT --to-destination 10.0.0.5"
SNAT = "-s 10.0.0.5/32 -j SNAT --to-source 203.0.113.5"


@pytest.mark.parametrize(("rule", "pair"), [
    (DNAT, ("203.0.113.5", "10.0.0.5")),
    (SNAT, ("203.0.113.5", "10.0.0.5")),
    (SNAT + " --random-fully", ("203.0.113.5", "10.0.0.5")),
    (DNAT.replace(" -j", " -i rfp-1 -j"), ("203.0.113.5", "10.0.0.5")),
    (DNAT.replace(" -j", " -o rfp-1 -j"), None),
    (DNAT + " --random", None),
    (DNAT + ":80", None),
    (DNAT + "-10.0.0.9", None),
    (DNAT.replace("-d 203.0.113.5/32 ", "-d 203.0.113.5/32 -p tcp -m tcp --dport 80 "), None),
    (DNAT.replace("/32", "/24"), None),
    (DNAT.replace("-d", "-s"), None),
    ("-d 169.254.169.254/32 -i qr-+ -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 9697", None),
    ("-j neutron-l3-agent-snat", None),
    ("", None),
])  # fmt: skip
def test_only_the_exact_form_is_a_floating_ips_rule(rule, pair):
    assert rules.read(rule) == pair


@given(st.booleans(), st.sampled_from([None, "rfp-1"]))
def test_what_is_written_is_recognised(random_fully, inbound):
    wanted = rules.wanted("neutron-l3-agent", "203.0.113.5", "10.0.0.5", random_fully, inbound)
    found = rules.index(wanted, "neutron-l3-agent")
    assert list(found) == ["203.0.113.5"]
    assert rules.texts(found["203.0.113.5"]) == wanted
    assert rules.inbound(found["203.0.113.5"], "neutron-l3-agent") == inbound


@pytest.mark.parametrize(("length", "text"), [
    (32, "10.1.2.3/32 brd 10.1.2.3 dev qg-1"),
    (24, "10.1.2.3/24 brd 10.1.2.255 dev qg-1"),
    (31, "10.1.2.3/31 dev qg-1"),
])
def test_the_broadcast_address_is_the_networks(length, text):
    assert str(addresses.wanted("qg-1", "10.1.2.3", length)) == text


def item(floating, fixed, **more):
    values = {"device": "qg-1", "length": 32, "random_fully": True, "prefix": rules.PREFIX, **more}
    return FloatingIp("qrouter-1", f"203.0.113.{floating}", fixed and f"10.0.0.{fixed}", **values)


FOREIGN = ["-j RETURN", "-d 169.254.169.254/32 -p tcp -j REDIRECT --to-ports 9697", DNAT + ":80"]
CHAINS = [rules.PREFIX + end for end in rules.CHAINS]


def random_rules():
    numbers = st.integers(1, 4)
    inward = st.builds("-d 203.0.113.{}/32 -j DNAT --to-destination 10.0.0.{}".format, numbers, numbers)
    outward = st.builds("-s 10.0.0.{}/32 -j SNAT --to-source 203.0.113.{}{}".format, numbers, numbers,
                        st.sampled_from(["", " --random-fully"]))
    dnat = st.lists(st.one_of(inward, st.sampled_from(FOREIGN)), max_size=7)
    return st.fixed_dictionaries({
        CHAINS[0]: dnat, CHAINS[1]: dnat, CHAINS[2]: st.lists(st.one_of(outward, st.just("-j RETURN")), max_size=7)})


def random_addresses():
    one = st.builds(addresses.wanted, st.sampled_from(["qg-1", "qr-1"]),
                    st.integers(1, 4).map("203.0.113.{}".format), st.just(32))
    return st.lists(one, unique=True, max_size=4)


WANTED = st.permutations(range(1, 5)).flatmap(
    lambda fixed: st.lists(st.sampled_from(range(1, 5)), unique=True).map(
        lambda numbers: [item(number, fixed[number - 1]) for number in numbers]))


def router(chains, held):
    by_ip = {}
    for one in held:
        by_ip.setdefault(one.ip, []).append(one)
    return plan.Router(True, chains, {"qg-1", "qr-1"}, by_ip)


def played(chains, held, done):
    """What iptables and the kernel would make of it."""
    chains = {chain: list(texts) for chain, texts in chains.items()}
    for line in rules.document(done.deletes, done.appends).splitlines()[1:-1]:
        verb, chain, rest = line.split(" ", 2)
        if verb == "-D":
            chains[chain].pop(int(rest) - 1)
        else:
            chains[chain].append(rest)
    return chains, [one for one in held if one not in done.gone] + done.new


@given(WANTED, random_rules(), random_addresses())
def test_purged_is_exactly_what_is_wanted_and_what_was_right_did_not_move(wanted, chains, held):
    done = plan.compare("qrouter-1", wanted, router(chains, held), purge=True)
    after, left = played(chains, held, done)
    for chain in CHAINS:
        ours = [rule for rule in after[chain] if rules.read(rule)]
        right = [rules.wanted(one.prefix, one.floating, one.fixed, True)[chain][0] for one in wanted]
        assert sorted(ours) == sorted(right)
        stayed = list(dict.fromkeys(rule for rule in chains[chain] if rule in right))
        assert ours[: len(stayed)] == stayed
        assert [rule for rule in after[chain] if rule not in ours] == [r for r in chains[chain] if not rules.read(r)]
    assert sorted(left) == sorted(addresses.wanted("qg-1", one.floating, 32) for one in wanted)
    assert plan.compare("qrouter-1", wanted, router(after, left), purge=True).changes == []


@given(WANTED, random_rules(), random_addresses())
def test_without_purge_other_floating_ips_are_left_alone(wanted, chains, held):
    done = plan.compare("qrouter-1", wanted, router(chains, held))
    after, left = played(chains, held, done)
    listed = {one.floating for one in wanted}

    def others(texts):
        return [rule for rule in texts if rules.read(rule) and rules.read(rule)[0] not in listed]

    assert {chain: others(after[chain]) for chain in CHAINS} == {chain: others(chains[chain]) for chain in CHAINS}
    assert [one for one in left if one.ip not in listed] == [one for one in held if one.ip not in listed]


def test_every_change_names_one_floating_ip_once():
    chains = dict.fromkeys(CHAINS, [])
    changes = plan.compare("qrouter-1", [item(1, 1), item(2, 2)], router(chains, []), purge=True).changes
    assert [change.object for change in changes] == [
        "floating IP 203.0.113.1 in namespace qrouter-1", "floating IP 203.0.113.2 in namespace qrouter-1"]
