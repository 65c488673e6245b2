# SPDX-License-Identifier: GPL-3.0-or-later
"""How iptables-save would print a rule: asked of iptables itself. PRIVATE to the collection.

Its forms differ between versions and extensions (``--to`` becomes ``--to-source``,
``-s 10.0.0.5`` gains ``/32``, ``--set-mark`` becomes ``--set-xmark``), so no table of
ours would be right. The rules go through a namespace that lasts as long as the
command and in which no packet ever moves.
"""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.command import find, run
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import CommandFailed
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.xtables import save
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.xtables.restore import PACKAGE, TOOLS

_CHAIN = "canonical-forms"


def forms(family, tables):
    """{(table, rule): printed form} for {table: (chain names that rules may jump to, rules)}.

    A rule that iptables refuses has no form, and then none of its neighbours has: the
    caller takes rules as written, and the real write names what is wrong. A rule that
    names an ipset cannot be tried without the set and is left out.
    """
    tables = {
        table: (chains, [rule for rule in rules if "--match-set" not in rule])
        for table, (chains, rules) in tables.items()
    }
    restore, printer = (find(f"{TOOLS[family]}-{verb}", PACKAGE) for verb in ("restore", "save"))
    script = '"$0" --noflush -w && exec "$1"'
    try:
        printed = run(["unshare", "-n", "sh", "-c", script, restore, printer], _document(tables), package="util-linux")
    except CommandFailed:
        return {}
    result = {}
    for table, (_chains, rules) in tables.items():
        saved = save.parse(printed).get(table, {}).get(_CHAIN, [])
        if len(saved) == len(rules):  # a name that stands for several addresses makes several rules
            result.update(zip(((table, rule) for rule in rules), saved))
    return result


def _document(tables):
    lines = []
    for table, (chains, rules) in tables.items():
        own = [chain for chain in chains if chain not in save.BUILTIN[table]]
        lines += [f"*{table}", *(f":{chain} - [0:0]" for chain in [_CHAIN, *own])]
        lines += [*(f"-A {_CHAIN} {rule}" for rule in rules), "COMMIT"]
    return "\n".join(lines) + "\n"
