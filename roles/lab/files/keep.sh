#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes a script this host's own network configuration, as its administrator would: it runs now, at every boot, and
# whenever ovs-vswitchd has started anew, whose devices of the userspace datapath live no longer than itself.
# Arguments: NAME ARGUMENT...    Standard input: the script, which gets the arguments. Prints what there was to do.
set -eu
name=lab-$1
shift
units=/etc/systemd/system

# put FILE: make it of standard input, and say so, unless it is that already
put() {
    content=$(cat)
    [ "$content" = "$(cat "$1" 2> /dev/null)" ] || { echo "$content" > "$1" && echo "$1"; }
}

put "/usr/local/sbin/$name"
changed=$(
    put "$units/$name.service" << END
[Unit]
Description=Network of this lab host ($name)
After=ovs-vswitchd.service
Before=network.target
StartLimitIntervalSec=0
[Service]
Type=oneshot
ExecStart=/usr/bin/flock /run/$name.lock /bin/sh /usr/local/sbin/$name $*
[Install]
WantedBy=multi-user.target
END
    put "$units/$name.path" << END
[Path]
PathChanged=/run/openvswitch/br-phy.mgmt
PathChanged=/run/openvswitch/outside.mgmt
[Install]
WantedBy=multi-user.target
END
)
if [ -n "$changed" ]; then
    echo "$changed"
    systemctl --quiet daemon-reload
    systemctl --quiet enable "$name.service" "$name.path"
    systemctl --quiet restart "$name.path"
fi
flock "/run/$name.lock" sh "/usr/local/sbin/$name" "$@" # one at a time: what it makes starts the unit
