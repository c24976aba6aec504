"""docs/newcomer.md shows what a newcomer sees today."""

import difflib
import os

import pytest

import newcomer
from betterpg import VARIABLES

pytestmark = pytest.mark.native("the command line by itself, wherever servers run")


def test_a_newcomer_sees_what_the_page_shows():
    if not os.environ.get(VARIABLES["btrfs"]):
        pytest.skip(f"{VARIABLES['btrfs']} is not set: there is no place for btrfs")
    then = newcomer.PAGE.read_text().splitlines()
    now = newcomer.page().splitlines()
    difference = "\n".join(difflib.unified_diff(then, now, "docs/newcomer.md", "a new walk", lineterm=""))
    assert not difference, f"{difference}\nWhere this is meant so: '/usr/bin/python3 tests/e2e/newcomer.py' writes the page anew."
