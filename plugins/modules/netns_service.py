#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Module cloudnet.dataplane.netns_service."""

from __future__ import annotations

DOCUMENTATION = r"""
module: netns_service
short_description: Processes in network namespaces
version_added: "1.0.0"
author:
  - The cloudnet.dataplane founders (@cloudnet)
description:
  - Runs programs in network namespaces as systemd units C(cloudnet-NAME.service), with the files that they read.
    Any number of services is one task.
  - systemd starts a process again one second after it has ended, for whatever reason and however often.
    What it prints is in the journal, under the name of the service.
  - When files change, a process gets a signal if it can read those again, and is started anew otherwise.
    A process whose input has not changed is left alone.
    One that runs in a namespace which was deleted and made again is started anew.
  - Units are not enabled. After a boot the namespaces do not exist before a run has made them,
    and that run starts the services, too.
  - An item describes its service wholly. The unit file carries our mark and records the files and directories of the
    service, so that they go with it. Drop-ins of a unit belong to whoever made them.
  - Waits until processes that it has started have come to rest. If one does not stay, the error holds the last lines of
    its journal, and what was before is put back.
  - The programs must stay in the foreground.
options:
  packed:
    description:
      - As O(config), packed. It may hold secrets, so it is never logged.
  config:
    description: The services.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the service, which identifies the item. Letters, digits and C(_.:-).
        type: str
        required: true
      namespace:
        description: The network namespace to run in. M(cloudnet.dataplane.netns) makes it. The host's own when omitted.
        type: str
      description:
        description: What C(systemctl status) shows. The name when omitted.
        type: str
      command:
        description:
          - Path of the program and its arguments. Nothing is expanded in them. Required unless O(state=absent).
          - Everybody on the host can read it. Secrets belong into a file.
        type: list
        elements: str
      user:
        description: Whom the process runs as. V(root) when omitted, and many programs change to a user of their own.
        type: str
      reload_signal:
        description:
          - What makes the process read again its files with O(config[].files[].change=reload).
            They make it start anew when this is omitted.
        type: str
        choices: [HUP, USR1, USR2]
      files:
        description:
          - Files, replaced at once when they differ. Directories above them that are missing are made, for all to read.
          - A file that is there already and is not recorded as the service's is an error unless O(adopt) is set.
        type: list
        elements: dict
        default: []
        suboptions:
          path:
            description: Absolute path.
            type: str
            required: true
          content:
            description: Its text.
            type: str
            required: true
          mode:
            description: Its mode, four octal digits in quotes.
            type: str
            default: "0644"
          owner:
            description: Name of its owner.
            type: str
            default: root
          group:
            description: Name of its group.
            type: str
            default: root
          change:
            description:
              - What the process must do when the file changes.
              - By default V(restart), and V(none) with O(config[].files[].create_only).
            type: str
            choices: [restart, reload, none]
          create_only:
            description: Make the file if it is missing, and leave it to the process from then on.
            type: bool
            default: false
          secret:
            description:
              - Hide the content from results and diffs. The mode must not let everybody read it.
            type: bool
            default: false
      directories:
        description:
          - Directories of this service alone, at least three levels deep, as V(/var/lib/NAME).
            They go with the service, with all that is inside.
          - A directory that is there already and is not recorded as the service's is an error unless O(adopt) is set.
        type: list
        elements: dict
        default: []
        suboptions:
          path:
            description: Absolute path.
            type: str
            required: true
          mode:
            description: Its mode, four octal digits in quotes.
            type: str
            default: "0755"
          owner:
            description: Name of its owner.
            type: str
            default: root
          group:
            description: Name of its group.
            type: str
            default: root
extends_documentation_fragment:
  - cloudnet.dataplane.declarative
seealso:
  - module: cloudnet.dataplane.netns_service_info
  - module: cloudnet.dataplane.netns
"""

