"""Going back to a moment: where it lands, what it refuses, and what it leaves where it is broken off."""

import datetime
import json
import os
import pathlib
import re
import shutil
import signal

import pytest

from betterpg import eventually
from moments import archive_of, insert, lsn, now, refused, rows, rows_at, switch_wal, text

SECOND = datetime.timedelta(seconds=1)


def test_restore_brings_back_a_dropped_table(bpg):
    before = bpg.branch("app")
    url = bpg.ok("url", "app").out
    moment = now(bpg)
    bpg.sql("app", "DROP TABLE t")
    restored = bpg.json("branch", "restore", "app", "--at", moment)
    assert rows(bpg) == [1, 2, 3]
    assert bpg.ok("url", "app").out == url
    after = bpg.branch("app")
    assert after["port"] == before["port"] and after["volume"]["id"] != before["volume"]["id"]
    told = restored["restored"]
    assert told["volume"] == before["volume"]["id"]
    assert datetime.datetime.fromisoformat(told["time"]) == datetime.datetime.fromisoformat(moment)
    assert told["lsn"].count("/") == 1 and told["base"].startswith("snap_") and told["wal_segments"] >= 1
    bpg.ok("branch", "undo", "app")
    assert bpg.sql("app", "SELECT to_regclass('t')") is None
    assert bpg.ok("url", "app").out == url
    bpg.ok("branch", "undo", "app")
    insert(bpg, 4)
    assert rows(bpg) == [1, 2, 3, 4]


def test_a_recovered_volume_tells_without_the_catalog_where_it_comes_from(bpg):
    source = bpg.branch("app")["volume"]["id"]
    moment = now(bpg)
    insert(bpg, 4)
    first = bpg.json("branch", "restore", "app", "--at", moment)
    insert(bpg, 5)
    second = bpg.json("branch", "create", "app/again", "--at", now(bpg))
    for branch, came_from, timeline in ((first, source, 1), (second, first["volume"]["id"], 2)):
        told = json.loads((pathlib.Path(branch["volume"]["path"]) / "manifest.json").read_text())
        assert (told["volume"], told["recovered_from"]) == (branch["volume"]["id"], came_from)
        assert (told["fork_lsn"], told["timeline"]) == (branch["restored"]["lsn"], timeline)
        assert told["base"].startswith("snap_") and told["base"] != told["origin_snapshot"]


@pytest.mark.parametrize("driver", ["btrfs", "copy"])
def test_the_time_of_a_restore_is_estimated_by_those_before(new_bpg, driver):
    bpg = new_bpg(driver)
    bpg.ok("db", "create", "app")
    bpg.sql("app", "CREATE TABLE t (n int)")
    moment = now(bpg)
    insert(bpg, 4)

    def restore(name):
        return bpg.json("branch", "create", f"app/{name}", "--at", moment)["restored"]

    first, second, third = (restore(name) for name in "abc")
    assert first["estimated_seconds"] > 0 and first["seconds"] > 0
    assert first["wal_bytes"] == second["wal_bytes"] == third["wal_bytes"]
    assert second["estimated_seconds"] == pytest.approx(first["seconds"], abs=0.002), "the first takes the assumption's place"
    half_way = (second["estimated_seconds"] + second["seconds"]) / 2
    assert third["estimated_seconds"] == pytest.approx(half_way, abs=0.002)


