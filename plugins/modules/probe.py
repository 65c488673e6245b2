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
    that the connection came from and the listener's name, so that the other side learns which source address was
    seen and who it is that answers.
  - With O(wait) it asks nothing, and waits until whoever is to ask can.
  - Never fails because of what a probe finds; that is a result.
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
      origin:
        description: Who asks, for the report.
        type: str
      target:
        description: Who is asked, for the report.
        type: str
      namespace:
        description: The namespace to ask from. The host's own network when omitted.
        type: str
      kind:
        description:
          - An ICMP echo request, or a TCP connection.
          - V(namespace) asks whether the namespace exists.
        type: str
        choices: [ping, tcp, namespace]
        default: ping
      address:
        description: The address to reach, IPv4 or IPv6. Not for V(namespace).
        type: str
      port:
        description: TCP port.
        type: int
        default: 7777
      expect:
        description:
          - Whether an answer has to come. A refused connection is an answer, too, but never the one that has to come.
          - An answer that must not come is waited for half as long as another.
        type: str
        choices: [reached, unreached]
        default: reached
      expect_source:
        description: The source address that the far end must see, for V(tcp) towards a listener of this module.
        type: str
      expect_answered_by:
        description: The name of the listener that must answer, for V(tcp) towards a listener of this module.
        type: str
  packed:
    description:
      - The list of O(probes) as base64 of zlib of JSON, for lists too long to travel as arguments.
        Then the results are RV(packed_results).
    type: str
  listen:
    description:
      - Where to answer TCP connections. In a namespace that does not exist, nobody does.
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
      name:
        description: What to say about who answers, without blanks at its ends.
        type: str
  seconds:
    description: How long to O(listen), in seconds.
    type: int
    default: 30
  wait:
    description:
      - Instead of asking, wait until every namespace has a route to each address from which an answer has to come, at
        most so many seconds. An instance that was started a moment ago may still be asking DHCP for its address.
      - Not for O(listen).
    type: int
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
    listen: [{port: 7777, name: this host}]
    seconds: 30

- name: Give an instance that starts half a minute to get its address
  cloudnet.dataplane.probe:
    probes: [{name: the gateway, namespace: vm-web, address: 192.0.2.1}]
    wait: 30

- name: Ask whether the way is open
  cloudnet.dataplane.probe:
    probes:
      - name: the host reaches itself
        kind: tcp
        address: 127.0.0.1
        expect_source: 127.0.0.1
        expect_answered_by: this host
      - name: nothing has this address
        address: 192.0.2.1
        expect: unreached
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
  returned: with O(probes), without O(wait)
  type: list
  elements: dict
  contains:
    ok:
      description: Whether it is as expected.
      type: bool
    reached:
      description: Whether an answer came, be it a refusal.
      type: bool
    detail:
      description: The answer in words.
      type: str
    source:
      description: The source address that the far end saw.
      type: str
    answered_by:
      description: The name of the listener that answered.
      type: str
packed_results:
  description: The same, packed.
  returned: with O(packed), without O(wait)
  type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import EngineError
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.probe.ask import probe
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.probe.listen import PORT, listen
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.probe.routes import await_routes
from ansible_collections.cloudnet.dataplane.plugins.module_utils._packed import pack, unpack

PROBE = {
    "name": {"type": "str", "required": True},
    "origin": {"type": "str"},
    "target": {"type": "str"},
    "namespace": {"type": "str"},
    "kind": {"type": "str", "choices": ["ping", "tcp", "namespace"], "default": "ping"},
    "address": {"type": "str"},
    "port": {"type": "int", "default": PORT},
    "expect": {"type": "str", "choices": ["reached", "unreached"], "default": "reached"},
    "expect_source": {"type": "str"},
    "expect_answered_by": {"type": "str"},
}
#: What each kind needs
REQUIRED = [("kind", "ping", ["address"]), ("kind", "tcp", ["address"]), ("kind", "namespace", ["namespace"])]
LISTENER = {"namespace": {"type": "str"}, "port": {"type": "int", "default": PORT}, "name": {"type": "str"}}


def main():
    """Listen, wait, or ask."""
    module = AnsibleModule(
        argument_spec={
            "probes": {"type": "list", "elements": "dict", "options": PROBE, "required_if": REQUIRED},
            "packed": {"type": "str"},
            "listen": {"type": "list", "elements": "dict", "options": LISTENER},
            "seconds": {"type": "int", "default": 30},
            "wait": {"type": "int"},
        },
        mutually_exclusive=[("probes", "packed", "listen"), ("wait", "listen")],
        required_one_of=[("probes", "packed", "listen")],
        supports_check_mode=True,
    )
    try:
        if module.params["listen"] is not None:
            listen(module.params["listen"], module.params["seconds"])
            module.exit_json(changed=False)
        packed = module.params["packed"]
        probes = module.params["probes"] if packed is None else unpack(packed)
        if module.params["wait"] is not None:
            await_routes(probes, module.params["wait"])
            module.exit_json(changed=False)
        results = probe(probes)
        found = {"results": results} if packed is None else {"packed_results": pack(results)}
        module.exit_json(changed=False, **found)
    except (EngineError, OSError, ValueError) as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
