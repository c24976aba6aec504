"""`bpg wal`: what archives hold, what is wrong with them, and how much of them is kept."""

import fcntl
import json
import os
import shutil

import pytest

from betterpg import eventually

DAY = 24 * 3600


def archive(bpg, subject="app"):
    return bpg.home / "wal-archive" / bpg.branch(subject)["volume"]["id"]


def segments(bpg, subject="app"):
    """Their names, oldest first."""
    return sorted(path.name[:-2] for path in archive(bpg, subject).glob("????????????????/*.z") if len(path.name) == 26)


def stored(bpg, name):
    return archive(bpg) / name[:16] / f"{name}.z"


def switch(bpg, subject="app"):
    """Ends a segment, and waits until it is archived; its name."""
    name = bpg.superuser(subject, "SELECT pg_walfile_name(pg_switch_wal())")
    eventually(lambda: name in segments(bpg, subject), f"{name} is not archived")
    return name


def add(bpg, number):
    """A row with this number; a moment at which it is there and nothing later."""
    bpg.sql("app", f"INSERT INTO t VALUES ({number})")
    return bpg.sql("app", "SELECT clock_timestamp()").isoformat()


def info(bpg, subject="app"):
    return bpg.json("wal", "info", subject)[0]


@pytest.fixture
def five(any_bpg):
    """app/main with the rows 1 to 5, its segments, and the moments after rows 4 and 5; snapshot 'mid' between these."""
    bpg = any_bpg
    bpg.moments = {4: add(bpg, 4)}
    bpg.first = switch(bpg)
    add(bpg, 4)
    switch(bpg)
    bpg.ok("snapshot", "create", "app", "--label", "mid")
    switch(bpg)
    bpg.moments[5] = add(bpg, 5)
    bpg.last = switch(bpg)
    add(bpg, 6)
    switch(bpg)
    return bpg


def rows_at(bpg, moment):
    bpg.ok("branch", "create", "app/look", "--from", "app/main", "--at", moment)
    count = bpg.sql("app/look", "SELECT max(n) FROM t")
    bpg.ok("branch", "delete", "app/look", "--now")
    return count


def test_info_tells_what_an_archive_holds(five):
    bpg = five
    told = info(bpg)
    names = segments(bpg)
    assert (told["state"], told["archived"], told["problem"], told["gaps"], told["damaged"]) == ("present", True, None, [], 0)
    assert (told["segments"], told["first_segment"], told["last_segment"]) == (len(names), names[0], names[-1])
    assert told["bytes"] >= len(names) * 16 * 2**20 > 10 * told["stored_bytes"] > 0
    files = [path for path in archive(bpg).rglob("*.z")]
    assert told["stored_bytes"] == sum(path.stat().st_size for path in files)
    assert told["codecs"] == ["zstd"] and told["waiting"] == 0 and told["last_archived_at"] and not told["last_failure"]
    assert told["restorable"]["from"] < bpg.moments[4] and told["restorable"]["until"] is None
    page = bpg.ok("wal", "info", "app").out
    assert "zstd" in page and "now" in page and "missing" not in page
    assert bpg.ok("wal", "info", "app", "-q").out.split() == [told["volume"]]


def test_info_of_all_branches_and_of_those_without_an_archive(any_bpg):
    bpg = any_bpg
    bpg.ok("branch", "create", "app/plain", "--no-archive")
    bpg.ok("branch", "create", "app/other")
    assert {each["subject"] for each in bpg.json("wal", "info")} == {"app/main", "app/other"}
    told = info(bpg, "app/plain")
    assert (told["archived"], told["segments"], told["restorable"]) == (False, 0, None)
    assert "app/plain: its WAL is not archived" in bpg.ok("wal", "info", "app/plain").out
    bpg.fails(5, "refused", "wal", "verify", "app/plain")
    bpg.fails(5, "refused", "wal", "cleanup", "app/plain", "--dry-run")
    assert {each["subject"] for each in bpg.json("wal", "verify")} == {"app/main", "app/other"}
    assert {each["subject"] for each in bpg.json("wal", "cleanup", "--all")} == {"app/main", "app/other"}


