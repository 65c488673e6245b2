# SPDX-License-Identifier: GPL-3.0-or-later
"""A path for people, with what the hosts said. Pure. PRIVATE to the collection.

answers: {number of a hop, from 1: what module trace_check found about it}. sent: the result of module probe, or None.
"""

from __future__ import annotations


def text(title, path, answers=None, sent=None):
    """The hops under the names of their hosts, numbered; with answers marked by what the hosts said."""
    lines, last = [f"{title}: {path.ends}; {path.answer}"], None
    for number, hop in enumerate(path.hops, 1):
        if last is None or hop.host != last.host:
            lines += ["", hop.host]
        again = last is not None and (hop.host, hop.place) == (last.host, last.place)
        lines += _hop(number, hop, again, None if answers is None else answers.get(number, []))
        last = hop
    return "\n".join(lines + (["", f"sent: {sent['detail']}"] if sent else []))


def _hop(number, hop, again, said):
    """The lines of a hop. again: it is where the one before was."""
    place = "    " if again else f"{hop.place}: "
    if said is None:
        return [f"{number:>4}  {place}{hop.does}"]
    mark = "NO" if any(not each["ok"] for each in said) else "ok" if said else "  "
    notes = [f"{'':>10}{'seen' if each['ok'] else 'BUT'}: {each['seen']}" for each in said
             if not each["ok"] or each["note"]]
    return [f"{number:>4}  {mark}  {place}{hop.does}", *notes]


def checks(path):
    """{host: [check]} of all hops, each with the number of its hop."""
    found = {}
    for number, hop in enumerate(path.hops, 1):
        for check in hop.checks:
            found.setdefault(hop.host, []).append({**check, "hop": number})
    return found


def disagreement(path, answers, sent=None):
    """The first hop of which its host says otherwise, as a sentence; empty where there is none."""
    for number, hop in enumerate(path.hops, 1):
        wrong = [each["seen"] for each in answers.get(number, []) if not each["ok"]]
        if wrong:
            return f"hop {number}, {hop.place} on {hop.host}: {hop.does}; but {'; '.join(wrong)}"
    if sent and path.answered is not None and sent["reached"] != path.answered:  # who refuses has been reached, too
        return f"every hop is as it has to be, and yet: {sent['name']}: {sent['detail']}"
    return ""
