# SPDX-License-Identifier: GPL-3.0-or-later
"""What systemd runs: `engine.pyz change` and `engine.pyz undo`. PRIVATE to the collection.

The journal has its words.
"""

from __future__ import annotations

import sys

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import EngineError
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.way_in import guard, switch

#: The zipapp's __main__.
MAIN = f"import sys\n\nfrom {__name__} import main\n\nsys.exit(main())\n"


def main():
    """Do what the first argument says."""
    try:
        if sys.argv[1] == "change":
            lines = guard.make()
        else:
            lines = guard.undo("nobody confirmed it in time", switch.stop_change)
    except EngineError as error:
        raise SystemExit(str(error)) from error
    sys.stderr.write("".join(f"{line}\n" for line in lines))
