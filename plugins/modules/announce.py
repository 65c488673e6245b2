#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Module cloudnet.dataplane.announce."""

from __future__ import annotations

DOCUMENTATION = r"""
module: announce
short_description: Tell neighbours where addresses live
version_added: "1.0.0"
author:
  - The cloudnet.dataplane founders (@cloudnet)
description:
  - Sends gratuitous ARP for IPv4 addresses and unsolicited neighbour advertisements for IPv6 ones, without waiting for
    anything. Changes nothing on the host.
  - M(cloudnet.dataplane.netns) and M(cloudnet.dataplane.floating_ip) announce what they make themselves. An address
    that moves from another host is announced once more with this module when that host has given it up. Until then
    it may have answered for it, and whoever asked in between has the old place.
  - Best effort. What is not there, or not up, is skipped.
options:
  addresses:
    description: The addresses, as other modules return them as C(announced).
    type: list
    elements: dict
    required: true
    suboptions:
      namespace:
        description: The network namespace.
        type: str
        required: true
      device:
        description: The device that sends the announcement, with its MAC address.
        type: str
        required: true
      address:
        description: The IPv4 or IPv6 address. The device need not have it.
        type: str
        required: true
attributes:
  check_mode:
    description: Sends nothing in check mode.
    support: full
  diff_mode:
    description: Nothing changes.
    support: N/A
  platform:
    description: Linux with network namespaces.
    platforms: linux
    support: full
  idempotent:
    description: Never changes anything.
    support: full
"""

EXAMPLES = r"""
- name: A namespace with an address
  cloudnet.dataplane.netns:
    config:
      - name: qrouter-announce-example
        links:
          - {name: qg-announce-ex, plug: veth, peer: tapannounce-ex, addresses: [203.0.113.101/24]}
  register: made

- name: Its neighbours hear of it once more
  cloudnet.dataplane.announce:
    addresses: "{{ made.announced | default([]) }}"
"""

RETURN = r"""
changed:
  description: Always false.
  returned: always
  type: bool
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import namespace
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.announce import Place, announce_places
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import EngineError

ADDRESS = {key: {"type": "str", "required": True} for key in Place._fields}


def main():
    """Announce."""
    module = AnsibleModule(
        argument_spec={"addresses": {"type": "list", "elements": "dict", "options": ADDRESS, "required": True}},
        supports_check_mode=True,
    )
    try:
        there = namespace.names()
        places = [Place(**each) for each in module.params["addresses"]]
        if not module.check_mode:
            announce_places([place for place in places if place.namespace in there])
    except (EngineError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False)


if __name__ == "__main__":
    main()
