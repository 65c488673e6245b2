# SPDX-License-Identifier: GPL-3.0-or-later
"""The document as drift.xml, JUnit's format: a suite per host, a case per section. PRIVATE to the collection."""

from __future__ import annotations

from xml.etree import ElementTree

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._drift.answer import SECTIONS
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._drift.words import sentence


def junit(found):
    """The text of drift.xml."""
    root = ElementTree.Element("testsuites", name=f"drift of {found['site']}")
    for name, host in found["hosts"].items():
        _suite(root, name, _cases(name, host))
    for name in found["not_asked"]:
        case = _case(name, "host")
        ElementTree.SubElement(case, "skipped", message="not asked")
        _suite(root, name, [case])
    _count(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _cases(name, host):
    if host["message"] and not host["failed_sections"]:
        case = _case(name, "host")
        ElementTree.SubElement(case, "error", type=host["status"], message=_printable(host["message"]))
        return [case]
    return [_section(name, section, host) for section in SECTIONS]


def _section(name, section, host):
    case = _case(name, section)
    for each in host["failed_sections"]:
        if each["section"] == section:
            ElementTree.SubElement(case, "error", type="error", message=_printable(each["msg"]))
    changes = [sentence(change) for change in host["changes"] if change["section"] == section]
    if changes:
        failure = ElementTree.SubElement(case, "failure", type="drift", message=f"{len(changes)} objects drifted")
        failure.text = _printable("\n".join(changes))
    unknown = [f"unknown: {each['object']}" for each in host["unknown"] if each["section"] == section]
    if unknown:
        ElementTree.SubElement(case, "system-out").text = _printable("\n".join(unknown))
    return case


def _case(host, name):
    return ElementTree.Element("testcase", classname=host, name=name)


def _suite(root, name, cases):
    suite = ElementTree.SubElement(root, "testsuite", name=name)
    suite.extend(cases)
    _count(suite)


def _count(element):
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        element.set(name, str(len(list(element.iter(tag)))))
    element.set("tests", str(len(list(element.iter("testcase")))))


def _printable(text):
    """Without the control characters that XML cannot hold."""
    return "".join(letter if letter.isprintable() or letter in "\n\t" else "?" for letter in text)
