"""Branches on ZFS for a user who is not root: `bpg setup` has root delegate what it takes, and nothing else."""

import json
import pathlib
import pwd
import subprocess

import pytest
from installed import POOL, Installed

USER = "dev"
PARENT = f"{POOL}/teams"
DATASET = f"{PARENT}/betterpg/databases-of-{USER}"
PLACE = pathlib.Path(f"/var/lib/betterpg-zfs/{USER}")
MOUNT = "/usr/libexec/betterpg/bpg-mount"


def dev():
    return Installed(USER, home=f"/home/{USER}/.local/share/betterpg", dataset=DATASET)


def as_user(*words):
    return subprocess.run(["runuser", "-u", USER, "--", *map(str, words)], cwd="/", capture_output=True, text=True)


def uid():
    return pwd.getpwnam(USER).pw_uid


def bpg_mount(*words):
    return as_user("sudo", "-n", "--", MOUNT, *words)


def sudoers():
    return list(pathlib.Path("/etc/sudoers.d").glob("betterpg-*"))


def mounted():
    return {line.split()[1]: line.split()[3].split(",") for line in pathlib.Path("/proc/mounts").read_text().splitlines()
            if line.split()[1].startswith(str(PLACE))}


def examined_zfs():
    return next(check for check in json.loads(dev().run("doctor", "-o", "json").out) if check["name"] == "zfs")


def test_without_root_there_is_nothing(bpg):
    subprocess.run(["useradd", "--create-home", USER], check=True)
    subprocess.run(["zfs", "create", "-o", "mountpoint=none", PARENT], check=True)
    assert f"bpg setup --user {USER}" in dev().fails(6, "permission", "init", "--storage", "zfs")["hint"]
    assert "no dataset" in examined_zfs()["found"]


def test_it_says_what_root_would_do_and_does_it_where_that_is_agreed(bpg):
    words = ["setup", "--user", USER, "--pool", PARENT]
    plan = dev().json(*words)
    assert plan == bpg.json(*words) and plan["done"] is False and plan["dataset"] == DATASET
    assert not PLACE.exists() and not sudoers()
    assert subprocess.run(["zfs", "list", DATASET], capture_output=True).returncode != 0
    dev().fails(6, "permission", *words, "--yes")

    done = bpg.json(*words, "--zfs-option", "quota=4G", "--yes")
    assert done["done"] is True and len(done["steps"]) == len(plan["steps"])
    assert [path.read_text() for path in sudoers()] == [f"#{uid()} ALL=(root) NOPASSWD: {MOUNT}\n"]
    assert bpg.json("setup", "--user", USER, "--yes")["dataset"] == DATASET, "twice is once"
    bpg.fails(5, "refused", *words, "--zfs-option", "quota=1G")
    bpg.fails(4, "already_exists", "setup", "--user", USER, "--pool", POOL)


def test_they_have_branches():
    home = dev()
    home.fails(6, "permission", "init", "--pool-file", "/tmp/pool")
    for option in (["--zfs-option", "quota=1G"], ["--path", "/tmp"]):
        home.fails(2, "usage", "init", "--storage", "zfs", *option)
    home.fails(5, "refused", "init", "--storage", "zfs", "--pool", f"{POOL}/betterpg")
    assert home.json("init")["dataset"] == DATASET, "of itself"
    assert all(check["verdict"] == "ok" for check in home.json("doctor") if check["name"] in ("zfs", "zfs pool", "volumes", "storage"))
    home.ok("db", "create", "app")
    home.sql("app", "CREATE TABLE t AS SELECT generate_series(1, 3) AS n")
    home.ok("branch", "create", "app/try")
    home.sql("app/try", "INSERT INTO t VALUES (4)")
    home.ok("branch", "create", "app/child", "--from", "app/try")
    home.ok("branch", "reset", "app/try")
    assert (home.rows("app/main"), home.rows("app/try"), home.rows("app/child")) == ([1, 2, 3], [1, 2, 3], [1, 2, 3, 4])
    home.assert_tidy()
    assert len(mounted()) == 4 and all({"nosuid", "nodev"} <= set(options) for options in mounted().values())


@pytest.mark.parametrize("words", [
    ["set", "mountpoint=/etc", "{volume}"],
    ["set", "canmount=noauto", "{volume}"],
    ["set", "setuid=on", "{volume}"],
    ["set", "devices=on", "{volume}"],
    ["set", "quota=none", DATASET],
    ["set", "org.openzfs.systemd:nofail=off", "{volume}"],
    ["create", "{volume}/below"],
    ["create", "-o", "mountpoint=/etc", f"{DATASET}/vol_0000000000"],
    ["create", f"{PARENT}/betterpg/other"],
    ["rename", "{volume}", f"{DATASET}/vol_0000000001"],
    ["allow", "-u", USER, "mountpoint", DATASET],
], ids=" ".join)
def test_the_rest_stays_roots(words):
    home = dev()
    volume = f"{DATASET}/{home.branch('app/try')['volume']['id']}"
    before = subprocess.run(["zfs", "get", "-rH", "all", PARENT], check=True, capture_output=True, text=True).stdout.count("\n")
    # Not the deletion of their own volumes: that is theirs. Here somebody still uses them.
    assert as_user("zfs", *(word.format(volume=volume) for word in words)).returncode != 0
    assert subprocess.run(["zfs", "get", "-rH", "all", PARENT], check=True, capture_output=True, text=True).stdout.count("\n") == before


@pytest.mark.parametrize("words, says", [
    (["mount", "../../../etc"], "is no volume"),
    (["unmount", "vol_0000000000/.."], "is no volume"),
    (["mount", "vol_0000000000"], "does not exist"),
    (["mount"], "usage"),
    (["destroy", "vol_0000000000"], "usage"),
    (["check", "more"], "usage"),
])
def test_the_program_that_mounts_does_nothing_else(words, says):
    before = mounted()
    result = bpg_mount(*words)
    assert result.returncode != 0 and says in result.stderr
    assert mounted() == before


def test_only_they_may_call_it_and_nothing_else_as_root():
    assert bpg_mount("check").returncode == 0
    assert as_user(MOUNT, "check").returncode != 0
    assert as_user("sudo", "-n", "--", "/usr/bin/id").returncode != 0
    subprocess.run(["useradd", "somebody"], check=True)
    for program in (["sudo", "-n", "--", MOUNT, "check"], ["env", f"SUDO_UID={uid()}", MOUNT, "check"]):
        assert subprocess.run(["runuser", "-u", "somebody", "--", *program], cwd="/", capture_output=True).returncode != 0


def test_a_place_that_others_can_change_is_refused():
    """Who can put a link there chooses what is mounted over."""
    (PLACE / "volumes").chmod(0o777)
    assert "can be changed by others than root" in bpg_mount("check").stderr
    assert "can be changed" in examined_zfs()["found"]
    (PLACE / "volumes").chmod(0o755)
    assert bpg_mount("check").returncode == 0


def test_origins_go_before_what_came_of_them():
    home = dev()
    home.ok("snapshot", "create", "app/try", "--label", "kept")
    home.ok("branch", "delete", "app/try", "--reparent", "--now")
    home.ok("cleanup", "--now")
    assert home.rows("app/child") == [1, 2, 3, 4]
    assert {pathlib.Path(path).name for path in mounted()} == {path.name for path in (PLACE / "volumes").iterdir()} == home.recorded()[0]


def test_it_is_not_taken_back_while_it_is_used(bpg):
    assert "volumes" in bpg.fails(5, "refused", "setup", "--user", USER, "--remove")["message"]
    bpg.fails(3, "not_found", "setup", "--user", "somebody", "--remove")
