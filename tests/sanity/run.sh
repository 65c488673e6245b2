#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# ansible-test sanity on a copy of the checkout: it wants a collection at its place in a collections path, as a
# repository of its own. Left out are the tests, which are no part of it there. Arguments are ansible-test's.
set -eu
home=$PWD/.cache/sanity/home
copy=$PWD/.cache/sanity/ansible_collections/cloudnet/dataplane

rm -rf "$copy"
mkdir -p "$copy" "$home/.ansible/test/cache"
{
    git ls-files -z --cached --others --exclude-standard -- ':!molecule' ':!tests'
    git ls-files -z --cached --others --exclude-standard -- tests/config.yml tests/sanity
} | xargs -0 cp --parents --target-directory="$copy"
git -C "$copy" init --quiet
git -C "$copy" add --all

# Python's own pip will do: the one that ansible-test pins is on a server of its own, which not everybody can reach
echo 'import ensurepip; ensurepip.bootstrap()' > "$home/.ansible/test/cache/get_pip_24_2.py"

# Only the system's Pythons: version managers put commands into PATH that lead nowhere
cd "$copy"
HOME=$home PATH=${VIRTUAL_ENV:-$OLDPWD/.venv}/bin:/usr/bin:/bin exec ansible-test sanity "$@"
