# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation that every declarative module shares. PRIVATE to the collection."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  packed:
    description:
      - The list of O(config) as base64 of zlib of JSON, for lists too long to travel as arguments.
        The roles of this collection hand plans over in this form.
    type: str
  state:
    description:
      - With V(present) every item of O(config) exists as described.
      - With V(absent) no item of O(config) exists; only the keys that identify an item are read.
    type: str
    choices: [present, absent]
    default: present
  purge:
    description:
      - Also remove what carries the mark of O(owner) and is not listed in O(config).
        Objects without that mark are never removed.
    type: bool
    default: false
  owner:
    description:
      - Whose objects these are. Written into the mark that every object carries, and the limit of O(purge).
    type: str
    default: default
  adopt:
    description:
      - Take over objects that have a wanted name but not our mark.
        Without it they are an error, and nothing is changed.
    type: bool
    default: false
attributes:
  check_mode:
    description: Can run in check mode and predicts the change exactly, also where nothing exists yet.
    support: full
  diff_mode:
    description: Returns the normalised state before and after of every object that changes.
    support: full
  platform:
    description: Linux with network namespaces.
    platforms: linux
    support: full
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
  action_group:
    description: Use C(group/cloudnet.dataplane.dataplane) in C(module_defaults), for O(owner) for example.
    membership:
      - cloudnet.dataplane.dataplane
    support: full
"""

    INFO = r"""
attributes:
  check_mode:
    description: Reads only; check mode makes no difference.
    support: full
  diff_mode:
    description: Reads only; there is nothing to compare.
    support: N/A
  platform:
    description: Linux with network namespaces.
    platforms: linux
    support: full
  idempotent:
    description: Reads only.
    support: N/A
"""