EXAMPLES = r"""
- name: Make a namespace to serve addresses in
  cloudnet.dataplane.netns:
    owner: demo
    config:
      - name: qdhcp-8a7a0b6e-3d3c-4e0f-9a3e-1f5b8f6c2d10
        links:
          - name: tapf2d4361c-39
            plug: veth
            peer: qdhcpouter
            addresses: [10.0.0.2/24]

- name: Serve them; a changed list of hosts is read again without a restart
  cloudnet.dataplane.netns_service:
    owner: demo
    config:
      - name: dnsmasq-8a7a0b6e-3d3c-4e0f-9a3e-1f5b8f6c2d10
        namespace: qdhcp-8a7a0b6e-3d3c-4e0f-9a3e-1f5b8f6c2d10
        description: DHCP of network demo-net
        command:
          - /usr/sbin/dnsmasq
          - --keep-in-foreground
          - --conf-file=/dev/null
          - --port=0
          - --bind-dynamic
          - --interface=tapf2d4361c-39
          - --pid-file=
          - --dhcp-range=10.0.0.0,static,255.255.255.0,86400s
          - --dhcp-hostsfile=/var/lib/neutron/dhcp/8a7a0b6e-3d3c-4e0f-9a3e-1f5b8f6c2d10/host
          - --dhcp-leasefile=/var/lib/neutron/dhcp/8a7a0b6e-3d3c-4e0f-9a3e-1f5b8f6c2d10/leases
        reload_signal: HUP
        directories:
          - path: /var/lib/neutron/dhcp/8a7a0b6e-3d3c-4e0f-9a3e-1f5b8f6c2d10
        files:
          - path: /var/lib/neutron/dhcp/8a7a0b6e-3d3c-4e0f-9a3e-1f5b8f6c2d10/host
            content: |
              fa:16:3e:00:00:11,host-10-0-0-3.openstacklocal,10.0.0.3
            change: reload
          - path: /var/lib/neutron/dhcp/8a7a0b6e-3d3c-4e0f-9a3e-1f5b8f6c2d10/leases
            content: ""
            create_only: true

- name: Stop it, and remove its files
  cloudnet.dataplane.netns_service:
    owner: demo
    state: absent
    config:
      - name: dnsmasq-8a7a0b6e-3d3c-4e0f-9a3e-1f5b8f6c2d10

- name: Remove every service that this owner has on this host
  cloudnet.dataplane.netns_service:
    owner: demo
    purge: true
    config: []
"""

RETURN = r"""
changed:
  description: Whether something changed, or would change in check mode.
  type: bool
  returned: always
changes:
  description: The units, directories, files and processes that change.
  type: list
  elements: dict
  returned: success
  contains:
    action:
      description: V(create), V(update) or V(delete).
      type: str
    object:
      description: What changes, for example C(file /etc/haproxy.cfg), or C(service cloudnet-NAME) for a process.
      type: str
      sample: service cloudnet-dnsmasq-8a7a0b6e
    before:
      description:
        - State before, null if there was none. Texts are lists of lines.
        - For a process that gets a signal or starts anew, C(has_not_read) tells why. It names files, C(unit) for its
          command, and C(namespace) if that is no more the one which it runs in.
      type: raw
      sample: {state: running, has_not_read: [/var/lib/neutron/dhcp/8a7a0b6e/host]}
    after:
      description: State after, null if there is none.
      type: raw
      sample: {state: running, by: reload}
    disruption:
      description: V(service) where a running process is stopped or started anew, otherwise V(none).
      type: str
disruption:
  description: The worst disruption of all changes.
  type: str
  returned: success
engine_seconds:
  description: Seconds that reading and changing the host took.
  type: float
  returned: success
"""

import functools

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.module import Discreet, run
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services.backend import backend_of
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services.parse import secrets

ACCOUNTS = {"owner": {"type": "str", "default": "root"}, "group": {"type": "str", "default": "root"}}
DIRECTORY = {"path": {"type": "str", "required": True}, "mode": {"type": "str", "default": "0755"}, **ACCOUNTS}
FILE = {
    "path": {"type": "str", "required": True},
    "content": {"type": "str", "required": True},
    "mode": {"type": "str", "default": "0644"},
    **ACCOUNTS,
    "change": {"type": "str", "choices": ["restart", "reload", "none"]},
    "create_only": {"type": "bool", "default": False},
    "secret": {"type": "bool", "default": False, "no_log": False},
}
OPTIONS = {
    "name": {"type": "str", "required": True},
    "namespace": {"type": "str"},
    "description": {"type": "str"},
    "command": {"type": "list", "elements": "str"},
    "user": {"type": "str"},
    "reload_signal": {"type": "str", "choices": ["HUP", "USR1", "USR2"]},
    "files": {"type": "list", "elements": "dict", "options": FILE, "default": []},
    "directories": {"type": "list", "elements": "dict", "options": DIRECTORY, "default": []},
}


def main():
    """Converge the services."""
    run(OPTIONS, backend_of, functools.partial(Discreet, secrets), packed={"type": "str", "no_log": True})


if __name__ == "__main__":
    main()