def test_every_command_that_takes_a_moment(any_bpg):
    bpg = any_bpg
    moment = now(bpg)
    bpg.ok("branch", "create", "app/dev")
    insert(bpg, 4)
    for name, words in (("a", ["--at", moment]), ("b", ["--pitr", moment]), ("c", ["--from", f"app/main@{moment}"])):
        made = bpg.json("branch", "create", f"app/{name}", *words)
        assert made["restored"]["lsn"], made
        assert rows(bpg, f"app/{name}") == [1, 2, 3]
    insert(bpg, 5, "app/dev")
    assert bpg.json("branch", "reset", "app/dev", "--to", moment)["restored"]["lsn"]
    assert rows(bpg, "app/dev") == [1, 2, 3]
    printed = bpg.ok("exec", f"app@{moment}", "--", "psql", "-XAtc", "SELECT count(*) FROM t").out
    assert printed.strip() == "3"
    other = bpg.ok("db", "create", "other", "--template", f"app/main@{moment}").out
    assert re.search(r"\n  as it was on \S+, at \S+ on timeline 1\n  from base .*, with .* of WAL in .*, estimated: (about|less) ", other), other
    assert rows(bpg, "other") == [1, 2, 3]
    insert(bpg, 9, "other")
    later = now(bpg, "other")
    insert(bpg, 10, "other")
    bpg.ok("branch", "restore", "other", "--at", later)
    assert rows(bpg, "other") == [1, 2, 3, 9]
    assert rows(bpg) == [1, 2, 3, 4]


def test_a_moment_before_the_last_reset_is_of_the_volume_of_then(any_bpg):
    bpg = any_bpg
    bpg.ok("branch", "create", "app/dev")
    insert(bpg, 10, "app/dev")
    first = now(bpg, "app/dev")
    bpg.ok("branch", "reset", "app/dev")
    insert(bpg, 20, "app/dev")
    second = now(bpg, "app/dev")
    bpg.ok("branch", "restore", "app/dev", "--at", first)
    assert rows(bpg, "app/dev") == [1, 2, 3, 10]
    insert(bpg, 30, "app/dev")
    third = now(bpg, "app/dev")
    bpg.ok("branch", "restore", "app/dev", "--at", second)
    assert rows(bpg, "app/dev") == [1, 2, 3, 20]
    assert rows_at(bpg, third, "app/dev") == [1, 2, 3, 10, 30]
    assert rows_at(bpg, first, "app/dev") == [1, 2, 3, 10]


def test_a_moment_before_an_undo(any_bpg):
    """The volume of then is the present one again: its history goes on."""
    bpg = any_bpg
    bpg.ok("branch", "create", "app/dev")
    insert(bpg, 10, "app/dev")
    first = now(bpg, "app/dev")
    bpg.ok("branch", "reset", "app/dev")
    insert(bpg, 20, "app/dev")
    second = now(bpg, "app/dev")
    bpg.ok("branch", "undo", "app/dev")
    third = now(bpg, "app/dev")
    assert rows_at(bpg, first, "app/dev") == [1, 2, 3, 10]
    assert rows_at(bpg, second, "app/dev") == [1, 2, 3, 20]
    assert rows_at(bpg, third, "app/dev") == [1, 2, 3, 10]
    insert(bpg, 40, "app/dev")
    assert rows_at(bpg, first, "app/dev") == [1, 2, 3, 10]
    assert rows_at(bpg, third, "app/dev") == [1, 2, 3, 10]
    history = bpg.json("branch", "history", "app/dev")
    assert [entry["came_by"] for entry in history] == ["undo", "reset", "create"]
    assert history[0]["until"] is None and history[0]["restorable"]["until"] is None
    for entry in history[1:]:
        assert entry["from"] <= entry["restorable"]["from"] <= entry["restorable"]["until"] <= entry["until"]


@pytest.mark.parametrize("bpg", ["btrfs", "reflink"], indirect=True)
def test_two_restores_from_one_snapshot(bpg):
    bpg.ok("snapshot", "create", "app", "--label", "s")
    moments = []
    for n in (4, 5, 6):
        insert(bpg, n)
        moments.append(now(bpg))
    insert(bpg, 7)
    assert rows_at(bpg, moments[0]) == [1, 2, 3, 4]
    assert rows_at(bpg, moments[2]) == [1, 2, 3, 4, 5, 6]
    assert rows_at(bpg, moments[1]) == [1, 2, 3, 4, 5]
    assert rows_at(bpg, moments[1]) == [1, 2, 3, 4, 5]  # and the same again
    assert rows_at(bpg, "s") == [1, 2, 3]


