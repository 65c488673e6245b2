# SPDX-License-Identifier: GPL-3.0-or-later
"""The site model: what an operator declares, parsed and validated. PRIVATE to the collection.

Runs on the controller. `load.load` is the way in; it returns a typed Site, or
raises every error at once, each naming its variable path.
"""
