# SPDX-License-Identifier: GPL-3.0-or-later
"""Action cloudnet.dataplane.trace: see plugins/modules/trace.py for its documentation."""

from __future__ import annotations

from collections import defaultdict

from ansible.errors import AnsibleActionFail

from ansible_collections.cloudnet.dataplane.plugins.module_utils._packed import pack, unpack
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._action import SiteAction
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.names import instance_namespace
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.site_security import SiteSecurity
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.view import views
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.errors import SiteError
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._trace import report
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._trace.endpoints import find_destination, find_origin
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._trace.headers import Headers
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._trace.path import trace

_SPEC = {
    "source": {"type": "str", "required": True},
    "destination": {"type": "str", "required": True},
    "protocol": {"type": "str", "choices": ["icmp", "tcp", "udp"], "default": "icmp"},
    "port": {"type": "int"},
    "answers": {"type": "list", "elements": "str"},
    "sent": {"type": "list", "elements": "str"},
    "allocations": {"type": "path"},
}


class ActionModule(SiteAction):
    """Load the site, draw the path; put in what the hosts said."""

    def run(self, tmp=None, task_vars=None):
        """Result keys as documented in plugins/modules/trace.py."""
        super().run(tmp, task_vars)
        _result, wanted = self.validate_argument_spec(argument_spec=_SPEC, required_if=[
            ("protocol", "tcp", ["port"]), ("protocol", "udp", ["port"])])
        headers = Headers(wanted["protocol"], None if wanted["protocol"] == "icmp" else wanted["port"])
        try:
            allocated = self.allocated(wanted["allocations"], task_vars)
            origin = find_origin(allocated.site, wanted["source"])
            destination = find_destination(allocated, origin, wanted["destination"])
            path = trace(allocated, views(allocated), SiteSecurity(allocated), origin, destination, headers)
        except SiteError as error:
            raise AnsibleActionFail(f"The path cannot be drawn:\n{error}") from error
        target = wanted["destination"] if wanted["destination"] == str(destination) else (
            f"{wanted['destination']} ({destination})")
        title = f"{wanted['source']} to {target}, {headers.words}"
        return {"changed": False, **_result_of(title, path, wanted),
                "hosts": _asked(allocated.site, origin, destination, headers, path, title)}


def _result_of(title, path, wanted):
    answers, sent = None, None
    if wanted["answers"] is not None:
        answers = defaultdict(list)
        for packed in wanted["answers"]:
            for each in unpack(packed):
                answers[each["hop"]].append(each)
        sent = next((each for packed in wanted["sent"] or () for each in unpack(packed)), None)
    return {
        "text": report.text(title, path, answers, sent),
        "ends": path.ends,
        "answered": path.answered,
        "hops": [{"host": hop.host, "place": hop.place, "does": hop.does} for hop in path.hops],
        "disagreement": report.disagreement(path, answers or {}, sent),
    }


def _asked(site, origin, destination, headers, path, title):
    """{host: {"checks", "probes"}} of every host, packed: what confirms its hops, and the packet itself."""
    checks, probes = report.checks(path), {name: [] for name in site.hosts}
    if headers.protocol != "udp":
        kind = "ping" if headers.protocol == "icmp" else "tcp"
        probe = {"name": title, "kind": kind, "address": str(destination), "port": headers.port,
                 "expect": "unreached" if path.answered is False else "reached"}
        if origin.port is None:
            senders = [name for name, host in site.hosts.items() if "outside_world" in host.groups][:1]
        else:
            senders = [origin.port.host.name] if origin.port.vif == "namespace" else []
            probe["namespace"] = instance_namespace(origin.port)
        for name in senders:
            probes[name].append(probe)
    return {name: {"checks": pack(checks.get(name, [])), "probes": pack(probes[name])} for name in site.hosts}
