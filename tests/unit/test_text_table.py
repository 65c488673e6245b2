# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.filter.text_table import text_table


def test_columns_are_as_wide_as_their_widest_value_and_failures_stand_out():
    rows = [{"name": "vm1 -> internet", "ok": True}, {"name": "vm2", "ok": False, "detail": "not shown"}]
    assert text_table(rows, {"name": "probe", "ok": "reached"}).splitlines() == [
        "probe            reached",
        "---------------  -------",
        "vm1 -> internet  yes",
        "vm2              NO",
    ]
