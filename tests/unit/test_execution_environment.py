# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-builder turns the definition into build instructions, and finds what the collection itself needs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import COLLECTIONS

ROOT = Path(__file__).resolve().parent.parent.parent
DEFINITION = yaml.safe_load((ROOT / "execution-environment.yml").read_text())


def run(program, *arguments):
    program = Path(sys.executable).parent / program
    return subprocess.run([program, *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    """The build context of the image."""
    directory = tmp_path_factory.mktemp("context")
    run("ansible-galaxy", "collection", "build", "--force", "--output-path", ".cache")
    run("ansible-builder", "create", "--context", str(directory))
    return directory


def test_the_image_is_defined_with_this_collection_inside(context):
    version = yaml.safe_load((ROOT / "galaxy.yml").read_text())["version"]
    archive = f"collections/cloudnet-dataplane-{version}.tar.gz"
    assert (context / "_build" / archive).exists()
    wanted = yaml.safe_load((context / "_build" / "requirements.yml").read_text())["collections"]
    assert {"name": archive, "type": "file"} in wanted
    assert f'EE_BASE_IMAGE="{DEFINITION["images"]["base_image"]["name"]}"' in (context / "Containerfile").read_text()


def test_the_image_has_the_collections_and_the_ansible_that_are_tested():
    tested = yaml.safe_load((ROOT / "requirements.yml").read_text())["collections"]
    inside = DEFINITION["dependencies"]["galaxy"]["collections"]
    assert [item for item in tested if item["name"] == "openvswitch.openvswitch"] == inside[:1]
    release = re.search(r"ansible-core==(\d+\.\d+)", (ROOT / "requirements.txt").read_text())[1]
    assert DEFINITION["dependencies"]["ansible_core"]["package_pip"] == f"ansible-core~={release}.0"


def test_what_the_collection_needs_is_found_in_it():
    found = run("ansible-builder", "introspect", str(COLLECTIONS))
    for needed in ("jsonschema", "netaddr", "openssh-client ", "openssh-clients "):
        assert re.search(rf"{needed}.*# from collection cloudnet.dataplane", found), found
