"""Snapshots that a schedule makes and deletes again. bpg's clock is shifted, so that hours and days pass at once."""

import contextlib
import datetime
import fcntl
import json
import math
import signal

import pytest

HOUR, DAY = 3600, 24 * 3600
# Far enough into the future that no clock of the test run comes near, and at the beginning of a day of UTC.
BEGIN = datetime.datetime(2031, 3, 3, tzinfo=datetime.timezone.utc)  # a Monday


def at(seconds):
    """The environment in which bpg's clock stands so long after BEGIN, or up to a second later."""
    offset = BEGIN + datetime.timedelta(seconds=seconds) - datetime.datetime.now(datetime.timezone.utc)
    return {"BPG_CLOCK_OFFSET": str(math.ceil(offset.total_seconds()))}


def schedule(bpg, subject, keep):
    return bpg.json("snapshot", "schedule", subject, "--keep", keep)


def tick(bpg, seconds, *options):
    """What a tick at that time did: {subject: entry}."""
    return {entry["subject"]: entry for entry in bpg.json("snapshot", "tick", *options, **at(seconds))}


def scheduled(bpg, subject):
    """The ids of the scheduled snapshots, oldest first."""
    return [snapshot["id"] for snapshot in bpg.json("snapshot", "list", subject) if snapshot["scheduled"]]


@pytest.fixture
def still(module_bpg):
    """app/main, stopped, since its snapshots need no server, and nothing else."""
    module_bpg.ok("stop", "app")
    yield module_bpg
    for subject in module_bpg.branches().keys() - {"app/main"}:
        module_bpg.ok("branch", "delete", subject, "--now")
    module_bpg.ok("snapshot", "schedule", "app", "--none")
    module_bpg.ok("snapshot", "cleanup", "--all", "--keep", "0")
    module_bpg.assert_tidy()


def test_a_schedule_is_set_shown_replaced_and_removed(still):
    none = still.json("snapshot", "schedule", "app")
    assert none == {"subject": "app/main", "keep": None, "snapshots": 0, "latest_at": None, "due_at": None}
    assert "no schedule" in still.ok("snapshot", "schedule", "app").out
    assert still.json("snapshot", "schedule") == []
    assert "No branch has a schedule" in still.ok("snapshot", "schedule").out

    assert schedule(still, "app", "daily=7,hourly=24")["keep"] == {"hourly": 24, "daily": 7, "weekly": None, "monthly": None}
    replaced = schedule(still, "app", "monthly=6")
    assert replaced["keep"] == {"hourly": None, "daily": None, "weekly": None, "monthly": 6}
    assert replaced["due_at"]
    [shown] = still.json("snapshot", "schedule")
    assert shown["keep"] == replaced["keep"] == still.json("snapshot", "schedule", "app/main")["keep"]
    assert "monthly=6" in still.ok("snapshot", "schedule").out and "next tick" in still.ok("snapshot", "schedule", "app").out
    assert still.ok("snapshot", "schedule", "-q").out == "app/main\n"

    for _ in range(2):
        assert still.json("snapshot", "schedule", "app", "--none")["keep"] is None
    assert still.json("snapshot", "schedule") == []


def test_wrong_use(still):
    bpg = still
    for keep, hint in (("dayly=7", "'daily'"), ("daily", "daily=7"), ("daily=0", "at least 1"), ("", "daily=7"), ("daily=1,daily=2", "once")):
        assert hint in bpg.fails(2, "usage", "snapshot", "schedule", "app", "--keep", keep)["hint"]
    bpg.fails(2, "usage", "snapshot", "schedule", "--keep", "daily=7")
    bpg.fails(2, "usage", "snapshot", "schedule", "--none")
    bpg.fails(2, "usage", "snapshot", "schedule", "app", "--none", "--keep", "daily=7")
    bpg.fails(2, "usage", "snapshot", "tick", "app")
    for options in ([], ["--keep", "daily=7"], ["--none"]):
        assert "'app/main'" in bpg.fails(3, "not_found", "snapshot", "schedule", "app/mian", *options)["hint"]
    assert bpg.json("snapshot", "schedule") == []


def test_without_schedules_a_tick_does_nothing(still):
    still.ok("snapshot", "create", "app")
    before = still.picture()
    assert still.json("snapshot", "tick") == []
    assert "No branch has a schedule" in still.ok("snapshot", "tick").out
    assert still.picture() == before


