#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action cloudnet.dataplane.host_plan, which runs on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_plan
short_description: Hand a host its plan
version_added: "1.0.0"
author:
  - The cloudnet.dataplane founders (@cloudnet)
description:
  - Reads the plan that M(cloudnet.dataplane.plan) compiled for this host, and returns its sections.
  - The long sections (C(ports), C(flows), C(namespaces), C(security_groups), C(nat_rules), C(floating_ips),
    C(services)) are packed for the option C(packed) of the modules that take them; the others are plain data.
  - The plan as a whole is packed, too, for M(cloudnet.dataplane.host_dataplane).
  - Services have files that hold secrets, so the result is never shown.
  - Runs on the Ansible controller and touches no host.
options:
  plan_dir:
    description:
      - The directory that M(cloudnet.dataplane.plan) returned, or one with plans that it made before.
      - A plan, or what is secret in it, may be encrypted with Ansible Vault. One with plain secrets that others can
        read is refused. So is one that another version of the collection made.
    type: path
    required: true
  site:
    description: Name of the site that the plan must be of. Without it, it may be of any.
    type: str
  host:
    description: Whose plan.
    type: str
    default: C(inventory_hostname)
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
    description: Reads only.
    support: full
  platform:
    description: Any controller.
    platforms: posix
    support: full
"""

EXAMPLES = r"""
- name: Give every host its plan
  cloudnet.dataplane.host_plan:
    plan_dir: "{{ site_plan.plan_dir }}"
  register: dataplane_plan

- name: Build its namespaces
  cloudnet.dataplane.netns:
    packed: "{{ dataplane_plan.namespaces }}"
    owner: "{{ dataplane_plan.owner }}"
"""

RETURN = r"""
namespaces:
  description:
    - A long section, packed.
    - C(internal_ports), C(ports), C(flows), C(security_groups), C(nat_rules), C(floating_ips) and C(services) likewise.
  returned: success
  type: str
way_in:
  description: Bridges, ports and flows together, packed for M(cloudnet.dataplane.way_in).
  returned: success
  type: str
whole:
  description: The whole plan, packed.
  returned: success
  type: str
groups:
  description: Those of the groups of the site model that the host is in.
  returned: success
  type: list
  elements: str
owner:
  description: The site's name, whose mark everything carries. C(host) and C(site) are strings, too.
  returned: success
  type: str
plug:
  description: How routers are plugged, V(veth) or V(internal).
  returned: success
  type: str
bridges:
  description: The bridges of the host.
  returned: success
  type: list
  elements: dict
sysctls:
  description: The node's sysctls.
  returned: success
  type: dict
packages:
  description: The Debian packages that the services need.
  returned: success
  type: list
  elements: str
"""
