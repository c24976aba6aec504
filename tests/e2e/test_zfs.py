"""What only ZFS does to its users."""

import os
import pathlib
import random
import re
import shutil
import subprocess
import time

import pytest

from betterpg import ROOT, Bpg, eventually

pytestmark = pytest.mark.storage


# Holds one volume alone: whoever else uses ZFS at the same time has theirs.
HOLD = 'while read -r _ at _; do case $at in "$0") ;; */vol_*) umount "$at" ;; esac; done </proc/mounts; exec sleep 600'


@pytest.mark.parametrize("bpg", ["zfs"], indirect=True)
def test_a_volume_that_is_mounted_elsewhere_stops_nothing_else(bpg):
    """A container, or a service with mounts of its own, holds what was mounted when it started."""
    bpg.ok("branch", "create", "app/dev")
    volume = bpg.volume("app/dev")
    elsewhere = subprocess.Popen(["unshare", "--mount", "sh", "-c", HOLD, volume])
    try:
        comm = pathlib.Path(f"/proc/{elsewhere.pid}/comm")
        eventually(lambda: comm.read_text() == "sleep\n", "the other mount namespace does not come up")
        assert str(volume) in pathlib.Path(f"/proc/{elsewhere.pid}/mountinfo").read_text()
        error = bpg.fails(6, "storage", "branch", "delete", "app/dev", "--now")
        assert "busy" in error["message"] and "mountinfo" in error["hint"]
        assert "could not complete" in bpg.ok("status").err
        began = time.monotonic()
        assert bpg.ok("status").err == ""
        assert time.monotonic() - began < 4, "every command waits for what cannot be"
        bpg.ok("branch", "create", "app/other")
        assert bpg.sql("app/other", "SELECT count(*) FROM t") == 3
    finally:
        elsewhere.kill()
        elsewhere.wait()
    bpg.ok("status", BPG_CLOCK_OFFSET="61")
    assert not volume.exists()
    bpg.assert_tidy()


def zfs_get(name, dataset):
    words = ["zfs", "get", "-H", "-o", "value", name, dataset]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


def table_rows(heading):
    """The rows of the first table below a heading of docs/zfs.md: lists of cells."""
    lines = (ROOT / "docs" / "zfs.md").read_text().split(f"## {heading}\n", 1)[1].splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("|"))
    rows = []
    for line in lines[first + 2:]:
        if not line.startswith("|"):
            return rows
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def dataset_of(bpg, subject):
    return f"{bpg.json('init')['dataset']}/{bpg.branch(subject)['volume']['id']}"


@pytest.mark.parametrize("bpg", ["zfs"], indirect=True)
def test_options_are_as_documented(bpg):
    documented = {row[0].strip("`"): re.findall(r"`([^`]+)`", row[1]) for row in table_rows("Options")}
    assert len(documented) == 8
    unknown = set()
    for name, values in documented.items():
        try:
            value = zfs_get(name, dataset_of(bpg, "app"))
        except subprocess.CalledProcessError:
            unknown.add(name)
            continue
        # What a ZFS knows only the names of stays at its default.
        assert value in values or (name == "xattr" and value == "on"), f"{name} is {value}"
    assert unknown <= {"sync"}


@pytest.mark.parametrize("bpg", ["zfs"], indirect=True)
def test_user_properties_tell_what_a_volume_is(bpg):
    bpg.ok("branch", "create", "app/dev")
    dataset = dataset_of(bpg, "app/dev")
    branch, database = bpg.branch("app/dev"), bpg.json("db", "get", "app")

    def told():
        names = [name for row in table_rows("What each dataset is") for name in re.findall(r"betterpg:(\w+)", row[0])]
        assert len(names) == 9
        return {name: zfs_get(f"betterpg:{name}", dataset) for name in names}

    properties = told()
    assert properties.pop("origin").startswith("snap_")
    expected = {
        "database": "app", "branch": "dev", "database_id": database["id"], "branch_id": branch["id"],
        "parent_volume": bpg.branch("app")["volume"]["id"], "pg_version": str(database["pg_version"]), "home": str(bpg.home),
    }
    assert properties.items() >= expected.items()
    # The volume is made in the same command as the branch.
    assert properties["created_at"][:10] == branch["created_at"][:10]

    bpg.ok("branch", "rename", "app/dev", "fix")
    assert (told()["database"], told()["branch"]) == ("app", "fix")
    bpg.ok("db", "rename", "app", "shop")
    assert (told()["database"], told()["branch"]) == ("shop", "fix")
    assert zfs_get("betterpg:branch", dataset_of(bpg, "shop")) == "main"
    bpg.ok("db", "rename", "shop", "app")
    bpg.ok("branch", "reset", "app/fix", "--now")
    dataset = dataset_of(bpg, "app/fix")
    assert (told()["database"], told()["branch"], told()["branch_id"]) == ("app", "fix", branch["id"])


