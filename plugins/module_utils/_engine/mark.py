# SPDX-License-Identifier: GPL-3.0-or-later
"""Our mark: how every object that we make says whose it is. PRIVATE to the collection.

=================  =====================================================================
object             mark
=================  =====================================================================
namespace          alias of its ``lo``: it lives and dies with the namespace
link               alias of the link
OVS row            ``external_ids:cloudnet-dataplane``
OpenFlow flow      cookie
iptables table     the namespace's mark; in a namespace without it (the root one) a
                   chain ``cloudnet-dataplane`` that nothing jumps to, whose one rule is
                   a comment naming the owner, beside the chains of our prefix
ipset              membership in the list of sets ``cloudnet-dataplane``, with a comment naming the owner
systemd unit       its section ``[X-Cloudnet-Dataplane]``, which systemd skips
=================  =====================================================================
"""

from __future__ import annotations

import zlib

EXTERNAL_ID = "cloudnet-dataplane"
CHAIN = "cloudnet-dataplane"
SET = "cloudnet-dataplane"
UNIT_SECTION = "X-Cloudnet-Dataplane"

_ALIAS = "cloudnet.dataplane owner="
_COOKIE_MAGIC = 0x636E6470  # "cndp": a dump of flows shows at a glance which are ours


def alias(owner):
    """The ifalias of a link, or of a namespace's lo, that belongs to owner."""
    return _ALIAS + owner


def owner_of_alias(text):
    """The owner that an ifalias names, or None for a link that is not ours."""
    if text and text.startswith(_ALIAS):
        return text[len(_ALIAS):]
    return None


def cookie(owner):
    """The 64-bit OpenFlow cookie of owner's flows."""
    return _COOKIE_MAGIC << 32 | zlib.crc32(owner.encode())
