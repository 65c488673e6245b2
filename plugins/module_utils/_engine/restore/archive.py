# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine as one file that /usr/bin/python3 runs, without Ansible. PRIVATE to the collection.

It is made of the modules that are loaded right now, wherever they came from: so it does what this
run does. The same modules make the same bytes.
"""

from __future__ import annotations

import ast
import io
import sys
import zipfile

_COLLECTION = "ansible_collections.cloudnet.dataplane.plugins.module_utils."
_ENTRY = f"{_COLLECTION}_engine.restore.main"
_MAIN = f"import sys\n\nfrom {_ENTRY} import main\n\nsys.exit(main(sys.argv[1:]))\n"

_FIRST_DAY = (1980, 1, 1, 0, 0, 0)


def build(entry=_ENTRY, main=_MAIN):
    """The bytes of the zipapp. entry: the module, loaded, that its __main__ (the text main) imports."""
    sources = {f"{_path(name)}.py": source for name, source in _closure(entry).items()}
    for path in list(sources):
        above = path.split("/")[:-1]
        for depth in range(1, len(above) + 1):
            sources.setdefault("/".join([*above[:depth], "__init__.py"]), "")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path, source in sorted({**sources, "__main__.py": main}.items()):
            archive.writestr(zipfile.ZipInfo(path, _FIRST_DAY), source)
    return out.getvalue()


def _path(name):
    path = name.replace(".", "/")
    return f"{path}/__init__" if hasattr(sys.modules[name], "__path__") else path


def _closure(entry):
    """{name: source} of a module and of all that it imports from the collection, as loaded."""
    found, waiting = {}, [entry]
    while waiting:
        name = waiting.pop()
        if name in found or not name.startswith(_COLLECTION) or name not in sys.modules:
            continue
        found[name] = sys.modules[name].__spec__.loader.get_source(name) or ""
        waiting += [name.rpartition(".")[0], *_imported(ast.parse(found[name]))]
    return found


def _imported(tree):
    """Every name that may be a module's: of `from a import b` both a and a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{each.name}" for each in node.names)
