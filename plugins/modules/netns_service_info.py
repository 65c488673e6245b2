#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Module cloudnet.dataplane.netns_service_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: netns_service_info
short_description: Read the services in network namespaces
version_added: "1.0.0"
author:
  - The cloudnet.dataplane founders (@cloudnet)
description:
  - Reads the services that M(cloudnet.dataplane.netns_service) has made, whoever owns them, in its vocabulary.
extends_documentation_fragment:
  - cloudnet.dataplane.declarative.info
options:
  name:
    description:
      - The services to read. All when omitted.
      - A name without a service is not in the result.
    type: list
    elements: str
seealso:
  - module: cloudnet.dataplane.netns_service
"""

EXAMPLES = r"""
- name: Read all services
  cloudnet.dataplane.netns_service_info:
  register: found

- name: Show those that do not run
  ansible.builtin.debug:
    msg: "{{ found.services | rejectattr('state', 'eq', 'running') | map(attribute='name') }}"
"""

RETURN = r"""
services:
  description: The services, by name.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name. The unit is C(cloudnet-NAME.service).
      type: str
    owner:
      description: Whose mark it carries.
      type: str
    namespace:
      description: The network namespace that it runs in, null for the host's own.
      type: str
    description:
      description: What C(systemctl status) shows.
      type: str
    command:
      description: Path of the program and its arguments.
      type: list
      elements: str
    user:
      description: Whom the process runs as, or null.
      type: str
    files:
      description: Paths of its files.
      type: list
      elements: str
    directories:
      description: Paths of its directories.
      type: list
      elements: str
    state:
      description: V(running), V(stopped), V(failed), or V(restarting) while systemd waits to start it again.
      type: str
    pid:
      description: Its process, or null.
      type: int
    restarts:
      description: How often systemd has started it again since it was started.
      type: int
"""

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.module import run_info
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services.info import read


def main():
    """Read."""
    run_info({"name": {"type": "list", "elements": "str"}}, lambda params: {"services": read(params["name"])})


if __name__ == "__main__":
    main()
