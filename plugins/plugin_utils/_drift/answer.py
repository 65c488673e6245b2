# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tasks of one host returned, as that host's part of the document. PRIVATE to the collection.

An answer is {"packages": names of missing packages, "modules": results of looking for kernel modules,
"daemon": the result of what runs Open vSwitch, "dataplane": the result of module host_dataplane,
"restore": that of module host_restore}, all but dataplane optional.
"""

from __future__ import annotations

#: Sections of a host in the order in which a run goes through them: what the host itself needs, the plan's sections as
#: the engine has them, what brings them back after a boot.
HOST, RESTORE = "host", "restore"
SECTIONS = (HOST, "sysctls", "bridges", "internal_ports", "namespaces", "security_groups", "ports", "flows",
            "nat_rules", "floating_ips", "services", RESTORE)

#: What correcting costs traffic that runs, from nothing to most.
DISRUPTIONS = ("none", "flow", "port", "conntrack", "service")

_CHANGE = ("section", "object", "action", "before", "after", "owner", "disruption")
_FAILED = ("section", "msg", "conflict", "owner")
_UNKNOWN = ("section", "object", "owner")


def part(answer, owner):
    """A host's part of the document. owner: whose the host's packages and daemons are, the site's name."""
    dataplane = answer["dataplane"]
    if dataplane.get("unreachable"):
        return _unread("unreachable", dataplane)
    if dataplane.get("failed"):
        return _unread("error", dataplane)
    changes = _in_order([_picked(_CHANGE, {"owner": owner, "disruption": "none", **each}) for each in _changes(answer)])
    failed = _in_order([_picked(_FAILED, each) for each in _failed(answer)])
    unknown = _in_order([_picked(_UNKNOWN, each) for each in dataplane.get("unknown") or ()])
    status = "error" if failed else "drift" if changes else "clean"
    message = "; ".join(f"{each['section']}: {each['msg']}" for each in failed)
    return {"status": status, "message": message, "disruption": worst(changes), "failed_sections": failed,
            "changes": changes, "unknown": unknown}


def worst(objects):
    """The most disturbing of what correcting these costs."""
    return max((each["disruption"] for each in objects), key=DISRUPTIONS.index, default="none")


def _unread(status, result):
    return {"status": status, "message": _message(result), "disruption": "none",
            "failed_sections": [], "changes": [], "unknown": []}


def _message(result):
    return str(result.get("msg") or "no reason given").strip().removeprefix("Task failed: ")


def _failed(answer):
    yield from answer["dataplane"].get("failed_sections") or ()
    for name, section in (("daemon", HOST), ("restore", RESTORE)):
        result = answer.get(name) or {}
        if result.get("failed") or result.get("unreachable"):
            yield {"section": section, "msg": _message(result), "conflict": False, "owner": None}


def _changes(answer):
    yield from (_lacks(f"package {name}", "installed") for name in answer.get("packages") or ())
    yield from (_lacks(f"kernel module of /proc/sys/net/{each['item']}", "loaded")
                for each in answer.get("modules") or () if not each.get("stat", {"exists": True})["exists"])
    yield from _daemon(answer.get("daemon") or {})
    yield from answer["dataplane"].get("changes") or ()
    yield from ({"section": RESTORE, **each} for each in (answer.get("restore") or {}).get("changes") or ())


def _lacks(what, state):
    return {"section": HOST, "object": what, "action": "create", "before": None, "after": state}


def _daemon(result):
    """The one change of a systemd unit, from what Ansible's module found and would make of it."""
    if result.get("changed"):
        found = result.get("status") or {}
        yield {"section": HOST, "object": f"unit {result['name']}", "action": "update",
               "before": {"state": found.get("ActiveState"), "boot": found.get("UnitFileState")},
               "after": {"state": "active", "boot": "enabled"}}


def _picked(keys, found):
    return {key: found[key] for key in keys}


def _in_order(found):
    return sorted(found, key=lambda each: (
        SECTIONS.index(each["section"]), each.get("object") or each["msg"], each.get("action") or ""))
