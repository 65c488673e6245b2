# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures as tables, and the aims beside them."""

from __future__ import annotations

from dataclasses import dataclass

from rich import box
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Aim:
    """A promise: what, the figure found, its limit. at_least: the figure must reach the limit, not stay below it."""

    what: str
    figure: float
    limit: float
    unit: str = "x"
    at_least: bool = False

    @property
    def met(self):
        return self.figure >= self.limit if self.at_least else self.figure <= self.limit


def aims(results):
    """The aims that these results can speak about."""
    return [
        *_planning_aims(results.get("planning", ())),
        *_filter_aims(results.get("filters", ())),
        *_router_aims(results.get("routers", ())),
        *_play_aims(results),
        *_namespace_aims(results.get("namespaces")),
        *_service_aims(results.get("services")),
        *_move_aims(results.get("moves")),
        *_drift_aims(results.get("drift")),
    ]


def _planning_aims(rows):
    for row in rows:
        if row["ports"] >= 10000:
            yield Aim(f"{_site(row)}: planned", _seconds(row["first"]), 10.0, "s")
            yield Aim(f"{_site(row)}: peak memory", row["memory"], 1024, "MB")
    if len(rows) > 1:
        growth = _seconds_per_fact(rows[-1]) / _seconds_per_fact(rows[0])
        yield Aim("planning: seconds per port and pair, largest site / smallest", growth, 1.25)


def _seconds(phases):
    return sum(phases.values())


def _seconds_per_fact(row):
    return _seconds(row["first"]) / (row["ports"] + row["pairs"])


def _site(row):
    return f"{row['hosts']} hosts, {row['networks']} networks, {row['ports']} ports"


def _router_aims(rows):
    internal = [row for row in rows if row["plug"] == "internal"]
    for row in internal:
        yield Aim(f"{_cloud(row)}: engine / raw (a)", row["create"]["engine"] / row["raw"], 1.5)
    for row in internal:
        if row["floating_ips"] >= 1000:
            yield Aim(f"{_cloud(row)}: no-op / raw (a)", row["again"]["engine"] / row["raw"], 1 / 3)
    by_plug = {(row["routers"], row["plug"]): row for row in rows}
    if (50, "veth") in by_plug:
        figure = by_plug[50, "veth"]["create"]["engine"] / by_plug[50, "internal"]["raw"]
        yield Aim("50 routers: engine with veth / raw (a)", figure, 0.5)


def _filter_aims(rows):
    for row in rows:
        yield Aim(f"security groups, {_filter(row)}: engine / raw (a)", row["create"] / row["raw"], 2.0)
        yield Aim(f"security groups, {_filter(row)}: no-op / reading by hand", row["again"] / row["reading"], 1.5)


def _play_aims(results):
    stock, play = results.get("stock", {}), results.get("play")
    if "seconds" in stock:
        seconds, how = stock_at(stock["seconds"], play["floating_ips"])
        what = f"{play['floating_ips']} floating IPs: stock play (b, {how}) / our whole play"
        yield Aim(what, seconds / play["create"], 50, at_least=True)
        yield Aim(f"{what}, one task", seconds / play["one"], 50, at_least=True)


def _namespace_aims(row):
    if row:
        what = f"{row['namespaces']} namespaces, no-op"
        yield Aim(f"{what}: engine of the slowest module", max(row["again"]["modules"].values()), 2.0, "s")
        yield Aim(f"{what}: engine of all modules", row["again"]["engine"], 2.0, "s")
        yield Aim(f"{what}: peak memory of a module", max(row["again"]["memory"].values()), 200, "MB")


def _service_aims(row):
    if row:
        what = f"{row['services']} services"
        yield Aim(f"{what}: engine / plain loop", row["create"] / row["loop"], 1.5)
        yield Aim(f"{what}: no-op / plain loop", row["again"] / row["loop"], 1 / 3)
        yield Aim(f"{what}: memory of a process / by the loop", row["memory"] / row["loop_memory"], 1.25)


