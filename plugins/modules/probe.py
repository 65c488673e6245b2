#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Module cloudnet.dataplane.probe."""

from __future__ import annotations

DOCUMENTATION = r"""
module: probe
short_description: Prove reachability from inside network namespaces
version_added: "1.0.0"
author:
  - The cloudnet.dataplane founders (@cloudnet)
description:
  - Pings and opens TCP connections from inside network namespaces, all at the same time, and reports each answer.
  - With O(listen) it answers TCP connections inside namespaces instead, for a bounded time, each with the address
    that the connection came from, so that the other side learns which source address was seen.
  - Never fails because a probe found no way; that is a result.
options:
  probes:
    description: What to ask.
    type: list
    elements: dict
    suboptions:
      name:
        description: What the probe proves, for the report.
        type: str
        required: true
      namespace:
        description: The namespace to ask from. The host's own network when omitted.
        type: str
      kind:
        description: An ICMP echo request, or a TCP connection.
        type: str
        choices: [ping, tcp]
        default: ping
      address:
        description: The address to reach, IPv4 or IPv6.
        type: str
        required: true
      port:
        description: TCP port.
        type: int
        default: 7777
      expect_source:
        description: The source address that the far end must see, for V(tcp) towards a listener of this module.
        type: str
  listen:
    description:
      - Where to answer TCP connections.
      - A listener that an earlier task of this module left on the host ends; with an empty list that is all.
    type: list
    elements: dict
    suboptions:
      namespace:
        description: The namespace to answer in. The host's own network when omitted.
        type: str
      port:
        description: TCP port.
        type: int
        default: 7777
  seconds:
    description: How long to O(listen), in seconds.
    type: int
    default: 30
attributes:
  check_mode:
    description: Changes nothing on the host, in check mode or not.
    support: full
  diff_mode:
    description: There is nothing to compare.
    support: N/A
  idempotent:
    description: Changes nothing on the host, however often it runs.
    support: full
  platform:
    description: Linux with network namespaces.
    platforms: linux
    support: full
"""

EXAMPLES = r"""
- name: Answer on port 7777 for half a minute
  cloudnet.dataplane.probe:
    listen: [{port: 7777}]
    seconds: 30

- name: Ask whether the way is open
  cloudnet.dataplane.probe:
    probes:
      - name: the host reaches itself
        kind: tcp
        address: 127.0.0.1
        expect_source: 127.0.0.1
  register: answers

- name: Insist on it
  ansible.builtin.assert:
    that: answers.results | rejectattr('ok') | length == 0

- name: Stop answering
  cloudnet.dataplane.probe:
    listen: []
"""

RETURN = r"""
results:
  description: One entry per probe, in order, with the keys of the probe.
  returned: with O(probes)
  type: list
  elements: dict
  contains:
    ok:
      description: Whether the answer came, from the expected source.
      type: bool
    detail:
      description: The answer in words.
      type: str
    source:
      description: The source address that the far end saw.
      type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import EngineError
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.probe import PORT, listen, probe

PROBE = {
    "name": {"type": "str", "required": True},
    "namespace": {"type": "str"},
    "kind": {"type": "str", "choices": ["ping", "tcp"], "default": "ping"},
    "address": {"type": "str", "required": True},
    "port": {"type": "int", "default": PORT},
    "expect_source": {"type": "str"},
}
LISTENER = {"namespace": {"type": "str"}, "port": {"type": "int", "default": PORT}}


def main():
    """Listen, or ask."""
    module = AnsibleModule(
        argument_spec={
            "probes": {"type": "list", "elements": "dict", "options": PROBE},
            "listen": {"type": "list", "elements": "dict", "options": LISTENER},
            "seconds": {"type": "int", "default": 30},
        },
        mutually_exclusive=[("probes", "listen")],
        required_one_of=[("probes", "listen")],
        supports_check_mode=True,
    )
    try:
        if module.params["listen"] is not None:
            listen(module.params["listen"], module.params["seconds"])
            module.exit_json(changed=False)
        module.exit_json(changed=False, results=probe(module.params["probes"]))
    except (EngineError, OSError) as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