@pytest.mark.parametrize("bpg", ["btrfs", "copy"], indirect=True)
def test_a_restore_of_a_restore_of_a_restore(bpg):
    expected = [1, 2, 3]
    for n in (10, 20, 30):
        insert(bpg, n)
        expected.append(n)
        moment = now(bpg)
        insert(bpg, n + 1)
        bpg.ok("branch", "restore", "app", "--at", moment)
        assert rows(bpg) == expected
    timeline = bpg.superuser("app", "SELECT timeline_id FROM pg_control_checkpoint()")
    assert int(timeline) >= 4
    insert(bpg, 40)
    moment = now(bpg)
    bpg.ok("branch", "create", "app/dev", "--at", moment)
    insert(bpg, 50, "app/dev")
    after = now(bpg, "app/dev")
    insert(bpg, 60, "app/dev")
    assert rows_at(bpg, after, "app/dev") == [*expected, 40, 50]


def test_an_idle_database(any_bpg):
    bpg = any_bpg
    moment = now(bpg)
    eventually(lambda: datetime.datetime.fromisoformat(now(bpg)) > datetime.datetime.fromisoformat(moment) + SECOND, "the clock stands")
    assert rows_at(bpg, "1s ago") == [1, 2, 3]
    assert rows_at(bpg, moment) == [1, 2, 3]
    bpg.ok("branch", "restore", "app", "--at", "1s ago")
    assert rows(bpg) == [1, 2, 3]


@pytest.mark.parametrize("bpg", ["btrfs", "reflink"], indirect=True)
def test_right_after_creation(bpg):
    bpg.ok("branch", "create", "app/dev")
    moment = now(bpg, "app/dev")
    insert(bpg, 4, "app/dev")
    assert rows_at(bpg, moment, "app/dev") == [1, 2, 3]
    bpg.ok("branch", "restore", "app/dev", "--at", moment)
    again = now(bpg, "app/dev")
    insert(bpg, 5, "app/dev")
    assert rows_at(bpg, again, "app/dev") == [1, 2, 3]


def test_transactions(any_bpg):
    bpg = any_bpg
    with bpg.connect("app") as connection:
        def run(sql):
            return connection.execute(sql).fetchone()[0]

        connection.execute("BEGIN; INSERT INTO t VALUES (4); SAVEPOINT a")
        connection.execute("INSERT INTO t VALUES (5)")
        sub = run("SELECT xmin::text FROM t WHERE n = 5")
        top = run("SELECT xmin::text FROM t WHERE n = 4")
        connection.execute("COMMIT")
        connection.execute("BEGIN; INSERT INTO t VALUES (99)")
        aborted = run("SELECT xmin::text FROM t WHERE n = 99")
        connection.execute("ROLLBACK")
        connection.execute("INSERT INTO t VALUES (6)")
    assert sub != top
    assert rows_at(bpg, f"xid:{sub}") == [1, 2, 3, 4, 5]
    assert rows_at(bpg, f"xid:{top}") == [1, 2, 3, 4, 5]
    assert rows_at(bpg, f"xid:{aborted}") == [1, 2, 3, 4, 5]
    assert refused(bpg, 3, "not_found", "branch", "restore", "app", "--at", f"xid:{int(aborted) + 1000}")["hint"]
    assert bpg.json("branch", "restore", "app", "--at", f"xid:{top}")["restored"]["time"]
    assert rows(bpg) == [1, 2, 3, 4, 5]


def test_places_in_the_wal(any_bpg):
    bpg = any_bpg
    places = {}
    for n in (4, 5, 6):
        insert(bpg, n)
        places[n] = lsn(bpg)
    switch_wal(bpg)
    behind = lsn(bpg)  # nothing stands there yet
    assert rows_at(bpg, behind) == [1, 2, 3, 4, 5, 6]
    insert(bpg, 7)
    for n, place in places.items():
        assert rows_at(bpg, place) == list(range(1, n + 1))
    assert rows_at(bpg, behind) == [1, 2, 3, 4, 5, 6]
    for place in ("0/1000", "FF/1000"):
        assert refused(bpg, 3, "not_found", "branch", "restore", "app", "--at", place)["hint"]