def test_volumes_that_are_kept_are_told_and_left_alone(five):
    bpg = five
    before = info(bpg)["volume"]
    bpg.ok("branch", "restore", "app", "--at", bpg.moments[5])
    present, kept = bpg.json("wal", "info", "app")
    assert (present["state"], kept["state"], kept["volume"]) == ("present", "kept", before)
    assert kept["segments"] >= 4 and kept["last_archived_at"] is None
    assert {each["volume"] for each in bpg.json("wal", "verify", "app")} == {present["volume"], before}
    names = sorted((bpg.home / "wal-archive" / before).rglob("*.z"))
    entries = {entry["volume"]: entry for entry in bpg.json("wal", "cleanup", "app", "--days", "0")}
    assert "kept until" in entries[before]["why"] and entries[before]["segments"] == 0
    assert sorted((bpg.home / "wal-archive" / before).rglob("*.z")) == names


def test_a_gap_is_told_and_hides_nothing(five):
    bpg = five
    assert bpg.json("wal", "verify", "app")[0]["findings"] == []
    stored(bpg, bpg.first).unlink()
    assert info(bpg)["gaps"] == [{"first": bpg.first, "last": bpg.first, "segments": 1}]
    assert f"{bpg.first} is missing" in bpg.ok("wal", "info", "app").out
    result = bpg.run("wal", "verify", "app")
    assert result.status == 6 and f"{bpg.first}: it is missing" in result.out
    result = bpg.run("wal", "verify", "-o", "json")
    assert result.error["code"] == "storage" and "app/main" in result.error["message"] and bpg.first in result.out
    error = bpg.fails(5, "refused", "branch", "create", "app/look", "--from", "app/main", "--at", bpg.moments[4])
    assert bpg.first in error["message"] and "Moments from" in error["hint"]
    assert rows_at(bpg, bpg.moments[5]) == 5


def test_deep_finds_a_byte_that_has_flipped(five):
    bpg = five
    path = stored(bpg, bpg.last)
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(-20, os.SEEK_END)
        byte = file.read(1)[0]
        file.seek(-20, os.SEEK_END)
        file.write(bytes([byte ^ 1]))
    assert bpg.json("wal", "verify", "app")[0]["findings"] == []
    result = bpg.run("wal", "verify", "app", "--deep")
    assert result.status == 6 and bpg.last in result.out and result.out.count(bpg.last + ":") == 1
    with path.open("r+b") as file:  # and in the head
        file.seek(100)
        file.write(b"\0")
    result = bpg.run("wal", "verify", "app")
    assert result.status == 6 and "head" in result.out and "missing" not in result.out
    assert info(bpg)["damaged"] == 1
    assert "one file is damaged" in bpg.ok("wal", "info", "app").out


def test_an_archive_that_is_gone_is_told(any_bpg):
    bpg = any_bpg
    bpg.ok("stop", "app")
    shutil.move(archive(bpg), bpg.directory / "aside")
    try:
        assert "no WAL archive" in info(bpg)["problem"]
        assert "no WAL archive" in bpg.ok("wal", "info").out
        assert bpg.run("wal", "verify").status == 6
        assert "is mounted" in bpg.fails(6, "storage", "wal", "cleanup", "app")["hint"]
    finally:
        shutil.move(bpg.directory / "aside", archive(bpg))
    assert bpg.run("wal", "verify").status == 0


def test_archiving_that_fails_is_told(any_bpg):
    bpg = any_bpg
    switch(bpg)
    identity = archive(bpg) / "archive"
    identity.rename(identity.with_name("archive.aside"))
    try:
        bpg.superuser("app", "SELECT pg_create_restore_point('x'), pg_switch_wal()")
        eventually(lambda: info(bpg)["last_failure"], "no failure is told")
        assert info(bpg)["waiting"] >= 1
        told = info(bpg)
        assert told["last_failure"]["current"] and "no WAL archive" in told["problem"]
        assert "nothing has been archived since" in bpg.ok("wal", "info", "app").out
        assert bpg.json("status")["late_archives"] == []
        later = {"BPG_CLOCK_OFFSET": "600"}
        [late] = bpg.json("status", **later)["late_archives"]
        assert late["subject"] == "app/main" and late["waiting"] >= 1
        assert "The WAL of app/main is not archived" in bpg.ok("status", **later).out
        bpg.ok("stop", "app")
        assert bpg.json("status", **later)["late_archives"] == []
        bpg.ok("start", "app")
    finally:
        identity.with_name("archive.aside").rename(identity)
    bpg.ok("restart", "app")
    eventually(lambda: info(bpg)["waiting"] == 0, "what waited is not archived")


