# SPDX-License-Identifier: GPL-3.0-or-later
"""The way by which Ansible reaches this host, and changes of it that are undone unless somebody confirms them.

connection: whom we serve.  carriers: what of the host carries that.  touching: what of a plan touches the carriers.
snapshot: how the carriers were, and the way back.  switch: the change and its undo, as systemd's units and on disk.
guard: all of it, as the module asks for it.  service: what the units run.  PRIVATE to the collection.
"""
