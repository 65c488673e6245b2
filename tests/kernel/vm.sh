#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Run a command under a kernel that has Open vSwitch's datapath: vm.sh DIRECTORY COMMAND. As root, on Debian.
#
# A virtual machine without a network card boots Debian's own kernel. This machine's files are its own, read-only; what
# it writes is gone with it. Emulated, it is about twenty times slower than this machine: give it 3 GB and some minutes.
# What it made stays in DIRECTORY, with the command's output (log) and status (status).
set -eu
work=$(mkdir -p "$1" && realpath "$1")
here=$(dirname "$(realpath "$0")")

for program in qemu-system-x86_64 busybox depmod; do
  command -v "$program" >/dev/null || apt-get install --yes --no-install-recommends qemu-system-x86 busybox-static kmod
done

release=$(apt-cache depends linux-image-amd64 | sed -n 's/^  Depends: linux-image-//p')
if [ ! -d "$work/lib/modules/$release" ]; then
  (cd "$work" && apt-get download "linux-image-$release" && dpkg-deb -x linux-image-"$release"_*.deb . && rm ./*.deb)
  depmod -b "$work" "$release"
fi

# The first files: what reaches the rest
rm -rf "$work/first" && mkdir -p "$work/first/bin" "$work/first/modules" "$work/share"
cp "$(command -v busybox)" "$work/first/bin/busybox"
cp "$here/init" "$work/first/init"
number=10
for module in virtio_pci 9pnet_virtio 9p overlay; do
  for file in $(modprobe -S "$release" -d "$work" --show-depends "$module" | sed -n 's/^insmod //p'); do
    number=$((number + 1))
    cp "$file" "$work/first/modules/$number-${file##*/}"
  done
done
(cd "$work/first" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1 >"$work/first.gz")

printf '%s\n' "$2" >"$work/share/command"
rm -f "$work/share/status"
timeout 3600 qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp "$(nproc)" -m 3000 \
  -nodefaults -nographic -nic none -no-reboot -serial stdio \
  -kernel "$work/boot/vmlinuz-$release" -initrd "$work/first.gz" \
  -append "console=ttyS0 quiet panic=-1 mitigations=off here=$PWD modules=$work/lib/modules" \
  -fsdev local,id=root,path=/,security_model=none,readonly=on,multidevs=remap \
  -device virtio-9p-pci,fsdev=root,mount_tag=root \
  -fsdev "local,id=share,path=$work/share,security_model=none" \
  -device virtio-9p-pci,fsdev=share,mount_tag=share
exit "$(cat "$work/share/status")"
