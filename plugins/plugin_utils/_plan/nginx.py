# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of nginx in the place of Nova's metadata API. PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.metadata_documents import (
    EC2_VERSIONS,
    LISTING,
    OPENSTACK_VERSIONS,
)

PROGRAM = "/usr/sbin/nginx"

#: Beside what is told to single instances, in directories named by their ids.
COMMON = "common"

_CONFIG = """\
user www-data;
worker_processes 2;
pid {pid};
error_log stderr;

events {{
}}

http {{
    types {{ application/json json; }}
    default_type text/plain;
    charset utf-8;
    server_tokens off;
    access_log syslog:server=unix:/dev/log,tag=metadata_api,nohostname combined;

    # Only who knows the secret can sign for an instance; everybody else is nobody
    map_hash_bucket_size 256;
    map_hash_max_size 262144;
    map "$http_x_instance_id/$http_x_instance_id_signature" $instance {{
        default "";
        include {signatures};
    }}

    server {{
        listen {listen};
        root {root};
        if ($instance = "") {{
            return 403;
        }}
        rewrite ^(.*/meta-data)/(?:local|public)-hostname/?$ $1/hostname;
        rewrite ^/(?:ec2/)?(?:{ec2_versions})/user-data/?$ /openstack/latest/user_data;

        location ~ ^/openstack/?$ {{
            try_files /{common}/versions/openstack =404;
        }}
        location ~ ^/openstack/(?:{openstack_versions})(?<path>(?:/[^/]+)*)/?$ {{
            {answer_openstack}
        }}
        location ~ ^/(?:ec2/?)?$ {{
            try_files /{common}/versions/ec2 =404;
        }}
        location ~ ^/(?:ec2/)?(?:{ec2_versions})(?<path>(?:/[^/]+)*)/?$ {{
            {answer_ec2}
        }}
        location / {{
            return 404;
        }}
    }}
}}
"""


def config(listen, root, signatures, pid):
    """The configuration. listen: the address and port. root: of the documents. signatures: path of the map."""
    return _CONFIG.format(
        listen=listen, root=root, signatures=signatures, pid=pid, common=COMMON,
        openstack_versions=_any_of(OPENSTACK_VERSIONS), ec2_versions=_any_of(EC2_VERSIONS),
        answer_openstack=_answer("openstack"), answer_ec2=_answer("ec2"),
    )


def signature(instance):
    """A line of the map of signatures."""
    return f'"{instance.id}/{instance.signature}" {instance.id};\n'


def _any_of(versions):
    return "|".join(version.replace(".", r"\.") for version in versions)


def _answer(layout):
    """What an instance has of its own comes first. A directory's path is answered with its listing."""
    paths = [f"/{owner}/{layout}$path{ending}" for owner in ("$instance", COMMON) for ending in ("", f"/{LISTING}")]
    return f"try_files {' '.join(paths)} =404;"