def test_cleanup_keeps_what_follows_the_oldest_snapshot(five):
    bpg = five
    before = segments(bpg)
    [would] = bpg.json("wal", "cleanup", "app", "--dry-run")
    assert segments(bpg) == before and would["segments"] > 0 and would["why"].startswith("snapshot 'mid'")
    [did] = bpg.json("wal", "cleanup", "app", "--keep-snapshots")
    assert did == would
    left = segments(bpg)
    assert left == before[would["segments"]:] and left[0] == did["kept_from"] and bpg.first not in left
    assert did["given_up"] == []

    start = [each for each in bpg.json("snapshot", "list", "app") if each["label"] == "mid"][0]["start_lsn"]
    assert bpg.superuser("app", f"SELECT pg_walfile_name('{start}')") == left[0]

    error = bpg.fails(3, "not_found", "branch", "restore", "app", "--at", bpg.moments[4])
    assert "before what can be restored" in error["message"] and did["restorable_from"] in error["hint"]
    assert bpg.sql("app", "SELECT max(n) FROM t") == 6
    assert rows_at(bpg, bpg.moments[5]) == 5
    assert info(bpg)["gaps"] == [] and info(bpg)["restorable"]["from"] == did["restorable_from"]
    assert bpg.json("wal", "verify", "app", "--deep")[0]["findings"] == []
    assert bpg.json("branch", "history", "app")[0]["restorable"]["from"] == did["restorable_from"]

    [again] = bpg.json("wal", "cleanup", "app")
    assert (again["segments"], again["bytes"], again["kept_from"]) == (0, 0, did["kept_from"])
    assert segments(bpg) == left
    switch(bpg)  # the server still archives


def test_a_position_or_restore_point_that_went_is_refused_with_what_is_left(any_bpg):
    bpg = any_bpg
    point = bpg.json("restore-point", "create", "app", "early")
    switch(bpg)
    bpg.ok("snapshot", "create", "app", "--label", "mid")
    switch(bpg)
    [did] = bpg.json("wal", "cleanup", "app")
    assert did["segments"] > 0
    for moment in (point["lsn"], "@early"):
        error = bpg.fails(3, "not_found", "branch", "restore", "app", "--at", moment)
        assert "not in the history" in error["message"] and did["restorable_from"] in error["hint"]


def test_without_a_snapshot_everything_is_kept_and_it_is_said_why(any_bpg):
    bpg = any_bpg
    switch(bpg)
    before = segments(bpg)
    for options in ([], ["--days", "7"]):
        [entry] = bpg.json("wal", "cleanup", "app", *options)
        assert entry["segments"] == 0 and entry["kept_from"] is None and "all of its WAL is kept" in entry["why"]
    assert segments(bpg) == before


def test_days_gives_up_what_is_older_and_says_so(five):
    bpg = five
    later = {"BPG_CLOCK_OFFSET": str(8 * DAY)}
    bpg.ok("snapshot", "create", "app", "--label", "newer")
    moment = add(bpg, 7)
    switch(bpg)
    bpg.ok("branch", "create", "app/child")  # its origin is a base, which goes with it
    [would] = bpg.json("wal", "cleanup", "app", "--days", "7", "--dry-run", **later)
    assert "snapshot 'newer'" in would["why"]
    [given_up] = would["given_up"]
    assert given_up["label"] == "mid" and given_up["until"] == would["restorable_from"]
    result = bpg.ok("wal", "cleanup", "--all", "--days", "7", **later)
    assert "snapshot 'mid' stays" in result.out and "cannot be restored any more" in result.out
    assert segments(bpg)[0] == would["kept_from"]
    bpg.fails(3, "not_found", "branch", "restore", "app", "--at", bpg.moments[5])
    assert rows_at(bpg, moment) == 7
    bpg.ok("branch", "create", "app/mid", "--from", "app/main@mid")
    assert bpg.sql("app/mid", "SELECT max(n) FROM t") == 4
    # The child needs nothing of its parent's archive.
    bpg.sql("app/child", "INSERT INTO t VALUES (70)")
    now = bpg.sql("app/child", "SELECT clock_timestamp()").isoformat()
    bpg.sql("app/child", "INSERT INTO t VALUES (71)")
    bpg.ok("branch", "restore", "app/child", "--at", now)
    assert bpg.sql("app/child", "SELECT max(n) FROM t") == 70


