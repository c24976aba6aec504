"""`bpg config`: it says what is so and why, changes one thing, and refuses what is wrong before anything is written."""

import json
import os
import pathlib
import re
import subprocess

import pytest

from betterpg import PROGRAM, ROOT


class Configured:
    """bpg before any `bpg init`, with a configuration of its own."""

    def __init__(self, directory):
        self.home = directory / "home"
        self.file = self.home / "config.yaml"
        kept = {key: value for key, value in os.environ.items() if not key.startswith("BPG_")}
        self.environment = {**kept, "BPG_HOME": str(self.home), "TMPDIR": str(directory), "NO_COLOR": "1"}

    def run(self, *words, **environment):
        return subprocess.run(
            [PROGRAM, "config", *words], env={**self.environment, **environment}, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=60,
        )

    def ok(self, *words, **environment):
        result = self.run(*words, **environment)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def fails(self, *words, **environment):
        result = self.run(*words, "-o", "json", **environment)
        assert (result.returncode, result.stdout) == (2, ""), result
        return json.loads(result.stderr)["error"]

    def write(self, text):
        self.home.mkdir(exist_ok=True)
        self.file.write_text(text)

    def entries(self, **environment):
        return {entry["key"]: entry for entry in json.loads(self.ok("show", "-o", "json", **environment))}


@pytest.fixture
def config(tmp_path):
    return Configured(tmp_path)


def editor(tmp_path, script):
    path = tmp_path / "editor"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_it_works_before_init_and_makes_nothing(config):
    assert config.ok("path").strip() == str(config.file)
    assert config.ok("get", "ports.range") == "15432-17431\n"
    assert all(entry["origin"] == "default" for entry in config.entries().values())
    assert not config.home.exists()


def test_environment_over_file_over_default(config):
    config.write("# mine\nlock.wait: 5s\nretention:\n  deleted: 7d\n")
    entries = config.entries(BPG_LOCK_WAIT="9s", BPG_NO_SUCH="x")
    assert (entries["lock.wait"]["value"], entries["lock.wait"]["origin"]) == ("9s", "environment BPG_LOCK_WAIT")
    assert (entries["retention.deleted"]["value"], entries["retention.deleted"]["origin"]) == ("7d", f"{config.file}:4")
    assert entries["storage.reserve"]["origin"] == "default"
    shown = config.ok("show", "--origin", BPG_LOCK_WAIT="9s")
    assert "lock.wait: 9s   # from environment BPG_LOCK_WAIT\n" in shown
    assert f"retention.deleted: 7d   # from {config.file}:4\n" in shown


def test_what_is_shown_is_a_configuration(config):
    shown = config.ok("show", "--origin")
    config.write(shown)
    assert {key: entry["value"] for key, entry in config.entries().items()} == {
        key: entry["value"] for key, entry in Configured(config.home).entries().items()
    }


def test_set_keeps_comments_and_order(config):
    config.write("# ours\nports:\n  range: 20000-20100  # agreed\n\n# the rest\nlock.wait: 5s\n")
    config.ok("set", "ports.range", "21000-21100")
    config.ok("set", "profiles.ci.settings.random_page_cost", "1.1")
    config.ok("set", "native.bin_dirs", "/opt/a", "/opt/b")
    assert config.file.read_text() == (
        "# ours\nports:\n  range: 21000-21100  # agreed\n\n# the rest\nlock.wait: 5s\n"
        "profiles:\n  ci:\n    settings:\n      random_page_cost: 1.1\n"
        "native:\n  bin_dirs: [/opt/a, /opt/b]\n"
    )
    assert config.ok("get", "native.bin_dirs") == "/opt/a\n/opt/b\n"
    assert config.entries()["profiles.ci.settings.random_page_cost"]["value"] == "1.1"


def test_set_makes_the_file_and_says_what_stands_above_it(config):
    assert "environment BPG_LOCK_WAIT" in config.ok("set", "lock.wait", "3s", BPG_LOCK_WAIT="9s")
    assert config.ok("get", "lock.wait") == "3s\n"
    assert [path.name for path in config.home.iterdir()] == ["config.yaml"]


@pytest.mark.parametrize(
    "words, message, hint",
    [
        (["lock.wiat", "3s"], "unknown key 'lock.wiat'", "'lock.wait'"),
        (["lock.wait", "soon"], "lock.wait must be a duration such as 10s", None),
        (["lock.wait", "3s", "4s"], "lock.wait takes one value", "quotes"),
        (["profiles.ci.durability", "none"], "profiles.ci.durability must be durable or relaxed", None),
    ],
)
def test_a_wrong_value_changes_nothing(config, words, message, hint):
    config.write("lock.wait: 5s\n")
    error = config.fails("set", *words)
    assert error["message"] == message
    assert hint is None or hint in error["hint"]
    assert config.file.read_text() == "lock.wait: 5s\n"


def test_a_wrong_file_is_named_and_not_made_worse(config):
    config.write("lock:\n  wiat: 5s\n")
    for words in (["show"], ["get", "lock.wait"], ["set", "lock.wait", "3s"]):
        error = config.fails(*words)
        assert error["message"] == f"{config.file}:2: unknown key 'lock.wiat'"
        assert "'lock.wait'" in error["hint"]
    assert config.file.read_text() == "lock:\n  wiat: 5s\n"
    assert config.fails("get", "lock.wait", BPG_LOCK_WAIT="soon")["message"].startswith(f"{config.file}:2")


def test_edit_begins_with_every_key_and_takes_what_is_right(config, tmp_path):
    config.ok("edit", EDITOR=editor(tmp_path, 'grep -q "# ports.range: 15432" "$1" && echo "lock.wait: 4s" >> "$1"'))
    assert config.ok("get", "lock.wait") == "4s\n"
    before = config.file.read_text()
    assert "nothing was changed" in config.ok("edit", VISUAL="true", EDITOR="false")
    assert config.file.read_text() == before


def test_edit_keeps_a_wrong_text_and_names_it(config, tmp_path):
    config.write("lock.wait: 5s\n")
    error = config.fails("edit", VISUAL=editor(tmp_path, 'echo "lock.wiat: 1s" > "$1"'))
    assert error["message"] == f"{config.file}:1: unknown key 'lock.wiat'"
    kept = pathlib.Path(re.search(r"your text is in (\S+)\.$", error["hint"])[1])
    assert kept.read_text() == "lock.wiat: 1s\n"
    assert config.file.read_text() == "lock.wait: 5s\n"
    assert config.run("edit", VISUAL="false").returncode == 1


def test_the_page_names_every_key(config):
    """docs/configuration.md says of each key what the program says."""
    rows = {}
    for line in (ROOT / "docs" / "configuration.md").read_text().splitlines():
        if match := re.match(r"\| `([^`]+)` \| (\S.*?) \| (\S.*?) \|(?: (\S.*) \|)?$", line):
            rows[match[1]] = [cell.strip("`") for cell in match.groups()[1:] if cell]
    expected = {}
    for key, entry in config.entries().items():
        if not key.startswith("profiles."):
            expected[key] = [entry["default"] or "none", entry["environment"], entry["effect"]]
        elif ".settings." not in key:
            expected["profiles.NAME." + key.rsplit(".", 1)[1]] = [entry["form"], entry["effect"]]
    assert {key: row for key, row in rows.items() if "." in key} == expected
