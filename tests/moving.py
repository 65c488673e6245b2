# SPDX-License-Identifier: GPL-3.0-or-later
"""What an address outside misses while it moves, and what hosts of a lab have in all their namespaces."""

from __future__ import annotations

import re
from typing import NamedTuple

INTERVAL = 0.01

#: Seconds that an answer may take before the request counts as lost. What ping has asked when it is stopped it calls
#: lost at once, however short a time ago.
UNDER_WAY = 0.5

#: Everything of a host that a move could leave behind, a line of it after the name of where it is.
_STATE = r"""
for name in $(ls /run/netns | sort); do
    for read in "ip -o -4 address" "ip route show table all" "ip rule" "ip neigh show nud permanent" iptables-save \
        ip6tables-save; do
        ip netns exec $name $read | sed -E "/^[#:]/d; s/^[0-9]+: ([a-z])/\1/; s/@if[0-9]+//; s/ valid_lft.*//
            s/ fe80::[^ ]*//g; s/^/$name /"
    done
done
for bridge in $(ovs-vsctl list-br); do
    ovs-ofctl dump-flows --no-stats --names $bridge | grep cookie | sed -E "s/^ */$bridge /"
    ovs-vsctl list-ports $bridge | sed "s/^/$bridge /"
done
iptables-save | sed '/^[#:]/d'
ip -o link | sed -E 's/^[0-9]+: //; s/@if[0-9]+//; s/:? .*//'
"""


class Interruption(NamedTuple):
    """What a hundred echo requests a second missed. longest: seconds between two answers, less the interval."""

    answered: int
    lost: int
    longest: float

    def __str__(self):
        return f"{self.lost} of {self.answered + self.lost} lost, {self.longest:.2f} s without an answer"


class Watch:
    """A hundred echo requests a second from the host outside to an address, for at most five minutes."""

    def __init__(self, lab, address):
        self.lab, self.log = lab, f"/tmp/watch-{address}.log"
        command = f"ping -n -D -i {INTERVAL} -c 30000 {address}"
        first = f"timeout 10 sh -c 'until grep -q ttl= {self.log}; do sleep 0.05; done'"
        self.pid = int(lab.sh("outside", f"rm -f {self.log}; {command} >{self.log} 2>&1 & echo $!; {first}"))

    def stop(self):
        """The Interruption."""
        ended = f"while kill -0 {self.pid} 2>/dev/null; do sleep 0.05; done"
        return interruption(self.lab.sh("outside", f"kill -INT {self.pid}; {ended}; cat {self.log}"))


def interruption(text):
    """The Interruption that the output of a `ping -D` tells of."""
    answers = re.findall(r"^\[([\d.]+)\] .*icmp_seq=(\d+) ttl", text, re.MULTILINE)
    moments, numbers = [float(moment) for moment, _number in answers], {int(number) for _moment, number in answers}
    sent = int(re.search(r"(\d+) packets transmitted", text)[1])
    under_way = sent - max(numbers)
    if under_way * INTERVAL < UNDER_WAY:
        sent -= under_way
    longest = max(after - before for before, after in zip(moments, moments[1:]))
    return Interruption(len(numbers), sent - len(numbers), max(0.0, longest - INTERVAL))


class Callers:
    """Ten times a second somebody new in a namespace of a host asks the internet, for at most five minutes."""

    def __init__(self, lab, host, namespace):
        self.lab, self.host, self.log = lab, host, f"/tmp/callers-{namespace}.log"
        loop = f"while :; do ping -q -c 1 -W 0.1 {lab.site()['dataplane_verify_internet']}; echo asked; sleep 0.1; done"
        self.pid = int(lab.sh(host, f"ip netns exec {namespace} timeout 300 sh -c '{loop}' >{self.log} 2>&1 & echo $!"))

    def stop(self):
        """How many asked."""
        self.lab.sh(self.host, f"kill {self.pid} || true")
        return self.lab.sh(self.host, f"cat {self.log}").count("asked")


def state(lab, host):
    """Lines about a host."""
    return set(lab.sh(host, _STATE).splitlines())


def mentioning(lines, *words):
    """Those lines in which one of the words stands, no part of a longer address."""
    search = re.compile("|".join(rf"(?<![\w.]){re.escape(word)}(?![\w.])" for word in words)).search
    return sorted(filter(search, lines))


def translated(lab, host, floating, fixed):
    """The connections of a host that are translated between two addresses, as lines of conntrack."""
    read = "for name in $(ls /run/netns); do ip netns exec $name conntrack -L 2>/dev/null; done"
    inward = rf"dst={re.escape(floating)} .* src={re.escape(fixed)} "
    outward = rf"src={re.escape(fixed)} dst=(?!{re.escape(floating)} ).* dst={re.escape(floating)} "
    return [line for line in lab.sh(host, read).splitlines() if re.search(f"{inward}|{outward}", line)]
