# SPDX-License-Identifier: GPL-3.0-or-later
"""Check variables against the JSON Schema, and say it in our words. PRIVATE to the collection."""

from __future__ import annotations

import base64
import copy
import difflib
import ipaddress
import re

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.errors import SiteError

#: Never shown in a message: a secret, and what may hold some.
HIDDEN = ("dataplane_metadata_proxy_shared_secret", "dataplane_vendor_data", "user_data")
_SHOWN_INSTEAD = "(hidden)"

#: The Compute API takes user data in base64 of at most so many bytes.
USER_DATA_LIMIT = 65535


def _user_data(text):
    if len(base64.b64encode(text.encode())) > USER_DATA_LIMIT:
        raise ValueError("too long")


#: format -> (pattern or callable that raises ValueError, rule)
FORMATS = {
    "site-name": (
        re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}"),
        "must be at most 63 letters, digits, '_', '.' and '-', starting with a letter or digit",
    ),
    "file-name": (  # an instance's namespace is a file called vm-NAME
        re.compile(r"[A-Za-z0-9._@:+=,~-]{1,200}"),
        "must be 1 to 200 letters, digits and characters of ._@:+=,~-",
    ),
    "uuid": (
        re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
        "must be a UUID in lower case, as 5eb99ac3-905b-4f0e-9c0f-708ce1fd2303",
    ),
    "mac": (
        re.compile(r"[0-9A-Fa-f][02468ACEace](:[0-9A-Fa-f]{2}){5}"),
        "must be a unicast MAC address, as fa:16:3e:00:00:01",
    ),
    "device": (
        re.compile(r"(?!\.\.?$)[^\s/:]{1,15}"),
        "must be at most 15 characters, the kernel's limit, without '/', ':' or white space",
    ),
    "ip": (ipaddress.ip_address, "must be an IP address"),
    "ipv4": (ipaddress.IPv4Address, "must be an IPv4 address"),
    "cidr": (ipaddress.ip_network, "must be a network in CIDR notation without host bits, as 10.0.0.0/24"),
    "host": (
        re.compile(r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*"),
        "must be a host name or an IP address",
    ),
    "host-name": (
        re.compile(r"(?=.{1,63}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"),
        "must be a host name of at most 63 letters, digits and '-', without a domain",
    ),
    "short-text": (re.compile(r"[^\x00-\x1f\x7f]{1,255}"), "must be one line of 1 to 255 characters"),
    "value": (re.compile(r"(?s).{0,255}"), "must be at most 255 characters"),
    "project-id": (re.compile(r"[A-Za-z0-9_.-]{1,255}"), "must be at most 255 letters, digits, '_', '.' and '-'"),
    "public-key": (
        re.compile(r"[a-z0-9@.-]+ [A-Za-z0-9+/]+=*( [^\x00-\x1f\x7f]*)?"),
        "must be an OpenSSH public key in one line, as ssh-ed25519 AAAAC3Nza... somebody",
    ),
    "user-data": (
        _user_data,
        f"must be at most {USER_DATA_LIMIT} bytes in base64, as in the Compute API: "
        f"{USER_DATA_LIMIT // 4 * 3} bytes of text",
    ),
    "dns-domain": (
        re.compile(r"(?=.{0,253}$)(%s(\.%s)*)?" % ((r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?",) * 2)),
        "must be a DNS domain, as cloud.example.org, or empty",
    ),
    "ip-or-cidr": (ipaddress.ip_network, "must be an IP address or a network in CIDR notation"),
}

_TYPES = {
    "string": "a string",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "null",
}

_LENGTHS = {"minLength": "must not be empty", "minItems": "has too few items", "maxItems": "has too many items"}


def check_structure(schema, variables, problems, prefix=""):
    """Note every fault of structure, and return the variables without the items that have one.

    schema: of the mapping `variables`. prefix: of every path. What is returned is
    safe to read: right types, only known keys, well-formed addresses, no None but
    a subnet's `gateway_ip`.
    """
    clean = _without_nulls(variables)
    bad_items = set()
    for error in sorted(_validator(schema).iter_errors(clean), key=lambda e: [str(p) for p in e.absolute_path]):
        path = list(error.absolute_path)
        bad_items.add(tuple(path[:2]) if len(path) > 1 and isinstance(path[1], int) else tuple(path[:1]))
        for name, value, rule in _explain(error):
            problems.add(prefix + _dotted([*path, *name]), _discreet([*path, *name], value), rule)
    return _drop(clean, bad_items)


def _discreet(path, value):
    """The value as a message may show it. A key that looks like a hidden one is hidden, too."""
    if any(isinstance(part, str) and difflib.get_close_matches(part, HIDDEN, n=1, cutoff=0.8) for part in path):
        return _SHOWN_INSTEAD
    if isinstance(value, dict):
        return {key: _discreet([key], item) for key, item in value.items()}
    return [_discreet([], item) for item in value] if isinstance(value, list) else value


def _validator(schema):
    return _jsonschema().Draft202012Validator(schema, format_checker=_formats())


def _jsonschema():
    try:
        import jsonschema
    except ImportError as error:
        raise SiteError(["jsonschema is missing on the controller: pip install jsonschema"]) from error
    return jsonschema


def _formats():
    checker = _jsonschema().FormatChecker(formats=())
    for name, (test, _rule) in FORMATS.items():
        checker.checks(name, raises=ValueError)(_conforms(test))
    return checker


def _conforms(test):
    def conforms(value):
        if not isinstance(value, str):
            return True  # the type is another rule's matter
        if isinstance(test, re.Pattern):
            return bool(test.fullmatch(value))
        test(value)
        return True

    return conforms


def _explain(error):
    """[(rest of the path, value, rule)] of one schema error."""
    keyword, want, have = error.validator, error.validator_value, error.instance
    if keyword == "required":
        return [([key], "(missing)", "is required") for key in want if key not in have]
    if keyword == "additionalProperties":
        known = list(error.schema["properties"])
        return [([key], have[key], _unknown(key, known)) for key in have if key not in known]
    return [([], have, _rule(error, keyword, want))]


def _unknown(key, known):
    near = difflib.get_close_matches(str(key), known, n=1)
    return f"is not a known key: did you mean {near[0]}?" if near else f"is not a known key: {', '.join(known)}"


def _rule(error, keyword, want):
    if keyword == "type":
        types = [want] if isinstance(want, str) else want
        return "must be " + " or ".join(_TYPES[each] for each in types)
    if keyword == "enum":
        return "must be " + " or ".join(str(each) for each in want)
    if keyword == "format":
        return FORMATS[want][1]
    if keyword in ("minimum", "maximum"):
        return f"must be from {error.schema['minimum']} to {error.schema['maximum']}"
    return _LENGTHS[keyword]


def _dotted(path):
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f"{'.' if text else ''}{part}"
    return text


def _without_nulls(value):
    """A deep copy in which null means absent, but for gateway_ip, where it means none."""
    if isinstance(value, dict):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None or k == "gateway_ip"}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else copy.copy(value)


def _drop(clean, bad_items):
    """Without the bad variables, and with None for each bad item of a list, so that indexes stay."""
    for path in bad_items:
        if len(path) == 1:
            clean.pop(path[0], None)
    for path in bad_items:
        if len(path) == 2 and path[0] in clean:
            clean[path[0]][path[1]] = None
    return clean
