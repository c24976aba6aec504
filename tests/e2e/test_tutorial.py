"""The tutorial says only what works: its commands are run as they stand, in their order, by a shell."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = ROOT / "build" / "release" / "bin"


def commands():
    for block in re.findall(r"^```\n(.*?)^```", (ROOT / "docs" / "tutorial.md").read_text(), re.M | re.S):
        for line in block.splitlines():
            assert line.startswith("$ "), f"not a command: {line}"
            yield line[2:]


@pytest.fixture
def home():
    # Not tmp_path: servers of another account pass through to their volumes.
    directory = pathlib.Path(tempfile.mkdtemp(prefix="bpg-tutorial-", dir=os.environ.get("TMPDIR", "/var/tmp")))
    directory.chmod(0o711)
    home = directory / "home"
    yield home
    bpg = [PROGRAMS / "bpg", "--yes"]
    environment = dict(os.environ, BPG_HOME=str(home))
    for arguments in (["db", "delete", "shop", "--force", "--now"], ["cleanup", "--now"], ["init", "--remove"]):
        subprocess.run([*bpg, *arguments], env=environment, capture_output=True, timeout=60)
    assert not os.path.ismount(home / "pool")
    shutil.rmtree(directory)


def test_every_command_of_the_tutorial_works(home):
    environment = dict(os.environ, BPG_HOME=str(home), PAGER="cat", PATH=f"{PROGRAMS}:{os.environ['PATH']}")
    ran = 0
    for command in commands():
        result = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command], env=environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=120,
        )
        assert result.returncode == 0, f"$ {command}\n{result.stdout}{result.stderr}"
        ran += 1
    assert ran > 20