def _move_aims(row):
    if row:
        yield Aim("a floating IP moves to another compute: lost of 100 packets a second", row["lost"], 100, "packets")


def _drift_aims(row):
    if row:
        what = f"drift of {row['routers']} routers"
        yield Aim(f"{what}: engine", row["clean"]["engine"], 10.0, "s")
        yield Aim(f"{what}: peak memory", row["clean"]["memory"], 512, "MB")


def stock_at(seconds, size):
    """(seconds, "measured" or how it was found) of the stock play with that many floating IPs: it grows linearly."""
    if size in seconds:
        return seconds[size], "measured"
    few, more = sorted(seconds)[:2]
    slope = (seconds[more] - seconds[few]) / (more - few)
    return seconds[more] + slope * (size - more), f"extrapolated from {few} and {more}"


def show(results):
    """Print everything."""
    console = Console(width=120)
    console.print(f"\n{results['machine']}\n")
    if "services" in results:
        console.print(_services(results["services"]))
    elif "moves" in results:
        console.print(_moves(results["moves"]))
    elif "drift" in results:
        console.print(_drift(results["drift"]))
    elif "drift_hosts" in results:
        console.print(_drift_hosts(results["drift_hosts"]))
    else:
        _show_sandbox(console, results)
    console.print(_aims(aims(results)))


def _show_sandbox(console, results):
    console.print(_planning(results["planning"]))
    console.print(_routers(results["routers"]))
    for row in results["routers"]:
        if not row["same"]:
            console.print(f"[yellow]{_cloud(row)}, {row['plug']}: the two ways did not build the same")
    for row in results["filters"]:
        if not row["same"]:
            console.print(f"[yellow]{_filter(row)}: the two ways did not build the same")
    console.print(_filters(results["filters"]))
    if results["play"]:
        console.print(_plays(results))
    if results.get("namespaces"):
        console.print(_namespaces(results["namespaces"]))


def _table(title, *columns):
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right")
    return table


def _planning(rows):
    table = _table(
        "Planning a site; processor seconds of a first run (pairs: of a port and another host in its network)",
        "site", "pairs", "validate", "allocate", "compile", "write", "all", "again", "MB",
    )  # fmt: skip
    for row in rows:
        phases = [row["first"][phase] for phase in ("validate", "allocate", "compile", "write")]
        seconds = [*phases, _seconds(row["first"]), _seconds(row["again"])]
        table.add_row(_site(row), str(row["pairs"]), *(f"{each:.2f}" for each in seconds), f"{row['memory']:.0f}")
    return table


def _routers(rows):
    table = _table(
        "Routers from nothing: by hand (a: ip -batch, iptables-restore, ovs-vsctl) and ours; seconds",
        "cloud", "plug", "raw (a)", "engine", "engine/raw", "processes", "no-op", "no-op/raw",
    )  # fmt: skip
    for row in rows:
        create, again = row["create"], row["again"]
        table.add_row(
            _cloud(row),
            row["plug"],
            f"{row['raw']:.3f}",
            f"{create['engine']:.3f}",
            f"{create['engine'] / row['raw']:.2f}",
            f"{create['process']:.2f}",
            f"{again['engine']:.3f}",
            f"{again['engine'] / row['raw']:.2f}",
        )
    return table


def _filters(rows):
    table = _table(
        "Security groups, 20 rules each: by hand (a: ipset, iptables-restore, ip -batch) and ours; seconds, MB",
        "ports", "rules", "raw (a)", "engine", "engine/raw", "process", "reading (a)", "no-op", "one service less",
        "memory",
    )  # fmt: skip
    for row in rows:
        figures = (row["process"], row["reading"], row["again"], row["change"])
        table.add_row(
            _filter(row), str(row["rules"]), f"{row['raw']:.2f}", f"{row['create']:.2f}",
            f"{row['create'] / row['raw']:.2f}", *(f"{figure:.2f}" for figure in figures), f"{row['memory']:.0f}",
        )  # fmt: skip
    return table


def _filter(row):
    return f"{row['ports']} ports{' and links' * row['plug']}"


