#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action cloudnet.dataplane.drift_report, which runs on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: drift_report
short_description: Show and write down what the hosts are otherwise than planned
version_added: "1.0.0"
author:
  - The cloudnet.dataplane founders (@cloudnet)
description:
  - Puts together what M(cloudnet.dataplane.host_dataplane) found on all hosts in check mode, and what the hosts lack
    themselves, as JSON, as Markdown for people and as JUnit's XML.
  - With O(answers) it never fails because of what was found. With O(verdict) it ends the play as an earlier report
    says.
  - Runs on the Ansible controller and touches no host. Use it with C(run_once).
options:
  answers:
    description:
      - For every host what the tasks of C(playbooks/drift.yml) returned there. C(host) is its name, C(dataplane) the
        result of M(cloudnet.dataplane.host_dataplane), also of a host that was unreachable or where it failed.
      - All other keys may be missing. C(packages) are the names of missing Debian packages, C(modules) the results of
        looking for kernel modules in C(/proc/sys/net), C(daemon) is the result of M(ansible.builtin.systemd_service)
        for Open vSwitch, C(restore) that of C(host_restore).
      - Either this or O(verdict).
    type: list
    elements: dict
  site:
    description: The site's name. Required with O(answers).
    type: str
  not_asked:
    description: Names of the site's hosts that C(--limit) left out.
    type: list
    elements: str
    default: []
  report_dir:
    description: Directory for C(drift.json), C(drift.md) and C(drift.xml). Without it nothing is written.
    type: path
  verdict:
    description:
      - The RV(status) of an earlier report, which this task ends as. V(drift) fails, so that C(ansible-playbook) exits
        with 2. V(error) leaves the host of this task unreachable, so that it exits with 4.
      - Either this or O(answers).
    type: str
    choices: [clean, drift, error]
  msg:
    description: What the task says at the end, with O(verdict).
    type: str
    default: ""
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
    description: The same answers give the same files, which hold no time of day.
    support: full
  platform:
    description: Any controller.
    platforms: posix
    support: full
"""

EXAMPLES = r"""
- name: Put the answers together
  cloudnet.dataplane.drift_report:
    site: demo
    answers: "{{ ansible_play_hosts_all | map('extract', hostvars, 'drift_answer') }}"
    report_dir: reports
  run_once: true
  register: report

- name: End as the report says
  cloudnet.dataplane.drift_report:
    verdict: "{{ report.status }}"
    msg: "{{ report.summary }}"
  run_once: true
"""

RETURN = r"""
status:
  description: V(error) if a host could not be read, otherwise V(drift) if a host has drifted, otherwise V(clean).
  returned: with O(answers)
  type: str
totals:
  description: How many hosts, objects and disruptions there are, as in C(drift.json).
  returned: with O(answers)
  type: dict
summary:
  description: The totals in a sentence.
  returned: with O(answers)
  type: str
text:
  description: What has drifted, for a terminal; of very many objects the first.
  returned: with O(answers)
  type: str
files:
  description: What was written.
  returned: with O(answers)
  type: list
  elements: str
"""
