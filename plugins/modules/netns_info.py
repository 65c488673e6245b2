#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Module cloudnet.dataplane.netns_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: netns_info
short_description: Read network namespaces and what is inside
version_added: "1.0.0"
author:
  - The cloudnet.dataplane founders (@cloudnet)
description:
  - Reads network namespaces in the vocabulary of M(cloudnet.dataplane.netns), ours or not.
  - What the kernel makes or learns by itself is left out, link-local addresses and connected routes for example.
  - The other end of a veth between two namespaces is known when both are read.
extends_documentation_fragment:
  - cloudnet.dataplane.declarative.info
options:
  name:
    description:
      - The namespaces to read. All when omitted.
      - A name without a namespace is not in the result.
    type: list
    elements: str
seealso:
  - module: cloudnet.dataplane.netns
"""

EXAMPLES = r"""
- name: Read all namespaces
  cloudnet.dataplane.netns_info:
  register: found

- name: Show the routers
  ansible.builtin.debug:
    msg: "{{ found.namespaces | map(attribute='name') | select('match', 'qrouter-') }}"
"""

RETURN = r"""
namespaces:
  description: The namespaces, by name.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name under C(/run/netns).
      type: str
    owner:
      description: Whose mark the namespace carries, or null.
      type: str
    links:
      description: The links but C(lo), as M(cloudnet.dataplane.netns) describes them, with their state and owner.
      type: list
      elements: dict
    routes:
      description: The configured routes of all tables.
      type: list
      elements: dict
    rules:
      description: The policy routing rules.
      type: list
      elements: dict
    neighbours:
      description: The permanent neighbours.
      type: list
      elements: dict
"""

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.module import run_info
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.netns.backend import read


def main():
    """Read."""
    run_info({"name": {"type": "list", "elements": "str"}}, lambda params: {"namespaces": read(params["name"])})


if __name__ == "__main__":
    main()