def test_restore_points(any_bpg):
    bpg = any_bpg
    bpg.ok("restore-point", "create", "app", "one")
    insert(bpg, 4)
    bpg.superuser("app", "SELECT pg_create_restore_point('with two blanks')")
    insert(bpg, 5)
    assert rows_at(bpg, "@one") == [1, 2, 3]
    assert rows_at(bpg, "@with two blanks") == [1, 2, 3, 4]
    assert refused(bpg, 3, "not_found", "branch", "restore", "app", "--at", "@two")["hint"]
    bpg.fails(4, "already_exists", "restore-point", "create", "app", "one")
    assert bpg.ok("exec", "app@@one", "--", "psql", "-XAtc", "SELECT count(*) FROM t").out.strip() == "3"
    bpg.ok("branch", "restore", "app", "--at", "@with two blanks")
    assert rows(bpg) == [1, 2, 3, 4]
    assert rows_at(bpg, "@one") == [1, 2, 3]  # of the volume of then


def test_a_snapshot_with_the_name_of_a_time(any_bpg):
    bpg = any_bpg
    bpg.ok("snapshot", "create", "app", "--label", "today")
    insert(bpg, 4)
    assert rows_at(bpg, "today") == [1, 2, 3]
    restored = bpg.json("branch", "restore", "app", "--at", "today")
    assert "restored" not in restored or restored["restored"] is None or restored["restored"]["wal_segments"] == 0
    assert rows(bpg) == [1, 2, 3]


def test_a_foreign_history_in_the_archive(any_bpg):
    """Somebody else's timeline 2, which begins in the middle of what is to be recovered, leads nowhere."""
    bpg = any_bpg
    insert(bpg, 4)
    place = lsn(bpg)
    insert(bpg, 5)
    moment = now(bpg)
    insert(bpg, 6)
    bpg.ok("branch", "create", "app/dev", "--at", place)
    switch_wal(bpg, "app/dev")
    histories = list(archive_of(bpg, "app/dev").glob("*.history.z"))
    assert histories
    for history in histories:
        foreign = archive_of(bpg) / history.name
        shutil.copy(history, foreign)
        os.chown(foreign, history.stat().st_uid, history.stat().st_gid)
    assert rows_at(bpg, moment) == [1, 2, 3, 4, 5]
    bpg.ok("branch", "restore", "app", "--at", moment)
    assert rows(bpg) == [1, 2, 3, 4, 5]


def test_a_prepared_transaction_in_flight(one_of_each):
    """With settings that had room for it only then: less before and less now."""
    bpg = one_of_each
    bpg.ok("snapshot", "create", "app")
    bpg.ok("branch", "set", "app", "max_prepared_transactions=7", "max_connections=150", "max_locks_per_transaction=128")
    bpg.ok("restart", "app")
    with bpg.connect("app") as connection:
        for n in range(4, 11):
            connection.execute(f"BEGIN; INSERT INTO t VALUES ({n})")
            connection.execute(f"PREPARE TRANSACTION 'p{n}'")
        moment = now(bpg)
        for n in range(4, 11):
            connection.execute(f"ROLLBACK PREPARED 'p{n}'")
    bpg.ok("branch", "set", "app", "max_prepared_transactions=0", "max_connections=20", "max_locks_per_transaction=64")
    bpg.ok("restart", "app")
    insert(bpg, 99)
    bpg.ok("branch", "create", "app/dev", "--at", moment)
    assert rows(bpg, "app/dev") == [1, 2, 3]
    with bpg.connect("app/dev") as connection:
        assert connection.execute("SELECT count(*) FROM pg_prepared_xacts").fetchone() == (7,)
        for n in range(4, 11):
            connection.execute(f"COMMIT PREPARED 'p{n}'")
    assert rows(bpg, "app/dev") == list(range(1, 11))
    bpg.ok("restart", "app/dev")
    assert rows(bpg, "app/dev") == list(range(1, 11))


