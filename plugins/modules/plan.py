#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action cloudnet.dataplane.plan, which runs on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: plan
short_description: Compile the site of the inventory into one plan per host
version_added: "1.0.0"
author:
  - The cloudnet.dataplane founders (@cloudnet)
description:
  - Validates the site variables (C(docs/site-model.md)), allocates what they leave open and compiles one plan for every
    host of the groups C(controller), C(network), C(compute) and C(outside_world).
  - All faults of the site are reported together, each as C(variable path, value, rule), before anything is written.
  - What was allocated is kept in C(allocations.yml) beside the inventory, meant to be committed. Adding or removing an
    object never changes the allocations of another.
  - Runs on the Ansible controller and touches no host. Use it with C(run_once).
options:
  plan_dir:
    description:
      - Directory for the plans, one C(HOST.json) for each host, readable by the owner only.
      - Without it they are in a temporary directory that ends with the run. Check mode never writes into it, and uses a
        temporary directory as well.
    type: path
  encrypt:
    description:
      - Encrypts what is secret of the plans in O(plan_dir) with Ansible Vault, with the first secret of the run or that
        of the setting C(vault_encrypt_identity). Plans hold secrets, and git keeps no permissions. The rest of a plan
        can be read and compared as ever.
      - A directory in which something is encrypted goes on so, whatever this says.
    type: bool
    default: false
  allocations:
    description: The file that keeps the allocations.
    type: path
    default: C(allocations.yml) beside the inventory
attributes:
  action:
    description: Runs on the controller only.
    support: full
  check_mode:
    description: Compiles the same plans, and writes neither O(allocations) nor O(plan_dir).
    support: full
  diff_mode:
    description: Shows what changes in O(allocations).
    support: full
  idempotent:
    description: The same site and allocations give the same plans.
    support: full
  platform:
    description: Any controller.
    platforms: posix
    support: full
"""

EXAMPLES = r"""
- name: Compile the site
  cloudnet.dataplane.plan:
  run_once: true
  register: site_plan

- name: Give every host its plan
  cloudnet.dataplane.host_plan:
    plan_dir: "{{ site_plan.plan_dir }}"
"""

RETURN = r"""
plan_dir:
  description: Where the plans are.
  returned: success
  type: str
hosts:
  description: The hosts that have a plan.
  returned: success
  type: list
  elements: str
allocations:
  description: The file of the allocations.
  returned: success
  type: str
allocations_changed:
  description: Whether something was allocated or became free.
  returned: success
  type: bool
summary:
  description: What the site and every plan hold, a line each.
  returned: success
  type: list
  elements: str
"""
