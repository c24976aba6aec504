"""After a reboot: what ran runs again, with the same URL and data, and nobody had to ask for it."""

import pathlib

from delegated import PLACE, USER, dev, sudoers
from installed import boot_id, health, kept, unit_state


def test_it_was_a_reboot():
    assert kept()["boot"] != boot_id()


def test_zfs_is_the_kernels():
    assert pathlib.Path("/sys/module/zfs/version").exists()
    assert health() == "healthy"


def test_the_unit_started_what_ran(bpg):
    assert unit_state("betterpg.service") == {"ActiveState=active", "Result=success"}
    assert len(bpg.servers()) == 2, "before any command has run"


def test_branches_are_what_they_were(bpg):
    assert bpg.told() == kept()["told"]
    assert bpg.rows("app/main") == [1, 2, 3]
    assert bpg.rows("app/runs") == [1, 2, 3, 4]
    bpg.assert_tidy()


def test_servers_had_been_stopped_and_not_killed(bpg):
    """The unit stops them on the way down, so they need no recovery."""
    for subject in ("app/main", "app/runs"):
        _, clean, since = bpg.ok("logs", subject, "-n", "100").out.rpartition("database system was shut down at")
        assert clean and "not properly shut down" not in since


def test_what_was_stopped_starts_with_its_data(bpg):
    bpg.ok("start", "app/stopped")
    assert bpg.rows("app/stopped") == [1, 2, 3]
    bpg.ok("branch", "create", "app/later", "--from", "app/runs")
    assert bpg.rows("app/later") == [1, 2, 3, 4]
    for subject in ("app/later", "app/stopped"):
        bpg.ok("branch", "delete", subject, "--now")
    bpg.assert_tidy()


def test_a_users_own_branches_are_theirs_to_start(bpg):
    """Their volumes are mounted at boot; what is theirs runs when they say so."""
    home = dev()
    assert home.servers() == []
    assert {branch["subject"] for branch in home.json("start", "--wanted")} == {"app/main", "app/child"}
    assert (home.rows("app/main"), home.rows("app/child")) == ([1, 2, 3], [1, 2, 3, 4])
    home.ok("db", "delete", "app", "--force", "--now")
    assert "init --remove" in bpg.fails(5, "refused", "setup", "--user", USER, "--remove", "--yes")["hint"]
    home.ok("init", "--remove")
    bpg.ok("setup", "--user", USER, "--remove", "--yes")
    assert not PLACE.exists() and not sudoers()