def test_recovery_settings_of_somebody_else(any_bpg):
    """As a backup tool leaves them in postgresql.auto.conf: they say nothing here."""
    bpg = any_bpg
    for name, value in (("recovery_target_time", "2020-01-01"), ("recovery_target_action", "shutdown"),
                        ("recovery_min_apply_delay", "1h"), ("recovery_target_timeline", "latest"), ("restore_command", "false")):
        bpg.superuser("app", f"ALTER SYSTEM SET {name} = '{value}'")
    bpg.ok("snapshot", "create", "app")
    insert(bpg, 4)
    moment = now(bpg)
    insert(bpg, 5)
    bpg.ok("branch", "restore", "app", "--at", moment)
    bpg.ok("restart", "app")
    assert rows(bpg) == [1, 2, 3, 4]
    assert "recovery_target_time" in (bpg.volume("app") / "data" / "postgresql.auto.conf").read_text()


def test_a_stopped_branch(any_bpg):
    bpg = any_bpg
    moment = now(bpg)
    insert(bpg, 4)
    bpg.ok("stop", "app")
    stopped = text(datetime.datetime.now(datetime.timezone.utc))
    bpg.ok("branch", "create", "app/dev", "--at", stopped)
    assert rows(bpg, "app/dev") == [1, 2, 3, 4]
    bpg.ok("branch", "restore", "app", "--at", moment)
    assert bpg.branch("app")["status"] == "stopped"
    bpg.ok("start", "app")
    assert rows(bpg) == [1, 2, 3]
    assert rows_at(bpg, stopped) == [1, 2, 3, 4]


def test_a_branch_that_never_ran(any_bpg):
    bpg = any_bpg
    bpg.ok("branch", "create", "app/dev", "--no-start")
    moment = text(datetime.datetime.now(datetime.timezone.utc))
    assert bpg.fails(5, "refused", "branch", "restore", "app/dev", "--at", moment)["hint"]
    bpg.fails(3, "not_found", "branch", "restore", "app/dev", "--at", "0/1000")
    bpg.ok("start", "app/dev")
    insert(bpg, 4, "app/dev")
    assert rows_at(bpg, moment, "app/dev") == [1, 2, 3]


def test_places_before_a_reset_of_a_stopped_branch(any_bpg):
    bpg = any_bpg
    bpg.ok("snapshot", "create", "app", "--label", "s")
    insert(bpg, 4)
    bpg.ok("restart", "app")
    place = lsn(bpg)
    insert(bpg, 5)
    moment = now(bpg)
    bpg.ok("stop", "app")
    bpg.ok("branch", "restore", "app", "--at", "s")
    assert rows_at(bpg, place) == [1, 2, 3, 4]
    assert rows_at(bpg, moment) == [1, 2, 3, 4, 5]
    bpg.ok("branch", "restore", "app", "--at", place)
    bpg.ok("start", "app")
    assert rows(bpg) == [1, 2, 3, 4]


def test_a_killed_branch(any_bpg):
    bpg = any_bpg
    insert(bpg, 4)
    early = now(bpg)
    insert(bpg, 5)
    switch_wal(bpg)
    insert(bpg, 6)
    late = now(bpg)
    bpg.kill_server("app")
    error = bpg.fails(5, "refused", "branch", "restore", "app", "--at", late)
    assert "killed" in error["message"] and "bpg start app" in error["hint"]
    assert rows_at(bpg, early) == [1, 2, 3, 4]
    bpg.ok("start", "app")
    insert(bpg, 7)
    assert rows_at(bpg, late) == [1, 2, 3, 4, 5, 6]
    bpg.ok("branch", "restore", "app", "--at", late)
    assert rows(bpg) == [1, 2, 3, 4, 5, 6]