def test_one_snapshot_for_each_period(still):
    assert schedule(still, "app", "hourly=24")["snapshots"] == 0
    first = tick(still, 0)["app/main"]
    assert (first["due"], first["deleted"], first["held"], first["error"]) == (True, [], None, None)
    assert first["made"]["scheduled"] and first["made"]["consistency"] == "clean"
    assert [(kept["id"], kept["kept_by"]) for kept in first["kept"]] == [(first["made"]["id"], ["hourly"])]

    again = tick(still, HOUR - 10)["app/main"]
    assert (again["due"], again["made"], len(again["kept"])) == (False, None, 1)
    assert still.ok("snapshot", "tick", **at(HOUR - 5)).out == "There is nothing to do.\n"
    shown = still.json("snapshot", "schedule", "app")
    assert (shown["snapshots"], shown["latest_at"], shown["due_at"]) == (1, first["made"]["created_at"], "2031-03-03T01:00:00Z")
    assert "next tick" in still.ok("snapshot", "schedule", "app", **at(HOUR + 5)).out

    assert "took snap_" in still.ok("snapshot", "tick", **at(HOUR + 5)).out
    assert len(scheduled(still, "app")) == 2
    assert still.ok("snapshot", "list", "app").out.count("(scheduled)") == 2


def test_what_no_unit_keeps_is_deleted(still):
    schedule(still, "app", "hourly=2,daily=2")
    first, second, third, fourth = (tick(still, hours * HOUR)["app/main"]["made"]["id"] for hours in (22, 23, 24, 25))
    # The second is the newest of its day.
    assert scheduled(still, "app") == [second, third, fourth]
    would = tick(still, 26 * HOUR, "--dry-run")["app/main"]
    assert (would["due"], would["made"]) == (True, None)
    assert [(kept["id"], kept["kept_by"]) for kept in would["kept"]] == [(second, ["daily"]), (fourth, ["hourly"])]
    assert [deleted["id"] for deleted in would["deleted"]] == [third]
    page = still.ok("snapshot", "tick", "--dry-run", **at(26 * HOUR)).out
    assert "would take one of app/main" in page and f"would delete {third} of app/main" in page
    assert f"would keep {second}" in page and "daily" in page
    assert scheduled(still, "app") == [second, third, fourth]

    page = still.ok("snapshot", "tick", **at(26 * HOUR)).out
    assert f"deleted {third} of app/main from 2031-03-04T00:00:0" in page and "no unit keeps it" in page
    assert len(scheduled(still, "app")) == 3 and third not in scheduled(still, "app")
    still.fails(3, "not_found", "snapshot", "get", third)


def test_a_smaller_schedule_deletes_more(still):
    schedule(still, "app", "hourly=5")
    made = [tick(still, hours * HOUR)["app/main"]["made"]["id"] for hours in range(3)]
    schedule(still, "app", "hourly=1")
    assert scheduled(still, "app") == made  # only a tick deletes
    entry = tick(still, 2 * HOUR + 60)["app/main"]
    assert (entry["due"], [deleted["id"] for deleted in entry["deleted"]]) == (False, made[:2])
    assert scheduled(still, "app") == made[2:]


def test_only_what_the_schedule_made_is_deleted(still):
    mine = still.json("snapshot", "create", "app", "--label", "mine")["id"]
    unnamed = still.json("snapshot", "create", "app")["id"]
    schedule(still, "app", "hourly=1")
    tick(still, 0)
    tick(still, HOUR)
    assert len(scheduled(still, "app")) == 1
    left = {snapshot["id"]: snapshot["scheduled"] for snapshot in still.json("snapshot", "list", "app")}
    assert len(left) == 3 and (left[mine], left[unnamed]) == (False, False)
    still.ok("snapshot", "schedule", "app", "--none")
    assert tick(still, 9 * DAY) == {}
    assert len(scheduled(still, "app")) == 1
    assert "of an earlier schedule stays" in still.ok("snapshot", "schedule", "app").out


def test_scheduled_snapshots_are_as_good_as_any(still):
    bpg = still
    bpg.ok("start", "app")
    schedule(bpg, "app", "hourly=1")
    first = tick(bpg, 0)["app/main"]["made"]["id"]
    bpg.sql("app", "DELETE FROM t")
    bpg.ok("branch", "create", "app/dev", "--from", f"app@{first}")
    assert bpg.sql("app/dev", "SELECT count(*) FROM t") == 3
    bpg.ok("branch", "reset", "app", "--to", first)
    assert bpg.sql("app", "SELECT count(*) FROM t") == 3
    # Its clones outlive it, and the branch's new volume is in the schedule as the old one was.
    [deleted] = tick(bpg, HOUR, "--dry-run")["app/main"]["deleted"]
    assert (deleted["id"], set(deleted["needed_by"])) == (first, {"app/dev", "app/main"})
    assert "when these are gone" in bpg.ok("snapshot", "tick", **at(HOUR)).out
    assert first not in scheduled(bpg, "app") and len(scheduled(bpg, "app")) == 1
    assert bpg.sql("app/dev", "SELECT count(*) FROM t") == 3


