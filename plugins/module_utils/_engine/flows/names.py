# SPDX-License-Identifier: GPL-3.0-or-later
"""Names and numbers of ports in the text of flows. Pure. PRIVATE to the collection.

`ovs-ofctl parse-flows` knows no bridge, so it takes ports by number only; people
should read and write names.
"""

from __future__ import annotations

import re

#: Ports that OpenFlow itself names; ovs-ofctl reads them in any case of letters.
RESERVED = frozenset(("IN_PORT", "TABLE", "NORMAL", "FLOOD", "ALL", "CONTROLLER", "LOCAL", "NONE", "ANY", "UNSET"))

#: A name in double quotes is always a port; one without them is, where only a port can stand,
#: unless a bracket follows: then it is a field (output:NXM_NX_REG0[]).
_PORT = re.compile(
    r'"(?P<quoted>[^"\n]+)"'
    r"|(?P<before>\b(?:in_port=|port=|output:|enqueue[:(]|resubmit[:(]))"
    r"""(?P<plain>[^\s,:()\[\]"=]+)(?![^\s,:()\[\]"=]|\[)"""
)
_SAFE = re.compile(r"[A-Za-z_][\w.-]*\Z")


def to_numbers(text, numbers):
    """Text of flows, one a line, with port numbers. Unknown names stay.

    numbers: {name: OpenFlow number}. Returns (text, [(line index, unknown name)]).
    """
    unknown = []

    def number(match):
        name = match["quoted"] or match["plain"]
        if name in numbers:
            return (match["before"] or "") + str(numbers[name])
        if match["quoted"] or not (name.isdigit() or name.upper() in RESERVED or name.startswith("0x")):
            unknown.append((text.count("\n", 0, match.start()), name))
        return match[0]

    return _PORT.sub(number, text), unknown


def to_names(text, names):
    """Text of flows with names instead of port numbers. names: {OpenFlow number: name}."""

    def name(match):
        plain = match["plain"]
        if plain is None or not plain.isdigit() or int(plain) not in names:
            return match[0]
        found = names[int(plain)]
        return match["before"] + (found if _SAFE.match(found) else f'"{found}"')

    return _PORT.sub(name, text)
