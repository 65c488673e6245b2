#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action cloudnet.dataplane.reachability_report, which runs on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: reachability_report
short_description: Show and write down what probes answered
version_added: "1.0.0"
author:
  - The cloudnet.dataplane founders (@cloudnet)
description:
  - Puts together what M(cloudnet.dataplane.probe) found on all hosts, as a table for people, as JSON and as JUnit's
    XML.
  - Never fails because of what was found; assert that RV(disagreements) is empty.
  - Runs on the Ansible controller and touches no host. Use it with C(run_once).
options:
  site:
    description: The site's name, for the report.
    type: str
    required: true
  answers:
    description: What M(cloudnet.dataplane.probe) returned on every host as C(packed_results).
    type: list
    elements: str
    required: true
  report_dir:
    description: Directory for C(reachability.json) and C(reachability.xml). Without it nothing is written.
    type: path
attributes:
  action:
    description: Runs on the controller only.
    support: full
  check_mode:
    description: Writes nothing.
    support: full
  diff_mode:
    description: What was found is in the result.
    support: none
  idempotent:
    description: The same answers give the same files; no two rounds of questions take the same time.
    support: partial
  platform:
    description: Any controller.
    platforms: posix
    support: full
"""

EXAMPLES = r"""
- name: Put the answers together
  cloudnet.dataplane.reachability_report:
    site: demo
    answers: "{{ ansible_play_hosts | map('extract', hostvars, ['answers', 'packed_results']) }}"
    report_dir: reports
  run_once: true
  register: report

- name: Insist on what the model says
  ansible.builtin.assert:
    that: report.disagreements | length == 0
    fail_msg: "{{ report.disagreements | join('; ') }}"
  run_once: true
"""

RETURN = r"""
text:
  description: Who reaches whom, and every probe; of very many only those that are not as expected.
  returned: success
  type: str
summary:
  description: How many probes found what.
  returned: success
  type: str
count:
  description: How many probes there were.
  returned: success
  type: int
disagreements:
  description: A sentence for every probe that did not find what was expected.
  returned: success
  type: list
  elements: str
files:
  description: What was written.
  returned: success
  type: list
  elements: str
"""