@pytest.mark.parametrize("seconds", [-10, -9 * DAY])
def test_a_clock_that_went_back_makes_and_deletes_nothing(still, seconds):
    schedule(still, "app", "hourly=5")
    made = [tick(still, hours * HOUR)["app/main"]["made"] for hours in range(2)]
    schedule(still, "app", "hourly=1")
    entry = tick(still, HOUR + seconds)["app/main"]
    assert (entry["due"], entry["made"], entry["deleted"]) == (False, None, [])
    assert made[1]["id"] in entry["held"] and made[1]["created_at"] in entry["held"]
    assert "left app/main alone: the clock says" in still.ok("snapshot", "tick", **at(HOUR + seconds)).out
    assert len(scheduled(still, "app")) == 2
    # Somebody sees that the newest is from a time that never was.
    still.ok("snapshot", "delete", made[1]["id"])
    assert bool(tick(still, HOUR + seconds)["app/main"]["held"]) == (seconds == -9 * DAY)


def test_a_deleted_branch_waits_with_its_schedule(still):
    still.ok("branch", "create", "app/dev", "--no-start")
    schedule(still, "app/dev", "hourly=3")
    tick(still, 0)
    still.ok("branch", "delete", "app/dev")
    assert still.json("snapshot", "schedule") == []
    assert tick(still, HOUR) == {}
    still.fails(3, "not_found", "snapshot", "schedule", "app/dev")
    still.ok("branch", "create", "app/dev", "--no-start")
    assert still.json("snapshot", "schedule") == []  # another branch of that name
    still.ok("branch", "delete", "app/dev", "--now")
    still.ok("branch", "undelete", "app/dev")
    assert still.json("snapshot", "schedule", "app/dev")["keep"]["hourly"] == 3
    assert tick(still, HOUR)["app/dev"]["made"]
    assert len(scheduled(still, "app/dev")) == 2
    still.ok("branch", "rename", "app/dev", "renamed")
    assert tick(still, 2 * HOUR).keys() == {"app/renamed"}


@contextlib.contextmanager
def locked(bpg, name):
    """As if another command were at work on it."""
    with open(bpg.home / "locks" / f"{name}.lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield {"BPG_LOCK_WAIT": "1s"}


def test_a_branch_that_fails_loses_nothing_and_holds_nobody_up(still):
    dev = still.json("branch", "create", "app/dev", "--no-start")["id"]
    for subject in ("app", "app/dev"):
        schedule(still, subject, "hourly=5")
    for hours in range(2):
        tick(still, hours * HOUR)
    for subject in ("app", "app/dev"):
        schedule(still, subject, "hourly=1")
    before = {subject: scheduled(still, subject) for subject in ("app", "app/dev")}
    assert [len(snapshots) for snapshots in before.values()] == [2, 2]

    every = still.run("snapshot", "tick", "-o", "json", BPG_FAULT="store intent:fail", **at(2 * HOUR))
    assert every.status == 1
    assert "app/main: injected failure" in every.error["message"] and "app/dev: injected failure" in every.error["message"]
    assert {subject: scheduled(still, subject) for subject in before} == before

    with locked(still, dev) as wait:
        one = still.run("snapshot", "tick", "-o", "json", **wait, **at(2 * HOUR))
    assert (one.status, one.error["code"]) == (7, "busy")
    entries = {entry["subject"]: entry for entry in json.loads(one.out)}
    assert "another command" in entries["app/dev"]["error"] and entries["app/dev"]["deleted"] == []
    assert entries["app/main"]["error"] is None and len(entries["app/main"]["deleted"]) == 2
    assert (len(scheduled(still, "app")), scheduled(still, "app/dev")) == (1, before["app/dev"])
    assert tick(still, 2 * HOUR + 60)["app/dev"]["made"]
    assert len(scheduled(still, "app/dev")) == 1


def test_one_tick_at_a_time(still):
    schedule(still, "app", "hourly=1")
    with locked(still, "snapshot-tick") as wait:
        assert "another 'bpg snapshot tick'" in still.fails(7, "busy", "snapshot", "tick", **wait)["message"]
        assert still.json("snapshot", "tick", "--dry-run", **wait)[0]["due"]
    ticks = [still.start("snapshot", "tick", "-q", **at(0)) for _ in range(3)]
    made = [process.communicate(timeout=60)[0] for process in ticks]
    assert [process.returncode for process in ticks] == [0, 0, 0]
    assert sorted(map(bool, made)) == [False, False, True]
    assert "".join(made).split() == scheduled(still, "app")


def test_a_tick_that_is_cut_short_is_ended_by_the_next(still):
    schedule(still, "app", "hourly=1")
    old = tick(still, 0)["app/main"]["made"]["id"]
    for hours, fault in enumerate(("store intent:kill-after", "store result:kill", "store result:kill-after", "begin deletion:kill",
                                   "begin deletion:kill-after", "destroy snapshot:kill-after", "end deletion:fail"), 1):
        cut = still.run("snapshot", "tick", BPG_FAULT=fault, **at(hours * HOUR))
        assert cut.status == (1 if fault.endswith("fail") else -signal.SIGKILL), fault
        assert scheduled(still, "app"), f"there is one at each moment: {fault}"
        tick(still, hours * HOUR + 60)
        [new] = scheduled(still, "app")
        assert new != old, fault
        assert tick(still, hours * HOUR + 120)["app/main"]["made"] is None, fault
        old = new
        still.assert_tidy()
