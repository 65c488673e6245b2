# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock on disk: allocations.yml beside the inventory. PRIVATE to the collection.

It is an Ansible inventory source of its own (`all: vars:`), so that an
inventory directory may hold it like any other file.
"""

from __future__ import annotations

import os
import tempfile

import yaml

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.lock import NAME, empty
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.errors import SiteError

FILE = "allocations.yml"

_HEADER = """\
# SPDX-License-Identifier: GPL-3.0-or-later
# What cloudnet.dataplane has allocated. Written by the plan action; commit it. To move an object to another
# value, pin that value in the site; to have a new one chosen, remove the line.
---
"""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def read(path):
    """The lock in a file; an empty one where there is no file. Raises SiteError for a file that holds none."""
    if not os.path.exists(path):
        return empty()
    try:
        with open(path, encoding="utf-8") as file:
            return yaml.load(file, Loader=_LOADER)["all"]["vars"][NAME]
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise SiteError([f"{path}: does not hold all.vars.{NAME}: {error}"]) from error


def text(lock):
    """The contents of the file of a lock; sorted, so that a change is a small diff."""
    return _HEADER + yaml.dump({"all": {"vars": {NAME: lock}}}, Dumper=_DUMPER, width=200)


def write(path, lock):
    """Replace the file in one step."""
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path) or ".", prefix=f".{FILE}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text(lock))
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
