# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge between AnsibleModule and the engine, the same for every module. PRIVATE to the collection."""

from __future__ import annotations

import base64
import json
import zlib

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.converge import ApplyFailed, converge
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import BadInput, EngineError

#: Options that every declarative module has (documented by the doc fragment `declarative`).
COMMON = {
    "packed": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "purge": {"type": "bool", "default": False},
    "owner": {"type": "str", "default": "default"},
    "adopt": {"type": "bool", "default": False},
}


def run(options, backend_of):
    """Run one declarative module.

    options: suboptions of one item of `config`, as in an argument spec.
    backend_of: (config, params, check_mode) -> Backend; may raise BadInput.
    """
    module = AnsibleModule(
        argument_spec={"config": {"type": "list", "elements": "dict", "options": options}, **COMMON},
        mutually_exclusive=[("config", "packed")],
        required_one_of=[("config", "packed")],
        supports_check_mode=True,
    )
    try:
        config = unpack(module.params["packed"]) if module.params["packed"] else module.params["config"]
        outcome = converge(backend_of(config, module.params, module.check_mode), module.check_mode)
    except BadInput as error:
        module.fail_json(msg=str(error), problems=error.problems)
    except ApplyFailed as error:
        module.fail_json(
            msg=str(error), rolled_back=error.rolled_back, attempted=[f"{c.action} {c.object}" for c in error.changes]
        )
    except EngineError as error:
        module.fail_json(msg=str(error))
    else:
        module.exit_json(diff=readable_diff(outcome.changes), **outcome.result())


def run_info(argument_spec, read):
    """Run one _info module. read: params -> dict of return values."""
    module = AnsibleModule(argument_spec=argument_spec, supports_check_mode=True)
    try:
        result = read(module.params)
    except EngineError as error:
        module.fail_json(msg=str(error))
    else:
        module.exit_json(changed=False, **result)


def pack(config):
    """A list of items as the short string that `packed` takes: JSON, zlib, base64."""
    return base64.b64encode(zlib.compress(json.dumps(config, separators=(",", ":")).encode(), 6)).decode()


def unpack(text):
    """The list of items in a packed string; BadInput if it is torn."""
    try:
        config = json.loads(zlib.decompress(base64.b64decode(text, validate=True)))
    except ValueError as error:
        raise BadInput([f"packed: not base64 of zlib of JSON: {error}"]) from error
    except zlib.error as error:
        raise BadInput([f"packed: not base64 of zlib of JSON: {error}"]) from error
    if not isinstance(config, list):
        raise BadInput(["packed: must hold a list of items"])
    return config


def readable_diff(changes):
    """before and after as YAML-like text for --diff, changed objects only."""
    return {
        "before": _document((c.object, c.before) for c in changes if c.before is not None),
        "after": _document((c.object, c.after) for c in changes if c.after is not None),
    }


def _document(objects):
    return "".join(f"{name}:{_yaml(value, 1)}" for name, value in objects)


def _yaml(value, depth):
    """Plain data as YAML. The target need not have PyYAML, and JSON scalars are YAML scalars."""
    pad = "\n" + "  " * depth
    if isinstance(value, dict) and value:
        return "".join(f"{pad}{key}:{_yaml(value[key], depth + 1).rstrip()}" for key in sorted(value)) + "\n"
    if isinstance(value, (list, tuple)) and value:
        return "".join(f"{pad}- {_yaml(item, depth + 1).strip()}" for item in value) + "\n"
    return f" {value}\n" if isinstance(value, str) and value else f" {json.dumps(value)}\n"