def test_a_branch_that_was_killed_and_left(any_bpg):
    bpg = any_bpg
    bpg.ok("branch", "create", "app/dev")
    switch_wal(bpg, "app/dev")
    insert(bpg, 4, "app/dev")
    late = now(bpg, "app/dev")
    bpg.kill_server("app/dev")
    left = bpg.branch("app/dev")["volume"]["id"]
    bpg.ok("branch", "reset", "app/dev")
    bpg.ok("start", "app/dev")
    error = bpg.fails(5, "refused", "branch", "restore", "app/dev", "--at", late)
    assert f"bpg branch undo app/dev --to {left}" in error["hint"]
    bpg.ok("branch", "undo", "app/dev", "--to", left)
    assert rows_at(bpg, late, "app/dev") == [1, 2, 3, 4]


def test_a_base_outlives_what_was_cut_from_it(any_bpg):
    bpg = any_bpg
    moment = now(bpg)
    insert(bpg, 4)
    for _ in range(2):
        assert rows_at(bpg, moment) == [1, 2, 3]
        bpg.ok("cleanup", "--now")
    bpg.ok("snapshot", "cleanup", "app", "--keep", "0")
    assert rows_at(bpg, moment) == [1, 2, 3]


def test_missing_and_damaged_segments(any_bpg):
    bpg = any_bpg
    before = now(bpg)
    insert(bpg, 4)
    first = switch_wal(bpg)
    insert(bpg, 5)
    switch_wal(bpg)
    moment = now(bpg)
    place = lsn(bpg)
    insert(bpg, 6)
    good = first.read_bytes()
    first.unlink()
    for at in (moment, place, "1ms ago"):
        error = refused(bpg, *((3, "not_found") if at == place else (5, "refused")), "branch", "restore", "app", "--at", at)
        assert error["hint"], error
        assert at == place or first.name.removesuffix(".z") in error["message"], error
    first.write_bytes(good[:2000] + bytes([good[2000] ^ 1]) + good[2001:])
    error = refused(bpg, 5, "refused", "branch", "restore", "app", "--at", moment)
    assert first.name.removesuffix(".z") in error["message"] and "damaged" in error["message"], error
    first.write_bytes(b"garbage")
    assert first.name.removesuffix(".z") in refused(bpg, 5, "refused", "branch", "restore", "app", "--at", moment)["message"]
    first.write_bytes(good)
    bpg.ok("branch", "restore", "app", "--at", moment)
    assert rows(bpg) == [1, 2, 3, 4, 5]
    assert rows_at(bpg, before) == [1, 2, 3]


def test_an_archive_that_is_gone(any_bpg):
    bpg = any_bpg
    moment = now(bpg)
    insert(bpg, 4)
    switch_wal(bpg)
    archive = archive_of(bpg)
    aside = archive.with_name("aside")
    archive.rename(aside)
    try:
        error = refused(bpg, 6, "storage", "branch", "restore", "app", "--at", moment)
        assert str(archive) in error["message"] and error["hint"]
    finally:
        aside.rename(archive)
    bpg.ok("branch", "restore", "app", "--at", moment)
    assert rows(bpg) == [1, 2, 3]


def test_moments_that_cannot_be(any_bpg):
    bpg = any_bpg
    restore = ["branch", "restore", "app", "--at"]
    moment = now(bpg)
    error = refused(bpg, 2, "usage", *restore, text(datetime.datetime.now(datetime.timezone.utc) + 3600 * SECOND))
    assert "future" in error["message"]
    error = refused(bpg, 3, "not_found", *restore, "2020-01-01T00:00:00Z")
    assert "did not exist" in error["message"] and error["hint"]
    refused(bpg, 2, "usage", *restore, "now")
    refused(bpg, 2, "usage", *restore, "")
    refused(bpg, 2, "usage", *restore, "half past two")
    refused(bpg, 3, "not_found", *restore, "no-such-snapshot")
    refused(bpg, 3, "not_found", "branch", "create", "app/x", "--at", "2020-01-01T00:00:00Z")
    bpg.ok("branch", "protect", "app")
    assert "protected" in refused(bpg, 5, "refused", *restore, moment)["message"]
    assert rows_at(bpg, moment) == [1, 2, 3]
    bpg.ok("branch", "unprotect", "app")
    bpg.ok("branch", "create", "app/dev", "--no-archive")
    insert(bpg, 4, "app/dev")
    for at in (now(bpg, "app/dev"), lsn(bpg, "app/dev"), "xid:1000", "@x"):
        error = bpg.fails(5, "refused", "branch", "restore", "app/dev", "--at", at)
        assert "not archived" in error["message"] and error["hint"]
    bpg.fails(5, "refused", "restore-point", "create", "app/dev", "x")


