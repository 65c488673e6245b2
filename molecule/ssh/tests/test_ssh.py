# SPDX-License-Identifier: GPL-3.0-or-later
"""The same roles over SSH, as a user who becomes root."""

from __future__ import annotations

OVER_SSH = ("--inventory", "inventories/over_ssh")


def test_the_runs_came_in_over_ssh(lab):
    for host in ("network1", "compute1"):
        assert "Accepted publickey for operator" in lab.sh(host, "journalctl -u ssh --no-pager")


def test_check_mode_predicted_exactly_what_the_first_run_did(lab):
    assert lab.recorded("site", check=True)[0].changes() == lab.recorded("site")[0].changes() != {}


def test_the_second_run_changed_nothing(lab):
    assert lab.recorded("site")[1].changes() == {}


def test_every_probe_of_the_model_is_answered(lab):
    assert "all answered as the model says" in lab.play("verify.yml", *OVER_SSH).output
