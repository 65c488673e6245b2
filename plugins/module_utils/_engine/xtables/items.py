# SPDX-License-Identifier: GPL-3.0-or-later
"""The items of nat_rules: from what the caller wrote to RuleSets, or every fault at once. PRIVATE to the collection."""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import mark
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import BadInput
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.security import names
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.xtables.plan import PREFIX, RuleSet
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.xtables.restore import TOOLS
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.xtables.save import BUILTIN, target, words

_KEYS = ("namespace", "family", "prefix", "tables", "keep_floating_ips")
_LONGEST_CHAIN = 28  # the kernel's XT_EXTENSION_MAXNAMELEN - 1
_ADDRESSES = ("-s", "-d", "--source", "--destination", "--src", "--dst")


def parse(config, absent=False):
    """[RuleSet] of a config list. absent: rules are not read. Raises BadInput."""
    problems, rulesets, seen = [], [], {}
    for index, item in enumerate(config):
        where = f"config[{index}]"
        if not isinstance(item, dict):
            problems.append(f"{where}: {item!r}: must be a dictionary")
            continue
        ruleset, faults = _item(item, absent)
        problems += [where + fault for fault in faults]
        key = (ruleset.namespace, ruleset.family)
        if key in seen:
            problems.append(f"{where} and config[{seen[key]}]: both describe {ruleset.family} of {place(key[0])}")
        seen.setdefault(key, index)
        rulesets.append(ruleset)
    if problems:
        raise BadInput(problems)
    return rulesets


def place(namespace):
    """How messages name a namespace."""
    return f"namespace {namespace}" if namespace is not None else "the root namespace"


def _item(item, absent):
    """The RuleSet of one item, and its faults, each starting with the key."""
    faults = [f".{key}: unknown key, known are {', '.join(_KEYS)}" for key in item if key not in _KEYS]
    item = {key: value for key, value in item.items() if value is not None}
    family, prefix = item.get("family", "ipv4"), item.get("prefix", PREFIX)
    namespace, keep = item.get("namespace"), item.get("keep_floating_ips", False)
    if namespace is not None and (not isinstance(namespace, str) or not namespace or "/" in namespace):
        faults.append(f".namespace: {namespace!r}: must be the name of a network namespace")
    if not isinstance(family, str) or family not in TOOLS:
        faults.append(f".family: {family!r}: must be ipv4 or ipv6")
    if not isinstance(keep, bool):
        faults.append(f".keep_floating_ips: {keep!r}: must be true or false")
    if not isinstance(prefix, str) or not prefix or prefix.split() != [prefix]:
        faults.append(f".prefix: {prefix!r}: must be the beginning of chain names")
        prefix = PREFIX
    tables, reach = item.get("tables"), _Reach(prefix, names.PREFIXES if namespace is None else ())
    if tables is None and not absent:
        faults.append(".tables: is required")
    elif tables is not None:
        faults += _tables(tables, reach, absent)
    return RuleSet(namespace, str(family), prefix, tables, keep, reach.spared), faults


class _Reach(NamedTuple):
    """Which chains an item is about, by the beginning of their names. spared: the chains of security_group."""

    prefix: str
    spared: tuple

    def fault(self, chain):
        """What is wrong with a chain, or None."""
        if not isinstance(chain, str) or not chain.startswith(self.prefix):
            return f"a name that starts with {self.prefix}"
        return "none of the chains of module security_group" if chain.startswith(self.spared) else None


def _tables(tables, reach, absent):
    if not isinstance(tables, dict):
        return [f".tables: {tables!r}: must map table names to chains"]
    faults = []
    for table, chains in tables.items():
        where = f".tables.{table}"
        if table not in BUILTIN:
            faults.append(f"{where}: is no table, those are {', '.join(BUILTIN)}")
        elif not isinstance(chains, dict):
            faults.append(f"{where}: {chains!r}: must map chain names to lists of rules")
        else:
            for chain, rules in chains.items():
                faults += [f"{where}.{chain}{fault}" for fault in _chain(table, chain, reach)]
                if not absent:
                    faults += [f"{where}.{chain}{fault}" for fault in _rules(table, chain, rules, reach)]
    return faults


def _chain(table, chain, reach):
    if chain in BUILTIN[table]:
        return []
    fault = reach.fault(chain) if chain != mark.CHAIN else f"another name: {mark.CHAIN} is the mark"
    if fault:
        return [f": must be a builtin chain ({', '.join(BUILTIN[table])}) or {fault}"]
    if len(chain) > _LONGEST_CHAIN or chain.split() != [chain]:
        return [f": must be one word of at most {_LONGEST_CHAIN} characters"]
    return []


def _rules(table, chain, rules, reach):
    if not isinstance(rules, list):
        return [f": {rules!r}: must be a list of rules"]
    faults = []
    for number, rule in enumerate(rules):
        fault = _rule(rule, reach if chain in BUILTIN[table] else None)
        if fault:
            faults.append(f"[{number}]: {rule!r}: {fault}")
    return faults


def _rule(rule, reach):
    """What is wrong with a rule, or None. reach: the rule must jump to a chain in it."""
    if not isinstance(rule, str) or "\n" in rule:
        return "must be one line of text"
    if '"' in rule or "," in rule or reach is not None:
        try:
            split = words(rule)
        except ValueError:
            return "has a quote that is not closed"
        if any(flag in _ADDRESSES and "," in word for flag, word in zip(split, split[1:])):
            return "must name one address; write a rule for each"
    if rule.startswith(("-A ", "-I ", "-D ", "--append ", "--insert ", "--delete ")):
        return "must be the rule alone, without command and chain"
    fault = reach.fault(target(rule)) if reach is not None else None
    return f"must, in a builtin chain, jump to {fault}: others' rules do not" if fault else None
