# SPDX-License-Identifier: GPL-3.0-or-later
"""Configurations of haproxy (reference 6.2). PRIVATE to the collection."""

from __future__ import annotations

PROGRAM = "/usr/sbin/haproxy"
_SOCKET = "/var/lib/neutron/metadata-agent/metadata_proxy"

_COMMON = """\
global
    log stdout format raw local0 info
    log-tag {tag}
    user haproxy
    group haproxy
    maxconn 1024
    nbthread 1

defaults
    log global
    mode http
    option httplog
    option dontlognull
    option http-server-close
    retries 3
    timeout http-request 30s
    timeout connect 30s
    timeout client 32s
    timeout server 32s
    timeout http-keep-alive 30s
"""

# What an instance says about who it is does not count. Some servers take X_Instance_ID for X-Instance-ID.
_PROXY = """
listen listener
{binds}
    http-request del-header ^x[-_](forwarded|instance|tenant|metadata|neutron)[-_] -m reg
    http-request set-header X-Forwarded-For %[src]
    http-request set-header X-Neutron-{kind}-ID {id}
    server metadata unix@{socket}
"""

# Two ids in one request are no known source, as in Neutron
_AGENT = """
frontend metadata_proxy
    bind unix@{socket} user haproxy group haproxy mode 600
    http-request set-var-fmt(txn.place) "%[req.hdr(X-Neutron-Router-ID)]%[req.hdr(X-Neutron-Network-ID)]"
    http-request set-var-fmt(txn.source) "%[var(txn.place)]/%[req.hdr(X-Forwarded-For)]"
    http-request set-var(txn.instance) var(txn.source),map({sources})
    http-request deny deny_status 404 unless {{ var(txn.instance) -m found }}
    http-request set-header X-Instance-ID %[var(txn.instance),field(1,/)]
    http-request set-header X-Tenant-ID %[var(txn.instance),field(2,/)]
    http-request set-header X-Instance-ID-Signature %[var(txn.instance),field(3,/)]
    http-request del-header ^x-neutron- -m reg
    default_backend nova

backend nova
    server nova {nova}
"""


def proxy(kind, resource_id, binds):
    """The configuration of the proxy in a namespace. kind: "Router" or "Network". binds: where it listens."""
    lines = "\n".join(f"    bind {bind}" for bind in binds)
    common = _COMMON.format(tag=f"haproxy-metadata-proxy-{resource_id}")
    return common + _PROXY.format(binds=lines, kind=kind, id=resource_id, socket=_SOCKET)


def agent(nova, sources):
    """The configuration of the host's agent. nova: HOST:PORT. sources: the path of its map."""
    return _COMMON.format(tag="haproxy-metadata-agent") + _AGENT.format(socket=_SOCKET, nova=nova, sources=sources)


def source(resource_id, address, instance):
    """A line of the agent's map: who it is that asks from an address behind a router or in a network."""
    return f"{resource_id}/{address} {instance.id}/{instance.project_id}/{instance.signature}\n"
