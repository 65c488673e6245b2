#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action cloudnet.dataplane.reachability, which runs on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: reachability
short_description: Derive from the site who must reach whom, as questions for module probe
version_added: "1.0.0"
author:
  - The cloudnet.dataplane founders (@cloudnet)
description:
  - For every host of the groups C(network), C(compute) and C(outside_world), the probes that
    M(cloudnet.dataplane.probe) is to ask there, each with the answer that the model expects, and the listeners that
    answer them.
  - Every instance asks its gateways, the address C(dataplane_verify_internet), other instances and others' floating
    IPs. A host of the group C(outside_world) asks floating IPs and the routers' gateways.
  - What has to be answered follows from routers, address translation and security groups; where the model cannot know,
    because routers that are not in it may lead on, or because nobody knows who asks from outside, nothing is asked.
  - Where security groups tell ports apart, one is asked that is open and one that is shut.
  - Every host is asked for the network namespaces that it is to have.
  - Runs on the Ansible controller and touches no host. Use it with C(run_once).
options:
  pairs:
    description:
      - At most so many pairs of instances, and so many of an instance and a floating IP.
      - Of a bigger site these are always the same pairs, chosen to cover pairs of routers, of security groups and of
        networks.
    type: int
    default: 1000
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
    description: The same site gives the same questions.
    support: full
  platform:
    description: Any controller.
    platforms: posix
    support: full
"""

EXAMPLES = r"""
- name: Who must reach whom
  cloudnet.dataplane.reachability:
  run_once: true
  register: expected

- name: Answer
  cloudnet.dataplane.probe:
    listen: "{{ expected.hosts[inventory_hostname].listeners }}"

- name: Ask
  cloudnet.dataplane.probe:
    packed: "{{ expected.hosts[inventory_hostname].probes }}"
  register: answers
"""

RETURN = r"""
site:
  description: The site's name.
  returned: success
  type: str
hosts:
  description: What every host asks and answers, by its name.
  returned: success
  type: dict
  contains:
    probes:
      description: For the option O(cloudnet.dataplane.probe#module:packed).
      type: str
    listeners:
      description: For the option O(cloudnet.dataplane.probe#module:listen).
      type: list
      elements: dict
    count:
      description: How many probes there are.
      type: int
"""
