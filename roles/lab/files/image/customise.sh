#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs once inside the image: what packages alone do not set.
set -eu

# Who logs in over SSH, with the key that the lab mounts at the path named here
useradd --create-home --gid operator --shell /bin/bash operator
echo 'operator ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/operator
chmod 0440 /etc/sudoers.d/operator
echo 'AuthorizedKeysFile /etc/ssh/authorized_keys' > /etc/ssh/sshd_config.d/lab.conf

# A host of the lab has no console, no clock of its own and nothing to update
systemctl set-default multi-user.target
systemctl mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer \
    e2scrub_reap.service systemd-timesyncd.service systemd-resolved.service systemd-networkd.service \
    systemd-networkd-wait-online.service systemd-logind.service console-getty.service getty@.service \
    getty-static.service systemd-ask-password-wall.path systemd-ask-password-console.path

# Only what the cloud starts runs: these are tools here
systemctl disable haproxy.service nginx.service radvd.service
touch /etc/cloud/cloud-init.disabled
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin
