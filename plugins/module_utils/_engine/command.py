# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a program of the target. PRIVATE to the collection.

A program inherits the network namespace of the thread that starts it, so inside
`namespace.inside` it runs in that namespace. No preexec_fn anywhere: without it
Python starts the child with vfork, which costs the same whatever this process's
size and is safe beside other threads.
"""

from __future__ import annotations

import os
import shutil
import subprocess

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import CommandFailed, MissingTool

#: Where network tools live; a login that is not root's may not have them in PATH.
SYSTEM_PATH = "/usr/sbin:/sbin:/usr/bin:/bin"


def find(tool, package=None):
    """The path of a program. Raises MissingTool, naming the Debian package (by default called like the tool)."""
    path = shutil.which(tool, path=os.environ.get("PATH", "") + os.pathsep + SYSTEM_PATH)
    if path is None:
        raise MissingTool(tool, package or tool)
    return path


def run(argv, stdin=None, package=None, ok=(0,)):
    """Run argv with the text stdin; its standard output as text.

    ok: exit statuses that are no failure. Raises MissingTool, CommandFailed.
    Bytes that are not UTF-8 survive the way in and out.
    """
    done = subprocess.run(
        [find(argv[0], package), *argv[1:]],
        **({"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}),
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        env={**os.environ, "LC_ALL": "C"},
        check=False,
    )
    if done.returncode not in ok:
        raise CommandFailed(argv, done.returncode, done.stderr)
    return done.stdout
