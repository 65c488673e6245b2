# SPDX-License-Identifier: GPL-3.0-or-later
"""The units of systemd that bring the data plane back. Pure. PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.restore import paths

RESTORE, FOLLOW = "cloudnet-dataplane-restore.service", "cloudnet-dataplane-restore.path"
RECONCILE, TIMER = "cloudnet-dataplane-reconcile.service", "cloudnet-dataplane-reconcile.timer"
ALL = (RESTORE, FOLLOW, RECONCILE, TIMER)

#: Those that wait for something to happen, and so run all the time.
WAITING = (FOLLOW, TIMER)

HEAD = "# Kept by the Ansible module cloudnet.dataplane.host_restore: do not edit.\n"

# No limit of starts: when a unit has reached it, what triggers the unit fails for good. The program itself ends after
# a few attempts, and Open vSwitch starts anew no faster than systemd lets it.
_RESTORE = """[Unit]
Description=Bring the data plane back as it was applied last
After=network.target systemd-modules-load.service systemd-sysctl.service
After=ovsdb-server.service ovs-vswitchd.service openvswitch-switch.service
Before=libvirtd.service virtqemud.service nova-compute.service
StartLimitIntervalSec=0
[Service]
Type=oneshot
ExecStart=/usr/bin/python3 -I {engine} restore
TimeoutStartSec=15min
[Install]
WantedBy=multi-user.target
"""

# A daemon makes its sockets anew whoever has started it. Its pid file would not do: ovs-appctl opens it for writing.
_FOLLOW = """[Unit]
Description=Bring the data plane back whenever Open vSwitch has started anew
[Path]
PathChanged=/run/openvswitch/br-int.mgmt
PathChanged=/run/openvswitch/db.sock
[Install]
WantedBy=multi-user.target
"""

_RECONCILE = """[Unit]
Description=Correct what has drifted from the data plane as it was applied last
After={restore}
StartLimitIntervalSec=0
[Service]
Type=oneshot
ExecStart=/usr/bin/python3 -I {engine} reconcile
TimeoutStartSec=15min
"""

_TIMER = """[Unit]
Description=Correct the data plane every {interval} seconds
[Timer]
OnActiveSec={interval}
OnUnitInactiveSec={interval}
AccuracySec=1
[Install]
WantedBy=multi-user.target
"""


def render(intervals):
    """{unit: its file, or None} for hosts whose plans are corrected every so many seconds, 0 for never.

    intervals: of every plan that the host keeps; without any there are no units.
    """
    wanted = dict.fromkeys(ALL)
    if intervals:
        wanted.update({RESTORE: _RESTORE, FOLLOW: _FOLLOW})
    if any(intervals):
        wanted.update({RECONCILE: _RECONCILE, TIMER: _TIMER})
    values = {"engine": paths.ENGINE, "restore": RESTORE, "interval": min(filter(None, intervals), default=0)}
    return {name: text and HEAD + text.format(**values) for name, text in wanted.items()}