def test_what_was_freed_is_not_found(any_bpg):
    bpg = any_bpg
    moment = now(bpg)
    insert(bpg, 4)
    bpg.ok("branch", "restore", "app", "--at", moment, "--now")
    assert rows(bpg) == [1, 2, 3]
    bpg.ok("cleanup", "--now")
    assert "freed" in refused(bpg, 3, "not_found", "branch", "restore", "app", "--at", moment)["message"]


def test_killed_at_every_step(any_bpg):
    """The next command brings back what was, or finds it done."""
    bpg = any_bpg

    def command():
        return ["branch", "restore", "app", "--at", moment]

    moment = now(bpg)
    insert(bpg, 4)
    steps = bpg.steps(*command())
    assert {"switch WAL", "check WAL", "clone", "stop server", "recover", "take base", "store result"} <= set(steps)
    assert rows(bpg) == [1, 2, 3]
    bpg.ok("branch", "undo", "app")
    bpg.ok("cleanup", "--now")
    volume = bpg.branch("app")["volume"]["id"]
    before = bpg.picture(), rows(bpg)
    for step in steps:
        for action in ("kill", "fail-after") if step in ("recover", "take base") else ("kill",):
            if step == "switch WAL":
                moment = now(bpg)  # an earlier one is in the archive already
            failed = bpg.run(*command(), BPG_FAULT=f"{step}:{action}")
            assert failed.status == (-signal.SIGKILL if action == "kill" else 1), f"{step}:{action}: {failed.err}"
            found = bpg.picture(), rows(bpg)
            bpg.assert_tidy()
            if bpg.branch("app")["volume"]["id"] != volume:
                bpg.ok("branch", "undo", "app")
                bpg.ok("cleanup", "--now")
                found = bpg.picture(), rows(bpg)
            assert found == before, f"{step}:{action}"
    bpg.ok(*command())
    assert rows(bpg) == [1, 2, 3, 4]


@pytest.mark.parametrize("words", ["branch create app/new --at {}", "exec app@{} -- true", "branch reset app/dev --to {}"])
def test_others_killed_in_the_middle(any_bpg, words):
    bpg = any_bpg
    bpg.ok("branch", "create", "app/dev")
    command = words.format(now(bpg)).split()
    insert(bpg, 4)
    before = bpg.picture()
    for step in ("recover", "settle", "open endpoint", "run command" if "exec" in words else "store result"):
        failed = bpg.run(*command, BPG_FAULT=f"{step}:kill")
        assert failed.status == -signal.SIGKILL, failed.err
        assert bpg.picture() == before, step
        bpg.assert_tidy()
    bpg.ok(*command)


def much_wal(bpg):
    """A moment to which recovery takes long enough to be broken off."""
    bpg.sql("app", "CREATE TABLE big (i int, s text)")
    for _ in range(4):
        bpg.sql("app", "INSERT INTO big SELECT i, md5(i::text) FROM generate_series(1, 200000) i")
    return now(bpg)