@pytest.fixture
def pool_home():
    """A home that has not been set up, and the file and name of a pool for it."""
    if not os.environ.get("BPG_TEST_ZFS"):
        pytest.skip("BPG_TEST_ZFS is not set: there is no ZFS")
    bpg = Bpg("copy")
    pool = f"e2e-{random.randbytes(4).hex()}"
    try:
        yield bpg, pool, bpg.directory / "pool.zfs"
    finally:
        if subprocess.run(["zpool", "list", pool], capture_output=True).returncode == 0:
            words = ["zpool", "destroy", "-f", pool]
            eventually(lambda: subprocess.run(words, capture_output=True).returncode == 0, "the pool is busy")
        bpg.place.remove()
        shutil.rmtree(bpg.directory)


def test_a_pool_in_a_file(pool_home):
    bpg, pool, file = pool_home
    arguments = ["init", "--storage", "zfs", "--pool", pool, "--pool-file", file, "--size", "1G"]
    made = bpg.json(*arguments, "--zfs-option", "recordsize=8K")
    assert (made["driver"], made["image"], made["already_done"]) == ("zfs", str(file), False)
    assert made["dataset"].startswith(f"{pool}/betterpg/databases")
    assert any(str(file) in note for note in made["notes"])
    assert bpg.json(*arguments)["already_done"]
    error = bpg.fails(5, "refused", *arguments, "--zfs-option", "recordsize=16K")
    assert f"zfs set recordsize=16K {made['dataset']}" in error["hint"]
    assert bpg.fails(5, "refused", "init", "--pool-file", f"{file}2")["hint"]

    bpg.ok("db", "create", "app")
    bpg.sql("app", "CREATE TABLE t AS SELECT generate_series(1, 3) AS n")
    bpg.ok("branch", "create", "app/dev")
    assert zfs_get("recordsize", f"{made['dataset']}/{bpg.branch('app/dev')['volume']['id']}") == "8K"

    # As after a reboot.
    bpg.ok("stop", "--all")
    eventually(lambda: subprocess.run(["zpool", "export", pool], capture_output=True).returncode == 0, "the pool is busy")
    bpg.ok("start", "--all")
    assert bpg.sql("app/dev", "SELECT count(*) FROM t") == 3

    bpg.ok("db", "delete", "app", "--force", "--now")
    bpg.ok("init", "--remove")
    assert subprocess.run(["zpool", "list", pool], capture_output=True).returncode != 0
    assert not file.exists() and not bpg.home.exists()


def test_a_pool_in_a_file_that_cannot_be(pool_home):
    bpg, pool, file = pool_home

    def fails(status, code, *more, file=file):
        error = bpg.fails(status, code, "init", "--pool", pool, "--pool-file", file, *more)
        assert error["hint"], error
        assert not bpg.home.exists(), "init left something behind"
        return error

    assert "too small" in fails(2, "usage", "--size", "100M")["message"]
    assert "no option" in fails(2, "usage", "--zfs-option", "recordsize")["message"]
    assert "'recordsize' must be" in fails(2, "usage", "--zfs-option", "recordsize=3K")["message"]
    assert "betterpg decides" in fails(2, "usage", "--zfs-option", "mountpoint=/x")["message"]
    assert "of no use to btrfs" in fails(2, "usage", "--storage", "btrfs")["message"]
    assert not file.exists()
    fails(3, "not_found", file=file.parent / "nowhere" / "pool.zfs")
    file.write_text("precious")
    assert "exists already" in fails(4, "already_exists", "--size", "1G")["message"]
    assert file.read_text() == "precious"
    pool = os.environ["BPG_TEST_ZFS"].split("/")[0]
    file = file.parent / "other.zfs"
    assert "--pool" in fails(4, "already_exists", "--size", "1G", file=file)["hint"]


def test_only_root_makes_a_pool():
    bpg = Bpg("copy", account="nobody")
    try:
        error = bpg.fails(6, "permission", "init", "--pool-file", bpg.directory / "pool.zfs")
        assert "root" in error["hint"]
    finally:
        bpg.place.remove()
        shutil.rmtree(bpg.directory)


@pytest.mark.skipif(not os.environ.get("BPG_TEST_ZFS"), reason="BPG_TEST_ZFS is not set: there is no place for zfs")
def test_several_homes_on_one_pool_are_made_at_once():
    homes = [Bpg("zfs") for _ in range(5)]
    pool = homes[0].place.arguments
    inits = [home.start("init", *pool) for home in homes]
    told = [init.communicate()[1] for init in inits]
    assert [init.returncode for init in inits] == [0] * len(homes), told
    assert len({home.json("init")["dataset"] for home in homes}) == len(homes)
    for home in reversed(homes):
        home.remove()
