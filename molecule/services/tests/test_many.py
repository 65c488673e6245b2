# SPDX-License-Identifier: GPL-3.0-or-later
"""Two hundred networks with DHCP on one host: one task, and a second one that does nothing."""

from __future__ import annotations

from tests.remote import dhcp_services, memory

COUNT = 200


def test_two_hundred_networks(site, capsys):
    services = dhcp_services(COUNT)
    site.remote.run("netns", owner="many", config=[{"name": service["namespace"]} for service in services])
    own = site.pids()

    def run(**options):
        return site.run(owner="many", config=services, purge=True, **options)

    predicted, made, again = run(check=True), run(), run()
    assert predicted["changes"] == made["changes"]
    assert again["changes"] == []
    for service in services[::2]:
        service["files"][0]["content"] += "fa:16:3e:00:00:12,host-10-0-0-4,10.0.0.4\n"
    changed = run()
    assert len(changed["changes"]) == COUNT
    assert changed["disruption"] == "none"
    megabytes = memory(site.remote, [service["name"] for service in services]) / COUNT
    services.clear()
    gone = run()
    with capsys.disabled():
        print(f"\n{COUNT} dnsmasq: made in {made['engine_seconds']:.1f} s, no-op {again['engine_seconds']:.2f} s,"
              f" half of them reloaded {changed['engine_seconds']:.1f} s, removed {gone['engine_seconds']:.1f} s;"
              f" {megabytes:.2f} MB each")  # fmt: skip
    assert site.pids() == own
    assert run()["changes"] == []
    site.remote.run("netns", owner="many", config=[], purge=True)
    assert megabytes < 3