def test_interrupted_in_recovery(any_bpg):
    bpg = any_bpg
    moment = much_wal(bpg)
    insert(bpg, 4)
    before = bpg.picture(), rows(bpg), bpg.branch("app")["volume"]["id"]
    process = bpg.start("branch", "restore", "app", "--at", moment, "-v")
    recovering = []

    def in_recovery():
        recovering[:] = [pid for pid, command in bpg.processes() if "recovery_target_lsn" in command]
        return recovering or process.poll() is not None

    eventually(in_recovery, "no recovery begins", 300)
    assert recovering, process.communicate()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 130, out + err
    assert (bpg.picture(), rows(bpg), bpg.branch("app")["volume"]["id"]) == before
    bpg.assert_tidy()
    bpg.ok("branch", "restore", "app", "--at", moment)
    assert rows(bpg) == [1, 2, 3]
    assert bpg.sql("app", "SELECT count(*) FROM big") == 800000


def test_what_is_not_committed_is_not_there(one_of_each):
    bpg = one_of_each
    with bpg.connect("app") as connection:
        connection.execute("BEGIN; INSERT INTO t SELECT generate_series(1000, 200000)")
        insert(bpg, 4)
        moment = now(bpg)
        connection.execute("INSERT INTO t VALUES (999)")
        connection.execute("COMMIT")
    assert rows_at(bpg, moment) == [1, 2, 3, 4]
    bpg.ok("branch", "restore", "app", "--at", moment)
    assert rows(bpg) == [1, 2, 3, 4]


def test_ddl_unlogged_tables_and_extensions(any_bpg):
    bpg = any_bpg
    bpg.sql("app", "CREATE UNLOGGED TABLE u AS SELECT 1 AS i; CREATE INDEX ON t (n); ALTER TABLE t ADD COLUMN s text DEFAULT 'x'")
    bpg.superuser("app", "CREATE EXTENSION citext")
    moment = now(bpg)
    bpg.sql("app", "ALTER TABLE t DROP COLUMN s; DROP TABLE u; CREATE TABLE later (i int); TRUNCATE t")
    bpg.superuser("app", "DROP EXTENSION citext")
    bpg.superuser("app", "CREATE DATABASE later")
    bpg.ok("branch", "restore", "app", "--at", moment)
    assert bpg.sql("app", "SELECT string_agg(n || s, ',' ORDER BY n) FROM t") == "1x,2x,3x"
    assert bpg.sql("app", "SELECT count(*) FROM u") == 0
    bpg.sql("app", "INSERT INTO u VALUES (1)")
    assert bpg.sql("app", "SELECT 'A'::citext = 'a'::citext")
    assert bpg.sql("app", "SELECT to_regclass('later')") is None
    assert bpg.superuser("app", "SELECT count(*) FROM pg_database WHERE datname = 'later'") == "0"


def test_a_name_is_no_more_than_a_name(any_bpg):
    """Restored under another name, and the archive of the restored goes on by itself."""
    bpg = any_bpg
    moment = now(bpg)
    insert(bpg, 4)
    bpg.ok("branch", "create", "app/dev")
    bpg.ok("branch", "rename", "app/dev", "other")
    bpg.ok("branch", "restore", "app", "--at", moment)
    assert rows(bpg, "app/other") == [1, 2, 3, 4]
    assert os.listdir(archive_of(bpg))
    for settings in (("recovery_target_lsn", ""), ("restore_command", "")):
        bpg.ok("restart", "app")
        assert bpg.superuser("app", f"SHOW {settings[0]}") == settings[1]
    assert bpg.superuser("app", "SHOW archive_command").count(bpg.branch("app")["volume"]["id"]) == 2


@pytest.mark.parametrize("bpg", ["reflink", "copy"], indirect=True)
def test_a_base_holds_the_history_of_its_timeline(bpg):
    """The archive may not have it yet when somebody restores to a moment right after a restore."""
    bpg.ok("restore-point", "create", "app", "here")
    bpg.ok("branch", "restore", "app", "--at", "@here")
    volume = bpg.volume("app")
    base = json.loads((volume / "manifest.json").read_text())["base"]
    assert (volume.parents[1] / "snapshots" / base / "data" / "pg_wal" / "00000002.history").exists()
