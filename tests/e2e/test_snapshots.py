"""Snapshots, on every kind of storage."""

import pytest

pytestmark = pytest.mark.storage


def rows(bpg, subject):
    return bpg.sql(subject, "SELECT count(*) FROM t")


def test_a_branch_of_an_older_snapshot(bpg):
    snapshot = bpg.json("snapshot", "create", "app", "--label", "before")
    assert (snapshot["subject"], snapshot["label"]) == ("app/main", "before")
    bpg.sql("app", "DELETE FROM t")
    bpg.ok("branch", "create", "app/by-label", "--from", "app@before")
    bpg.ok("branch", "create", "app/by-id", "--from", f"app/main@{snapshot['id']}")
    assert (rows(bpg, "app/by-label"), rows(bpg, "app/by-id"), rows(bpg, "app")) == (3, 3, 0)


def test_reset_to_a_snapshot(bpg):
    bpg.ok("snapshot", "create", "app", "--label", "before")
    bpg.sql("app", "DROP TABLE t")
    bpg.ok("branch", "reset", "app/main", "--to", "before")
    assert rows(bpg, "app") == 3
    bpg.ok("branch", "undo", "app/main")
    assert bpg.sql("app", "SELECT to_regclass('t')") is None


def test_a_child_is_reset_to_its_parents_snapshot(bpg):
    bpg.ok("branch", "create", "app/dev")
    bpg.ok("snapshot", "create", "app", "--label", "before")
    bpg.sql("app", "DELETE FROM t")
    bpg.ok("branch", "reset", "app/dev", "--to", "before")
    assert rows(bpg, "app/dev") == 3


def test_main_has_nothing_to_be_reset_to(bpg):
    error = bpg.fails(5, "refused", "branch", "reset", "app/main")
    assert "--to" in error["hint"]


def test_a_snapshot_survives_the_reset_of_its_branch(bpg):
    bpg.ok("branch", "create", "app/dev")
    bpg.sql("app/dev", "INSERT INTO t VALUES (4)")
    bpg.ok("snapshot", "create", "app/dev", "--label", "mine")
    bpg.ok("branch", "reset", "app/dev")
    kept = bpg.json("cleanup", "--now")
    assert [(entry["freed"], entry["held_by"]) for entry in kept] == [(False, "snapshot 'mine'")]
    bpg.ok("branch", "reset", "app/dev", "--to", "mine")
    assert rows(bpg, "app/dev") == 4


def test_a_snapshot_with_clones_is_deleted_when_they_are_gone(bpg):
    before = bpg.picture()
    bpg.ok("snapshot", "create", "app", "--label", "origin")
    bpg.ok("branch", "create", "app/dev", "--from", "app@origin")
    assert bpg.json("snapshot", "delete", "app@origin")["needed_by"] == ["app/dev"]
    assert bpg.json("snapshot", "list") == []
    assert rows(bpg, "app/dev") == 3
    bpg.ok("snapshot", "create", "app", "--label", "origin")
    bpg.ok("snapshot", "delete", "app@origin")
    bpg.ok("branch", "delete", "app/dev", "--now")
    assert bpg.picture() == before


def test_clean_up_by_number_and_age(bpg):
    for label in ("one", "two", "three"):
        bpg.ok("snapshot", "create", "app", "--label", label)
    would = bpg.json("snapshot", "cleanup", "app", "--keep", "1", "--dry-run")
    assert [snapshot["label"] for snapshot in would] == ["one", "two"]
    assert bpg.json("snapshot", "cleanup", "app", "--older-than", "1d") == []
    gone = bpg.json("snapshot", "cleanup", "--all", "--keep", "2", "--older-than", "1d", BPG_CLOCK_OFFSET="90000")
    assert [snapshot["label"] for snapshot in gone] == ["one"]
    assert [snapshot["label"] for snapshot in bpg.json("snapshot", "list", "app")] == ["two", "three"]


def test_labels_are_unique_in_a_branch(bpg):
    bpg.ok("snapshot", "create", "app", "--label", "same")
    bpg.fails(4, "already_exists", "snapshot", "create", "app", "--label", "same")
    bpg.ok("branch", "create", "app/dev")
    bpg.ok("snapshot", "create", "app/dev", "--label", "same")


def test_fast_is_for_atomic_storage(bpg):
    if bpg.atomic:
        assert bpg.json("snapshot", "create", "app", "--fast")["consistency"] == "crash"
        bpg.ok("branch", "create", "app/dev", "--fast")
        assert rows(bpg, "app/dev") == 3
    else:
        before = bpg.picture()
        bpg.fails(5, "refused", "snapshot", "create", "app", "--fast")
        bpg.fails(5, "refused", "branch", "create", "app/dev", "--fast")
        assert bpg.picture() == before


def test_consistency_is_told(bpg):
    assert bpg.json("snapshot", "create", "app")["consistency"] == ("checkpoint" if bpg.atomic else "labelled")
    bpg.ok("stop", "app")
    assert bpg.json("snapshot", "create", "app")["consistency"] == "clean"


def test_a_copy_that_lost_its_label_does_not_start(bpg):
    bpg.ok("branch", "create", "app/dev", "--no-start")
    label = bpg.volume("app/dev") / "data" / "backup_label"
    assert label.exists() is not bpg.atomic
    if not bpg.atomic:
        aside = label.rename(label.with_suffix(".aside"))
        bpg.fails(6, "postgres", "start", "app/dev")
        aside.rename(label)
    bpg.ok("start", "app/dev")
    assert rows(bpg, "app/dev") == 3