@pytest.mark.parametrize("fault", ["remove WAL:fail", "remove WAL:kill-after"])
def test_a_cleanup_that_is_cut_short_can_be_repeated(five, fault):
    bpg = five
    assert bpg.run("wal", "cleanup", "app", BPG_FAULT=fault).status != 0
    bpg.ok("wal", "cleanup", "app")
    assert bpg.json("wal", "verify", "app", "--deep")[0]["findings"] == []
    assert rows_at(bpg, bpg.moments[5]) == 5


def test_a_cleanup_that_fails_in_the_middle_leaves_no_gap(five):
    bpg = five
    names = segments(bpg)
    [would] = bpg.json("wal", "cleanup", "app", "--dry-run")
    assert would["segments"] >= 2
    stuck = stored(bpg, names[would["segments"] - 1])
    stuck.unlink()
    stuck.mkdir()  # what cannot be unlinked
    error = bpg.fails(6, "environment", "wal", "cleanup", "app")
    assert str(stuck) in error["message"]
    assert segments(bpg) == names[would["segments"] - 1:]
    stuck.rmdir()
    assert rows_at(bpg, bpg.moments[5]) == 5
    bpg.ok("wal", "cleanup", "app")
    assert bpg.json("wal", "verify", "app", "--deep")[0]["findings"] == []


def test_one_that_fails_keeps_no_other_from_being_cleaned_up(five):
    bpg = five
    bpg.ok("branch", "create", "app/a")
    bpg.ok("branch", "create", "app/z")
    lost = archive(bpg, "app/a")
    hidden = lost.with_name("hidden")
    lost.rename(hidden)
    try:
        result = bpg.run("-o", "json", "wal", "cleanup", "--all")
        assert result.status == 1 and result.error["code"] == "failure" and "app/a: " in result.error["message"], result.err
        entries = {entry["subject"]: entry for entry in json.loads(result.out)}
        assert entries.keys() == {"app/main", "app/a", "app/z"}
        assert entries["app/main"]["segments"] > 0 and entries["app/main"]["problem"] is None and entries["app/z"]["why"]
        assert (entries["app/a"]["segments"], entries["app/a"]["why"]) == (0, None) and str(lost) in entries["app/a"]["problem"]
        result = bpg.run("wal", "cleanup", "--all")
        assert result.status == 1 and "it failed" in result.out and "bpg wal info" in result.err
    finally:
        hidden.rename(lost)


def test_a_cleanup_needs_the_branch_for_itself(five):
    """Somebody may be restoring from what goes."""
    bpg = five
    before = segments(bpg)
    lock = bpg.home / "locks" / f"{bpg.branch('app')['id']}.lock"
    with lock.open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        bpg.fails(7, "busy", "wal", "cleanup", "app", BPG_LOCK_WAIT="1s")
        assert segments(bpg) == before
        assert bpg.json("wal", "cleanup", "app", "--dry-run")[0]["segments"] > 0


def test_wrong_use(any_bpg):
    bpg = any_bpg
    bpg.fails(2, "usage", "wal", "cleanup")
    bpg.fails(2, "usage", "wal", "cleanup", "app", "--all")
    bpg.fails(2, "usage", "wal", "cleanup", "app", "--days", "7", "--keep-snapshots")
    for days in ("-1", "x", "1.5"):
        bpg.fails(2, "usage", "wal", "cleanup", "app", "--days", days)
    for words in (["info"], ["verify"], ["cleanup"]):
        assert "'app/main'" in bpg.fails(3, "not_found", "wal", *words, "app/mian")["hint"]


def test_a_protected_branch_can_be_cleaned_up(five):
    bpg = five
    bpg.ok("branch", "protect", "app")
    try:
        assert bpg.json("wal", "cleanup", "app")[0]["segments"] > 0
    finally:
        bpg.ok("branch", "unprotect", "app")
