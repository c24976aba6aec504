"""The documentation says only what is so: the tutorial's commands work as they stand, and JSON has the documented keys."""

import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import tempfile

import pytest

pytestmark = pytest.mark.native("the command line by itself, wherever servers run")

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = ROOT / "build" / "release" / "bin"


@pytest.fixture
def environment():
    """What a user has: bpg in the PATH, and a place of its own."""
    # Not tmp_path: servers of another account pass through to their volumes.
    directory = pathlib.Path(tempfile.mkdtemp(prefix="bpg-docs-", dir=os.environ.get("TMPDIR", "/var/tmp")))
    directory.chmod(0o711)
    home = directory / "home"
    first_port = random.randrange(20000, 30000)
    environment = dict(os.environ, BPG_HOME=str(home), PAGER="cat", PATH=f"{PROGRAMS}:{os.environ['PATH']}",
                       BPG_PORTS_RANGE=f"{first_port}-{first_port + 300}")
    yield environment
    for arguments in (["db", "delete", "shop", "--force", "--now"], ["cleanup", "--now"], ["init", "--remove"]):
        subprocess.run(["bpg", "--yes", *arguments], env=environment, capture_output=True, timeout=60)
    assert not os.path.ismount(home / "pool")
    shutil.rmtree(directory)


def run(environment, command):
    result = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], env=environment, cwd=pathlib.Path(environment["BPG_HOME"]).parent,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
    )
    assert result.returncode == 0, f"$ {command}\n{result.stdout}{result.stderr}"
    return result.stdout


def tutorial():
    for block in re.findall(r"^```\n(.*?)^```", (ROOT / "docs" / "tutorial.md").read_text(), re.M | re.S):
        for line in block.splitlines():
            assert line.startswith("$ "), f"not a command: {line}"
            yield line[2:]


def test_every_command_of_the_tutorial_works(environment):
    commands = list(tutorial())
    assert len(commands) > 20
    for command in commands:
        run(environment, command)


def documented_keys():
    """{heading: {key: [type, …]}} of docs/json.md."""
    objects = {}
    heading = None
    for line in (ROOT / "docs" / "json.md").read_text().splitlines():
        if match := re.match(r"##+ (.*)", line):
            heading = match[1]
        elif match := re.match(r"\| `(\w+)` \| ([a-z, ]+) \|", line):
            objects.setdefault(heading, {})[match[1]] = match[2].split(", ")
    return objects


TYPES = {"string": str, "number": (int, float), "boolean": bool, "object": dict, "array": list, "null": type(None)}


def test_json_is_as_documented(environment):
    run(environment, "bpg init && bpg db create shop && bpg branch create shop/a && bpg branch reset shop/a")
    run(environment, "bpg snapshot create shop/a --label before")
    run(environment, "git init --quiet checkout && cd checkout && bpg git install --database shop")

    def answer(command):
        return json.loads(run(environment, f"bpg -o json {command}"))

    run(environment, "bpg branch create shop/b --ttl 1h")
    later = dict(environment, BPG_CLOCK_OFFSET="7200")
    entries = json.loads(run(later, "bpg -o json cleanup --expired --deleted --dry-run"))
    assert {entry["kind"] for entry in entries} == {"branch", "volume"}
    status, info = answer("status --sizes"), answer("info shop/a")
    point = answer("restore-point create shop here")
    found = {
        "Restore point": [point],
        "Init": [answer("init")],
        "Setup": [answer(f"setup --user games --pool {pool}")] if (pool := os.environ.get("BPG_TEST_ZFS")) else [],
        "Check": answer("doctor"),
        "Database": [answer("db get shop"), *answer("db list"), *status["databases"], info["database"]],
        "Branch": [answer("branch get shop/a"), *answer("branch list"), *status["branches"], *answer("start shop/a"), info["branch"]],
        "Volume of a branch": [answer("branch get shop/a")["volume"], status["branches"][1]["volume"]],
        "Restored": [answer("branch create shop/then --at @here")["restored"]],
        "History entry": (history := answer("branch history shop/a")),
        "Restorable": [entry["restorable"] for entry in history],
        "Snapshot": [answer("snapshot get shop/a@before"), *answer("snapshot list"), *info["snapshots"]],
        "Schedule": [answer("snapshot schedule shop/a --keep daily=1"), *answer("snapshot schedule"), answer("snapshot schedule shop")],
        "Tick entry": [*answer("snapshot tick --dry-run"), *(ticked := answer("snapshot tick"))],
        "Retained volume": [*status["retained"], *info["retained"]],
        "Clean-up entry": entries,
        "WAL archive": [*answer("wal info"), *answer("wal info shop/a"), *answer("wal info shop/b")],
        "WAL verification": answer("wal verify"),
        "WAL clean-up entry": [*answer("wal cleanup --all"), *answer("wal cleanup shop/a --days 0 --dry-run")],
        "Status": [status],
        "Info": [info],
        "Url": [answer("url shop"), answer("env shop")],
        "Git": [json.loads(run(environment, f"cd checkout && bpg -o json git {command}")) for command in ("install", "status")],
        "Settings": [answer("settings shop/a"), answer("branch set shop/a work_mem=5MB"), *answer("db set shop timezone=UTC")],
        "Setting": [*answer("settings shop/a")["settings"], *answer("branch unset shop/a work_mem")["settings"]],
        "Configuration key": [*answer("config show"), answer("config get lock.wait"), answer("config set lock.wait 9s")],
        "Configuration file": [answer("config path")],
    }
    documented = documented_keys()
    assert found.keys() == documented.keys()
    for noun, objects in found.items():
        for thing in objects:
            assert thing.keys() == documented[noun].keys(), noun
            for key, value in thing.items():
                assert isinstance(value, tuple(TYPES[name] for name in documented[noun][key])), f"{noun}: {key} is {value!r}"
    assert ticked[0]["made"].keys() == documented["Snapshot"].keys()
    assert ticked[0]["kept"][0].keys() == documented["Snapshot"].keys() | {"kept_by"}
    deleted = answer("snapshot delete shop/a@before")
    assert deleted.keys() == documented["Snapshot"].keys() | {"needed_by"}
