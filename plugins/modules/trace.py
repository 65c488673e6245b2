#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action cloudnet.dataplane.trace, which runs on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: trace
short_description: Tell the path of a packet through hosts, bridges, namespaces and rules
version_added: "1.0.0"
author:
  - The cloudnet.dataplane founders (@cloudnet)
description:
  - Derives from the site how the first packet of a conversation gets from one end to the other, hop by hop, with the
    names of devices, bridges, flow tables, tunnels, namespaces, policy rules and chains, and what each does to it.
  - Given what M(cloudnet.dataplane.trace_check) found on the hosts, it names the first hop where model and host
    disagree.
  - Runs on the Ansible controller and touches no host. Use it with C(run_once).
options:
  source:
    description: Name of an instance's port, or C(outside) for the world outside.
    type: str
    required: true
  destination:
    description:
      - Name of an instance's port, any address, or C(internet) for the address C(dataplane_verify_internet).
      - A name stands for the first address that is of a family which the source has, too.
    type: str
    required: true
  protocol:
    description: An echo request, or the first packet of a connection.
    type: str
    choices: [icmp, tcp, udp]
    default: icmp
  port:
    description: The destination's port. Required with V(tcp) and V(udp).
    type: int
  answers:
    description: What M(cloudnet.dataplane.trace_check) returned on the hosts as C(packed_results).
    type: list
    elements: str
  sent:
    description: What M(cloudnet.dataplane.probe) returned as C(packed_results), where the packet was really sent.
    type: list
    elements: str
  allocations:
    description: The file that keeps the allocations; it is only read.
    type: path
    default: C(allocations.yml) beside the inventory
attributes:
  action:
    description: Runs on the controller only.
    support: full
  check_mode:
    description: Reads only.
    support: full
  diff_mode:
    description: Reads only; there is nothing to compare.
    support: N/A
  idempotent:
    description: The same site gives the same path.
    support: full
  platform:
    description: Any controller.
    platforms: posix
    support: full
"""

EXAMPLES = r"""
- name: How does a request get to the web server
  cloudnet.dataplane.trace:
    source: outside
    destination: 203.0.113.7
    protocol: tcp
    port: 80
  run_once: true
  register: path

- name: Tell
  ansible.builtin.debug:
    msg: "{{ path.text }}"
  run_once: true
"""

RETURN = r"""
text:
  description: The path for people.
  returned: success
  type: str
ends:
  description: What becomes of the packet.
  returned: success
  type: str
answered:
  description: Whether an answer comes back; V(none) where the model does not know.
  returned: success
  type: bool
hops:
  description: The path.
  returned: success
  type: list
  elements: dict
  contains:
    host:
      description: Name of the host.
      type: str
    place:
      description: A bridge, a namespace or a device.
      type: str
    does:
      description: What happens there.
      type: str
disagreement:
  description: The first hop of which its host says otherwise; empty if there is none.
  returned: success
  type: str
hosts:
  description: What to ask every host, by its name.
  returned: success
  type: dict
  contains:
    checks:
      description: For the option O(cloudnet.dataplane.trace_check#module:packed).
      type: str
    probes:
      description: For the option O(cloudnet.dataplane.probe#module:packed); it sends the packet.
      type: str
"""
