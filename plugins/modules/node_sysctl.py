#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Module cloudnet.dataplane.node_sysctl."""

from __future__ import annotations

DOCUMENTATION = r"""
module: node_sysctl
short_description: Kernel settings of the host
version_added: "1.0.0"
author:
  - The cloudnet.dataplane founders (@cloudnet)
description:
  - Sets kernel settings now, and for the next boot in a drop-in for C(systemd-sysctl).
  - The drop-in holds exactly the listed keys, and records the value that each had before.
    A key that is listed no more gets that value back, as do all with O(state=absent).
  - Settings of network namespaces are made by M(cloudnet.dataplane.netns).
options:
  sysctls:
    description:
      - The settings, for example V(net.ipv4.ip_forward). Dots separate the parts of a key.
      - A key that the kernel does not have is an error; in check mode a warning.
    type: dict
    default: {}
  path:
    description: The drop-in. Another file at this path is an error.
    type: path
    default: /etc/sysctl.d/60-cloudnet-dataplane.conf
  state:
    description:
      - With V(present) the drop-in holds O(sysctls).
      - With V(absent) there is none, and every setting it had is what it was before.
    type: str
    choices: [present, absent]
    default: present
attributes:
  check_mode:
    description: Can run in check mode and predicts the change exactly.
    support: full
  diff_mode:
    description: Returns the values, and the lines of the drop-in, before and after.
    support: full
  platform:
    description: Linux.
    platforms: linux
    support: full
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
seealso:
  - module: cloudnet.dataplane.netns
"""

EXAMPLES = r"""
- name: Do not check return paths, which are asymmetric with distributed routers
  cloudnet.dataplane.node_sysctl:
    sysctls:
      net.ipv4.ip_forward: 1
      net.ipv4.conf.all.rp_filter: 0
      net.ipv4.conf.default.rp_filter: 0

- name: Take the settings back
  cloudnet.dataplane.node_sysctl:
    state: absent
"""

RETURN = r"""
changed:
  description: Whether a setting or the drop-in changed, or would change in check mode.
  type: bool
  returned: always
changes:
  description: The settings and the file that change.
  type: list
  elements: dict
  returned: success
  contains:
    action:
      description: V(create), V(update) or V(delete).
      type: str
    object:
      description: The setting or the file, for example C(sysctl net.ipv4.ip_forward).
      type: str
    before:
      description: Value, or lines of the file, before; null if there was none.
      type: raw
    after:
      description: Value, or lines of the file, after; null if there is none.
      type: raw
    disruption:
      description: What the change costs running traffic, always V(none).
      type: str
disruption:
  description: Always V(none).
  type: str
  returned: success
engine_seconds:
  description: Seconds that reading and changing the host took.
  type: float
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.module import run_module
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.node_sysctl import PATH, NodeSysctl, parse

ARGUMENTS = {
    "sysctls": {"type": "dict", "default": {}},
    "path": {"type": "path", "default": PATH},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def main():
    """Converge the settings."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    params = module.params

    def backend():
        wanted = parse(params["sysctls"]) if params["state"] == "present" else {}
        return NodeSysctl(wanted, params["path"], module.warn if module.check_mode else None)

    run_module(module, backend)


if __name__ == "__main__":
    main()
