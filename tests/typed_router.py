# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules that the hand-typed commands of reference 11.5 leave behind, less their one duplicate jump."""

from __future__ import annotations

FILTER = """\
-A INPUT -j neutron-l3-agent-INPUT
-A FORWARD -j neutron-filter-top
-A FORWARD -j neutron-l3-agent-FORWARD
-A OUTPUT -j neutron-filter-top
-A OUTPUT -j neutron-l3-agent-OUTPUT
-A neutron-filter-top -j neutron-l3-agent-local
-A neutron-l3-agent-INPUT -d 127.0.0.1/32 -p tcp -m tcp --dport 9697 -j ACCEPT
"""
NAT = """\
-A PREROUTING -j neutron-l3-agent-PREROUTING
-A OUTPUT -j neutron-l3-agent-OUTPUT
-A POSTROUTING -j neutron-l3-agent-POSTROUTING
-A POSTROUTING -j neutron-postrouting-bottom
-A neutron-l3-agent-OUTPUT -d 10.255.253.84/32 -j DNAT --to-destination 10.0.2.84
-A neutron-l3-agent-POSTROUTING ! -i qg02 ! -o qg02 -m conntrack ! --ctstate DNAT -j ACCEPT
-A neutron-l3-agent-PREROUTING -d 169.254.169.254/32 -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 9697
-A neutron-l3-agent-PREROUTING -d 10.255.253.84/32 -j DNAT --to-destination 10.0.2.84
-A neutron-l3-agent-float-snat -s 10.0.2.84/32 -j SNAT --to-source 10.255.253.84
-A neutron-l3-agent-snat -j neutron-l3-agent-float-snat
-A neutron-l3-agent-snat -s 10.0.2.0/24 -j SNAT --to-source 10.255.253.11
-A neutron-postrouting-bottom -j neutron-l3-agent-snat
"""
