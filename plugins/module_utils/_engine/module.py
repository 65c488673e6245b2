# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge between AnsibleModule and the engine, the same for every module. PRIVATE to the collection."""

from __future__ import annotations

import contextlib
import json

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.converge import converge
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import BadInput, EngineError
from ansible_collections.cloudnet.dataplane.plugins.module_utils._packed import unpack

#: Options that every declarative module has (documented by the doc fragment `declarative`).
COMMON = {
    "packed": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "purge": {"type": "bool", "default": False},
    "owner": {"type": "str", "default": "default"},
    "adopt": {"type": "bool", "default": False},
}


class Discreet(AnsibleModule):
    """A module with secrets among its arguments: they are neither logged nor returned, not even when refused.

    secrets: config, of whatever shape -> texts that nobody may see. The option `packed` must be no_log.
    """

    #: Ansible sets this to what the task says.
    no_log = property(lambda self: True, lambda self, _value: None)

    def __init__(self, secrets, **options):
        self._secrets = secrets
        super().__init__(**options)

    def exit_json(self, **result):
        self._hide()
        super().exit_json(**result)

    def fail_json(self, msg, **result):
        self._hide()
        super().fail_json(msg, **result)

    def _hide(self):
        config = self.params.get("config")
        if self.params.get("packed"):
            with contextlib.suppress(ValueError, TypeError):
                config = unpack(self.params["packed"])
        self.no_log_values.update(self._secrets(config))


def run(options, backend_of, module_of=AnsibleModule, **others):
    """Run one declarative module.

    options: suboptions of one item of `config`, as in an argument spec.
    others: options of the module itself beside the common ones.
    backend_of: (config, params, check_mode) -> Backend; may raise BadInput.
    module_of: makes the AnsibleModule.
    """
    module = module_of(
        argument_spec={"config": {"type": "list", "elements": "dict", "options": options}, **COMMON, **others},
        mutually_exclusive=[("config", "packed")],
        required_one_of=[("config", "packed")],
        supports_check_mode=True,
    )

    def make_backend():
        params = _unpacked(module.params, ("config", *others))
        return backend_of(params["config"], params, module.check_mode)

    run_module(module, make_backend)


def run_module(module, make_backend):
    """Converge what make_backend() returns, and exit. It may raise EngineError, and warn about what it finds."""
    finish(module, lambda: result_of(module, converge(make_backend(), module.check_mode)))


def finish(module, work):
    """Exit with the keys that work() returns, or with the EngineError that it raises."""
    try:
        result = work()
    except EngineError as error:
        module.fail_json(msg=str(error), **error.told())
    else:
        module.exit_json(**result)


def result_of(module, outcome):
    """The keys that a module returns of an Outcome. Thousands of rules are not worth printing for nobody."""
    diff = {"diff": _readable_diff(outcome.changes)} if module._diff else {}
    return {**diff, **outcome.result()}


def run_info(argument_spec, read):
    """Run one _info module. read: params -> dict of return values."""
    module = AnsibleModule(argument_spec=argument_spec, supports_check_mode=True)
    finish(module, lambda: {"changed": False, **read(module.params)})


def opened(packed):
    """What the text of an option `packed` holds. Raises BadInput."""
    try:
        return unpack(packed)
    except ValueError as error:
        raise BadInput([f"packed: {error}"]) from error


def _unpacked(params, options):
    """params with what came packed: the list `config`, or a mapping of some of these options."""
    if not params["packed"]:
        return params
    found = opened(params["packed"])
    found = found if isinstance(found, dict) else {"config": found}
    unknown = [key for key in found if key not in options]
    if unknown:
        raise BadInput([f"packed.{key}: is not an option that may be packed: {', '.join(options)}" for key in unknown])
    return {**params, "config": [], **found}


def _readable_diff(changes):
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