def _plays(results):
    table = _table("One router, whole plays of ansible-playbook; seconds", "play", "floating IPs", "seconds")
    play, stock = results["play"], results["stock"]
    for what, label in _PLAYS.items():
        if what in play:
            table.add_row(label, str(play["floating_ips"]), f"{play[what]:.1f}")
    for size, seconds in stock.get("seconds", {}).items():
        table.add_row("stock (b), from nothing", str(size), f"{seconds:.1f}")
    if "skipped" in stock:
        table.add_row(f"stock (b), skipped: {stock['skipped']}", "", "")
    return table


_PLAYS = {
    "create": "ours, the same objects, from nothing",
    "again": "ours, the same objects, no-op",
    "one": "ours, the same objects as one task, from nothing",
    "one_again": "ours, the same objects as one task, no-op",
    "roles": "ours, all tasks of the roles, from nothing",
}


def _namespaces(row):
    table = _table(
        f"{row['namespaces']} namespaces of two links; seconds of engine, MB",
        "module", "create", "no-op", "peak memory, no-op",
    )  # fmt: skip
    for module, seconds in row["again"]["modules"].items():
        create, memory = row["create"]["modules"][module], row["again"]["memory"][module]
        table.add_row(module, f"{create:.2f}", f"{seconds:.3f}", f"{memory:.0f}")
    return table


def _services(row):
    table = _table(
        f"{row['services']} networks with DHCP: by a plain loop of ip netns exec dnsmasq, and ours; seconds, MB each",
        "", "from nothing", "no-op", "removed", "memory of a process", "of systemd for it",
    )  # fmt: skip
    table.add_row("loop", f"{row['loop']:.2f}", "", "", f"{row['loop_memory']:.2f}", "")
    seconds = (f"{row[key]:.2f}" for key in ("create", "again", "gone"))
    table.add_row("ours, engine", *seconds, f"{row['memory']:.2f}", f"{row['systemd']:.3f}")
    table.add_row("ours, process", f"{row['process']:.2f}", "", "", "", "")
    return table


def _moves(row):
    table = _table(
        "A floating IP moves between instances on different computes, pinged from outside 100 times a second",
        "moves", "packets lost, the most", "seconds without an answer, the most", "seconds of a play",
    )  # fmt: skip
    table.add_row(str(row["moves"]), str(row["lost"]), f"{row['longest']:.2f}", f"{row['play']:.1f}")
    return table


def _drift(row):
    table = _table(
        f"{row['routers']} routers with Neutron's full rules and a floating IP each: host_dataplane as one process",
        "", "seconds of engine", "of the process", "peak memory, MB",
    )  # fmt: skip
    for what, label in _DRIFT.items():
        found = row[what]
        table.add_row(label, f"{found['engine']:.2f}", f"{found['process']:.2f}", f"{found['memory']:.0f}")
    return table


def _drift_hosts(rows):
    table = _table(
        "drift.yml, hosts and control node on this one machine; seconds, MB of ansible-playbook with its forks",
        "hosts", "routers", "built", "forks", "seconds", "of processors", "memory, MB", "objects drifted",
    )  # fmt: skip
    for row in rows:
        table.add_row(str(row["hosts"]), str(row["routers"]), "yes" if row["built"] else "no", str(row["forks"]),
                      f"{row['seconds']:.0f}", f"{row['cpu']:.0f}", f"{row['memory']:.0f}", str(row["changes"]))
    return table


_DRIFT = {
    "create": "built from nothing",
    "clean": "check mode: no drift",
    "damaged": "check mode: one router has drifted",
}


def _aims(found):
    table = _table("Aims", "aim", "found", "limit", "")
    for aim in found:
        limit = f"{'>=' if aim.at_least else '<='} {aim.limit:.2f} {aim.unit}"
        table.add_row(aim.what, f"{aim.figure:.2f} {aim.unit}", limit, "[green]met" if aim.met else "[red]missed")
    return table


def _cloud(row):
    routers, addresses = row["routers"], row["floating_ips"]
    return f"{routers} router{'s' * (routers > 1)} x {addresses} floating IPs"
