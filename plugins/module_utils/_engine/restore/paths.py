# SPDX-License-Identifier: GPL-3.0-or-later
"""Where everything is on a host. PRIVATE to the collection."""

from __future__ import annotations

#: A directory for every owner, with the plan that was applied last and the one before it.
PLANS = "/var/lib/cloudnet-dataplane"
PLAN, FORMER = "plan", "plan.former"

#: Beside them, for when no plan can be trusted: the directory that the exporter of metrics reads.
TEXTFILE_DIRECTORY = "textfile_directory"

ENGINE = "/usr/local/lib/cloudnet-dataplane/engine.pyz"

#: What is forgotten at boot.
STAMPS = "/run/cloudnet-dataplane"

UNITS = "/etc/systemd/system"


def home(owner):
    """The directory of an owner's plans."""
    return f"{PLANS}/{owner}"


def stamp(owner):
    """The file that says what ran last."""
    return f"{STAMPS}/{owner}.json"


def textfile(directory, owner, verb):
    """The file for Prometheus's node exporter. verb: of the program."""
    return f"{directory}/cloudnet-dataplane-{owner}-{verb}.prom"
