# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong, each with the sentence that the operator reads. PRIVATE to the collection."""

from __future__ import annotations

#: So many of what is in the way are told one by one.
_FOREIGN_TOLD = 20


class EngineError(Exception):
    """The host could not be read or changed; the message says what and why."""

    def told(self):
        """What a module returns of it beside the message."""
        return {}

    def __reduce__(self):
        """Travels between processes whole, whatever arguments its kind is made with."""
        return _revive, (type(self), self.args, self.__dict__)


def _revive(kind, args, attributes):
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(attributes)
    return error


class BadInput(EngineError):
    """The wanted state is wrong. `problems` lists every fault, each naming item index, key, value and rule."""

    def __init__(self, problems):
        self.problems = list(problems)
        super().__init__("; ".join(self.problems))

    def told(self):
        return {"problems": self.problems}


class ForeignObject(EngineError):
    """Something that we did not make stands where a wanted object must go. owner: whose mark it carries, or None."""

    def __init__(self, what, remove, owner=None):
        self.owner = owner
        but = "" if owner is None else f", but that of {owner}"
        super().__init__(
            f"{what} exists and does not carry our mark{but}. Set adopt to true to take it over, or remove it: {remove}"
        )


def refuse_foreign(found):
    """Raise one ForeignObject that tells of all these, if there are any: who clears the way wants to know them all.

    Its owner is whose mark all of them carry, or None.
    """
    found = list(found)
    if not found:
        return
    told = [str(each) for each in found[:_FOREIGN_TOLD]]
    more = [f"and {len(found) - len(told)} more"] if len(found) > len(told) else []
    error, owners = found[0], {each.owner for each in found}
    error.args = ("; ".join([*told, *more]),)
    error.owner = owners.pop() if len(owners) == 1 else None
    raise error


class MissingTool(EngineError):
    """A program is not installed on the target."""

    def __init__(self, tool, package):
        super().__init__(f"{tool} is not installed on this host: install the Debian package {package}.")


class CommandFailed(EngineError):
    """A program exited with an error. `argv` never holds secrets."""

    def __init__(self, argv, status, stderr):
        self.argv, self.status, self.stderr = list(argv), status, stderr.strip()
        super().__init__(f"{' '.join(argv)} failed with status {status}: {self.stderr}")
