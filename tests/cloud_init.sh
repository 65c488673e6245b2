#!/bin/sh
# Boots Debian's cloud-init in this network namespace as on an instance of OpenStack's, with its OpenStack datasource
# and the module write_files only, and prints all that it then knows (JSON). It leaves nothing behind but what the
# user data write: its state is in a mount namespace of its own.
set -eu

# It takes the platform from DMI or, in a container, from the environment of process 1
# shellcheck disable=SC2016 # it is the inner shell that expands
exec unshare --mount --pid --fork --mount-proc env 'product_name=OpenStack Nova' sh -eu -c '
    for directory in /etc/cloud /var/lib/cloud /run/cloud-init; do
        mkdir -p "$directory"
        mount -t tmpfs tmpfs "$directory"
    done
    mount --bind /dev/null /etc/resolv.conf # it would wait for name servers that only the machine has
    cat >/etc/cloud/cloud.cfg <<-END
	datasource_list: [OpenStack]
	datasource: {OpenStack: {max_wait: 20, timeout: 5, retries: 2}}
	network: {config: disabled}
	cloud_init_modules: [write_files]
	def_log_file: /run/cloud-init/cloud-init.log
	system_info: {distro: debian}
	END
    cloud-init init >/run/cloud-init/log 2>&1 || { cat /run/cloud-init/log >&2; exit 1; }
    cat /run/cloud-init/instance-data-sensitive.json
'
