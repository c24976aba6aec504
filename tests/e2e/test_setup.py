"""What `bpg setup` would do, and the program that mounts for others, on any ZFS. That root really delegates is tried on the kernel's
(tests/vm/delegated.py): zfs-fuse cannot."""

import os
import pathlib
import pwd
import shutil
import subprocess

import pytest
from betterpg import PROGRAM, VARIABLES, Place, eventually

pytestmark = [
    pytest.mark.native("for servers that are processes of a user's"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root delegates"),
    pytest.mark.skipif(not os.environ.get(VARIABLES["zfs"]), reason="BPG_TEST_ZFS is not set: there is no ZFS"),
]

# Nobody else runs bpg as this one.
USER = pwd.getpwnam("games")
PLACE = pathlib.Path(f"/var/lib/betterpg-zfs/{USER.pw_name}")
VOLUME = "vol_0123456789"


@pytest.fixture
def place():
    place = Place("zfs")
    yield place
    place.remove()


def test_it_says_what_it_takes_and_does_nothing(virgin, place):
    told = virgin.json("setup", "--user", USER.pw_name, "--pool", place.dataset, "--zfs-option", "quota=1G")
    dataset = f"{place.dataset}/betterpg/databases-of-{USER.pw_name}"
    assert (told["user"], told["dataset"], told["root"], told["done"]) == (USER.pw_name, dataset, str(PLACE), False)
    assert any(step.startswith("zfs create ") and "quota=1G" in step and step.endswith(dataset) for step in told["steps"])
    assert any(step.startswith("zfs allow ") for step in told["steps"])
    assert any(step.startswith("/etc/sudoers.d/") and step.endswith("/bpg-mount") and "*" not in step for step in told["steps"])
    text = virgin.ok("setup", "--user", USER.pw_name, "--pool", place.dataset).out
    assert f"sudo bpg setup --user {USER.pw_name} --pool {place.dataset} --yes" in text and "Nothing was changed." in text
    assert not PLACE.exists()
    listed = subprocess.run(["zfs", "list", "-Hro", "name", place.dataset], check=True, capture_output=True, text=True).stdout
    assert listed.split() == [place.dataset]


def test_wrong_use(virgin, place):
    virgin.fails(2, "usage", "setup")
    virgin.fails(2, "usage", "setup", "--user", "root")
    virgin.fails(3, "not_found", "setup", "--user", "no-such-user")
    virgin.fails(3, "not_found", "setup", "--user", USER.pw_name, "--pool", "no-such-pool")
    virgin.fails(3, "not_found", "setup", "--user", USER.pw_name, "--remove")
    for option in ("mountpoint=/etc", "setuid=on", "devices=on"):
        virgin.fails(2, "usage", "setup", "--user", USER.pw_name, "--pool", place.dataset, "--zfs-option", option)


@pytest.mark.skipif(os.path.exists("/dev/zfs"), reason="this ZFS delegates")
def test_what_cannot_delegate_is_told_before_anything_is_done(virgin, place):
    error = virgin.fails(6, "storage", "setup", "--user", USER.pw_name, "--pool", place.dataset, "--yes")
    assert "zfs-fuse cannot delegate" in error["message"]
    assert not PLACE.exists()


@pytest.fixture
def delegated(place):
    """As `bpg setup` leaves it, but for the rights."""
    dataset = f"{place.dataset}/mine"
    (PLACE / "volumes").mkdir(parents=True)
    (PLACE / "dataset").write_text(f"{dataset}\n")
    (PLACE / ".lock").touch(0o600)
    os.chown(PLACE / ".lock", USER.pw_uid, USER.pw_gid)
    subprocess.run(["zfs", "create", "-o", "canmount=off", "-o", f"mountpoint={PLACE / 'volumes'}", dataset], check=True)
    yield dataset
    # zfs-fuse unmounts behind one's back: "busy" at first.
    destroy = ["zfs", "destroy", "-r", dataset]
    eventually(lambda: subprocess.run(destroy, capture_output=True).returncode == 0, "the dataset is busy")
    shutil.rmtree(PLACE)
    PLACE.parent.rmdir()


def test_it_is_not_taken_back_while_it_is_used(virgin, delegated):
    (PLACE / "home").write_text("/home/games/.local/share/betterpg\n")
    assert "truncate" in virgin.fails(5, "refused", "setup", "--user", USER.pw_name, "--remove", "--yes")["hint"]
    (PLACE / "home").write_text("")
    subprocess.run(["zfs", "create", f"{delegated}/{VOLUME}"], check=True)
    assert "1 volumes" in virgin.fails(5, "refused", "setup", "--user", USER.pw_name, "--remove", "--yes")["message"]
    assert (PLACE / "dataset").exists() and mounts()


def test_what_was_begun_is_taken_back(virgin):
    """As an interrupted `bpg setup` leaves it: it tells of a dataset that is not there. A mount point was left, too."""
    (PLACE / "volumes" / VOLUME).mkdir(parents=True)
    (PLACE / "dataset").write_text(f"{os.environ[VARIABLES['zfs']]}/none\n")
    (PLACE / ".lock").touch(0o600)
    virgin.ok("setup", "--user", USER.pw_name, "--remove", "--yes")
    assert not PLACE.parent.exists()
    virgin.fails(3, "not_found", "setup", "--user", USER.pw_name, "--remove")


def bpg_mount(*words, uid=USER.pw_uid, **options):
    environment = {**os.environ, "SUDO_UID": str(uid)} if uid is not None else {**os.environ}
    program = pathlib.Path(PROGRAM).with_name("bpg-mount")
    return subprocess.run([program, *words], env=environment, cwd="/", capture_output=True, text=True, **options)


def refused(says, *words, **options):
    result = bpg_mount(*words, **options)
    assert result.returncode != 0 and says in result.stderr, result


def mounts():
    return [line.split()[1] for line in pathlib.Path("/proc/mounts").read_text().splitlines() if line.split()[1].startswith(str(PLACE))]


def test_it_mounts_a_volume_at_its_place(delegated):
    subprocess.run(["zfs", "create", f"{delegated}/{VOLUME}"], check=True)
    mount_point = PLACE / "volumes" / VOLUME
    for _ in range(2):
        assert bpg_mount("unmount", VOLUME).returncode == 0
        assert mounts() == [] and not mount_point.exists()
    for _ in range(2):
        assert bpg_mount("mount", VOLUME).returncode == 0
        assert mounts() == [str(mount_point)]
    assert (mount_point.stat().st_uid, mount_point.stat().st_gid, mount_point.stat().st_mode & 0o777) == (USER.pw_uid, USER.pw_gid, 0o700)
    with (mount_point / "open").open("w"):
        refused("busy", "unmount", VOLUME)


def test_it_mounts_nothing_else(delegated):
    elsewhere = f"{delegated}/vol_e1sewhere0"
    subprocess.run(["zfs", "create", "-o", "mountpoint=none", elsewhere], check=True)
    subprocess.run(["zfs", "create", "-o", "canmount=noauto", f"{delegated}/vol_n0a0t00000"], check=True)
    before = mounts()
    for name in ("vol_e1sewhere0", "vol_n0a0t00000"):
        refused("would not be mounted at", "mount", name)
    for name in ("", ".", "..", "../mine", f"{VOLUME}/..", f"{VOLUME}@snap_0123456789", "-a", delegated):
        refused("is no volume", "mount", name)
    refused("does not exist", "mount", VOLUME)
    for words in ([], ["mount"], ["unmount"], ["check", "it"], ["mount", VOLUME, "more"], ["umount", VOLUME]):
        refused("usage", *words)
    assert mounts() == before


def test_it_works_for_whom_root_has_chosen_and_by_sudo(delegated):
    assert bpg_mount("check").returncode == 0
    refused("by sudo", "check", uid=None)
    refused("by sudo", "check", uid="0x0")
    refused("not known", "check", uid=4000000000)
    refused("delegated nothing to 'root'", "check", uid=0)
    program = PLACE / "bpg-mount"
    shutil.copy(pathlib.Path(PROGRAM).with_name("bpg-mount"), program)
    words = ["setpriv", "--reuid", str(USER.pw_uid), "--clear-groups", program, "check"]
    result = subprocess.run(words, env={**os.environ, "SUDO_UID": str(USER.pw_uid)}, cwd="/", capture_output=True, text=True)
    assert result.returncode != 0 and "by sudo" in result.stderr


def test_another_user_of_the_name_gets_nothing(delegated):
    os.chown(PLACE / ".lock", USER.pw_uid + 1, 0)
    refused(f"another user of the name '{USER.pw_name}'", "check")


@pytest.mark.parametrize("change", [
    lambda: (PLACE / "volumes").chmod(0o775),
    lambda: PLACE.chmod(0o777),
    lambda: os.chown(PLACE / "volumes", USER.pw_uid, 0),
    lambda: os.chown(PLACE / "dataset", USER.pw_uid, 0),
    lambda: (PLACE / "dataset").chmod(0o666),
    lambda: [(PLACE / "volumes").rename(PLACE / "away"), (PLACE / "volumes").symlink_to(PLACE / "away")],
], ids=["volumes for the group", "place for all", "volumes of the user", "record of the user", "record for all", "a link"])
def test_a_place_that_is_not_roots_alone_is_refused(delegated, change):
    change()
    refused("can be changed by others than root", "check")
    refused("can be changed by others than root", "mount", VOLUME)
