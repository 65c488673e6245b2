# SPDX-License-Identifier: GPL-3.0-or-later
"""Instances of a running lab, the namespaces vm-NAME: who answers whom, which frames get through."""

from __future__ import annotations

import json
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from tests.lab import ROOT, TRAFFIC
from tests.sandbox import eventually

REACH, RAW, NIC = (ROOT / "tests" / helper for helper in ("reach.py", "raw.py", "nic.py"))


class Instance:
    """One instance: its name, the lab's host it is on, and its namespace there."""

    def __init__(self, lab, host, name, namespace=None):
        self.lab, self.host, self.name = lab, host, name
        self.namespace = namespace or f"vm-{name}"

    def sh(self, command):
        """Output of a command that must succeed inside."""
        return self.lab.sh(self.host, f"ip netns exec {self.namespace} {command}")

    def device(self):
        """{mac, mtu, IPv4 and IPv6 addresses} of eth0."""
        (link,) = json.loads(self.sh("ip -j address show dev eth0"))
        found = {4: [], 6: []}
        for each in link["addr_info"]:
            found[6 if each["family"] == "inet6" else 4].append(each["local"])
        return {"mac": link["address"], "mtu": link["mtu"], 4: found[4], 6: found[6]}

    def ask(self, questions):
        """[answer or None] to questions [protocol, address, port] (tests/reach.py)."""
        return json.loads(self._run("reach.py ask", json.dumps(questions)))

    def send(self, frames):
        """Put frames (bytes) on eth0 as they are."""
        self.sh("python3 /tmp/raw.py send eth0 " + " ".join(frame.hex() for frame in frames))

    def spawn(self, command, ready):
        """Run a Python helper in the background; its pid once it has said that it is ready."""
        log = f"/tmp/{self.name}-{command.split()[0]}.log"
        inside = f"ip netns exec {self.namespace} python3 -u /tmp/{command} >{log} 2>&1"
        wait = f"timeout 10 sh -c 'until grep -q {ready} {log}; do sleep 0.05; done'"
        return int(self.lab.sh(self.host, f"rm -f {log}; {inside} & echo $!; {wait} || cat {log}"))

    def ping(self, address, size=56, count=3):
        """Insist on answers to echo requests of so many bytes, which must not be fragmented."""
        self.sh(f"ping -n -M do -i 0.2 -W 2 -c {count} -s {size} {address}")

    def carries(self, address, port):
        """Insist on two million bytes there and back, unharmed."""
        assert self.sh(f"python3 /tmp/traffic.py bulk {address} {port}") == "unharmed"

    def _run(self, command, stdin):
        enter = ["podman", "exec", "-i", f"{self.lab.name}-{self.host}", "ip", "netns", "exec", self.namespace]
        done = subprocess.run(
            [*enter, "python3", *f"/tmp/{command}".split()], input=stdin, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


class Guest(Instance):
    """An instance behind a tap that is plugged by hand into its qbr bridge, as a hypervisor does; while entered."""

    def __init__(self, lab, host, name, port_id, mac_address, addresses, mtu=1450):
        super().__init__(lab, host, name, f"guest-{name}")
        self.card = f"tap{port_id[:11]} qbr{port_id[:11]} {self.namespace} {mac_address} {mtu} {' '.join(addresses)}"

    def __enter__(self):
        self.lab.copy(NIC, self.host)
        log, start = f"/tmp/{self.name}-nic.log", f"python3 /tmp/nic.py {self.card}"
        wait = f"timeout 10 sh -c 'until grep -q plugged {log}; do sleep 0.05; done' || cat {log}"
        self._pid = int(self.lab.sh(self.host, f"{start} >{log} 2>&1 & echo $!; {wait}"))
        return self

    def __exit__(self, *failure):
        self.lab.sh(self.host, f"kill {self._pid}; ip netns delete {self.namespace}")


def instances_of(lab):
    """{name: Instance} of the lab's inventory, with the helpers that run inside them put on their hosts."""
    ports = [port for port in lab.site()["dataplane_ports"] if port.get("vif") != "bridge"]
    for host in {port["binding_host_id"] for port in ports}:
        for helper in (REACH, RAW, TRAFFIC):
            lab.copy(helper, host)
    return {port["name"]: Instance(lab, port["binding_host_id"], port["name"]) for port in ports}


def booted(instances, seconds=30):
    """Wait until every one of these instances has an IPv4 address."""
    for instance in instances:
        eventually(lambda instance=instance: instance.device()[4], seconds)


class Serving:
    """While entered, every instance answers its name on the ports, TCP and UDP."""

    command, ready = "reach.py serve {name} {ports}", "serving"

    def __init__(self, instances, ports):
        self.instances, self.ports = instances, " ".join(str(port) for port in ports)

    def __enter__(self):
        self._pids = in_parallel(self._start, self.instances)
        return self

    def _start(self, instance):
        return instance.spawn(self.command.format(name=instance.name, ports=self.ports), self.ready)

    def __exit__(self, *failure):
        in_parallel(lambda each, pid: each.lab.sh(each.host, f"kill {pid} || true"), self.instances, self._pids)


class Echoing(Serving):
    """While entered, every instance sends back what it is sent over TCP."""

    command, ready = "traffic.py serve {ports} 300", "serving"


class Hearing:
    """While entered, instances note every frame that arrives; then heard(instance) is the list of them."""

    def __init__(self, *instances):
        self.instances, self._frames = instances, {}

    def __enter__(self):
        self._pids = in_parallel(lambda each: each.spawn(f"raw.py hear eth0 {_report(each)}", "listening"),
                                 self.instances)
        return self

    def __exit__(self, *failure):
        time.sleep(0.5)  # what was sent last is on its way
        in_parallel(self._stop, self.instances, self._pids)

    def _stop(self, instance, pid):
        lines = instance.lab.sh(instance.host, f"kill {pid}; cat {_report(instance)}").split()
        self._frames[instance.name] = [bytes.fromhex(line) for line in lines]

    def heard(self, instance, content):
        """How many of the frames that arrived at an instance have the content in them."""
        return sum(content in frame for frame in self._frames[instance.name])


def _report(instance):
    return f"/tmp/{instance.name}-heard.txt"


def ask_all(questions):
    """{instance: [answer]} of {instance: [question]}, all asking at the same time."""
    return dict(zip(questions, in_parallel(lambda each: each.ask(questions[each]), questions)))


def in_parallel(function, *items):
    with ThreadPoolExecutor(max_workers=16) as pool:
        return list(pool.map(function, *items))
