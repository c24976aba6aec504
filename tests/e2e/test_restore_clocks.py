"""Going back to a time of the day: commits that are close to each other or out of order, zones, and clocks that jump."""

import concurrent.futures
import datetime
import os
import pathlib
import random
import re
import shutil
import subprocess
import tempfile

import pytest

from betterpg import installed
from moments import insert, lsn, now, refused, rows, rows_at, text

FAKETIME = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


def test_commits_within_a_millisecond(any_bpg):
    bpg = any_bpg
    bpg.ok("branch", "set", "app", "track_commit_timestamp=on")
    bpg.ok("restart", "app")
    with bpg.connect("app") as connection:
        for n in range(4, 30):
            connection.execute(f"INSERT INTO t VALUES ({n})")
        commits = connection.execute(
            "SELECT n, pg_xact_commit_timestamp(xmin) FROM t WHERE n > 3 ORDER BY n").fetchall()
    microsecond = datetime.timedelta(microseconds=1)
    for n, time in random.sample(commits[1:-1], 3):
        assert rows_at(bpg, text(time)) == list(range(1, n + 1))
        assert rows_at(bpg, text(time - microsecond)) == list(range(1, n))


def test_zones(any_bpg):
    bpg = any_bpg
    bpg.ok("branch", "set", "app", "timezone=Asia/Kathmandu", "log_timezone=Asia/Kathmandu")
    bpg.ok("restart", "app")
    time = bpg.sql("app", "SELECT clock_timestamp()")
    insert(bpg, 4)
    there = time.astimezone(datetime.timezone(datetime.timedelta(hours=5, minutes=45)))
    assert rows_at(bpg, there.isoformat()) == [1, 2, 3]
    local = there.replace(tzinfo=None).isoformat(sep=" ")
    refused(bpg, 2, "usage", "branch", "restore", "app", "--at", local)
    refused(bpg, 2, "usage", "branch", "restore", "app", "--at", local, "--timezone", "Mars/Olympus")
    bpg.ok("branch", "restore", "app", "--at", local, "--timezone", "Asia/Kathmandu")
    assert rows(bpg) == [1, 2, 3]


class HeldAtCommit:
    """Holds a server process where it has taken the time of its commit, and has not written the record yet."""

    def __init__(self, pid, directory):
        self.release_at = directory / f"release-{pid}"
        os.mkfifo(self.release_at)
        words = ["gdb", "-nx", "-q", "-batch", "-p", str(pid), "-ex", "handle SIGUSR1 SIGURG SIGALRM nostop noprint pass",
                 "-ex", "break XactLogCommitRecord", "-ex", "echo ready\\n", "-ex", "continue", "-ex", "echo held\\n",
                 "-ex", f"shell cat {self.release_at}", "-ex", "detach"]
        self.gdb = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.wait_for("ready")

    def wait_for(self, word):
        said = []
        for line in self.gdb.stdout:
            said.append(line)
            if line.strip() == word:
                return
        raise AssertionError("gdb ended: " + "".join(said))

    def release(self):
        self.release_at.write_text("go\n")
        self.gdb.communicate(timeout=60)


def test_commit_times_out_of_order(any_bpg, tmp_path):
    """The one that took its time first is written second. At a time between the two nobody saw either of them."""
    bpg = any_bpg
    if not shutil.which("gdb") or os.geteuid() != 0:
        pytest.skip("a server process can only be held at its commit by root, with gdb")
    bpg.ok("branch", "set", "app", "track_commit_timestamp=on")
    bpg.ok("restart", "app")
    seen = {}

    def look(moment):
        seen[moment] = rows(bpg)
        return moment

    with bpg.connect("app") as first:
        first.execute("SELECT")
        backend = bpg.backend("app", first.info.backend_pid)
        # The kernel asks for this what it asks of a tracer (proc(5)).
        if not os.access(f"/proc/{backend}/cwd", os.R_OK):
            pytest.skip("processes of another account cannot be traced here")
        held = HeldAtCommit(backend, tmp_path)
        try:
            with concurrent.futures.ThreadPoolExecutor() as pool:
                commit = pool.submit(first.execute, "INSERT INTO t VALUES (10)")
                held.wait_for("held")
                between = look(now(bpg))
                insert(bpg, 20)
                both = now(bpg)
                held.release()
                commit.result(60)
        finally:
            held.gdb.kill()
            held.gdb.wait()
        insert(bpg, 30)
        xids = dict(first.execute("SELECT n, xmin::text FROM t WHERE n > 3").fetchall())
        times = dict(first.execute("SELECT n, pg_xact_commit_timestamp(xmin) FROM t WHERE n > 3").fetchall())
    assert times[10] < datetime.datetime.fromisoformat(between) < times[20] < times[30]
    assert rows_at(bpg, f"xid:{xids[20]}") == [1, 2, 3, 20], "the order of the WAL is not the one that is to be tested"
    assert rows_at(bpg, f"xid:{xids[10]}") == [1, 2, 3, 10, 20]
    assert seen[between] == [1, 2, 3]
    assert rows_at(bpg, between) == seen[between]
    assert rows_at(bpg, text(times[20] - datetime.timedelta(microseconds=1))) == [1, 2, 3]
    # All that is not later than these, and nothing that is.
    for moment in (text(times[20]), both, text(times[30] - datetime.timedelta(microseconds=1))):
        assert rows_at(bpg, moment) == [1, 2, 3, 10, 20]
    assert rows_at(bpg, text(times[30])) == [1, 2, 3, 10, 20, 30]
    bpg.ok("branch", "restore", "app", "--at", between)
    assert rows(bpg) == [1, 2, 3]


class Clockwork:
    """Programs of a PostgreSQL whose servers have a clock that can be put forward and back before they start."""

    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="bpgt-clock-", dir="/tmp"))
        self.directory.chmod(0o755)
        real = installed()
        for program in real.iterdir():
            if program.name != "postgres":
                (self.directory / program.name).symlink_to(program)
        server = self.directory / "postgres"
        server.write_text(f'#!/bin/sh\nLD_PRELOAD={FAKETIME} FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME="$(cat {self.directory}/clock)" '
                          f'exec {real}/postgres "$@"\n')
        server.chmod(0o755)
        self.put("+0")

    def put(self, difference):
        clock = self.directory / "clock"
        clock.write_text(difference)
        clock.chmod(0o644)


@pytest.fixture
def clockwork():
    if not FAKETIME:
        pytest.skip("libfaketime is not installed")
    made = Clockwork()
    yield made
    shutil.rmtree(made.directory)


@pytest.mark.native("a server program in the place of PostgreSQL's")
def test_a_clock_that_went_back(clockwork, new_bpg):
    bpg = new_bpg("btrfs" if "BPG_TEST_BTRFS" in os.environ else "copy", config=f"native.bin_dirs: [{clockwork.directory}]\n")
    bpg.ok("db", "create", "app")
    bpg.sql("app", "CREATE TABLE t AS SELECT generate_series(1, 3) AS n")
    insert(bpg, 4)
    before = now(bpg)
    places = {}
    for n, difference in ((5, "+2h"), (6, "+0"), (7, "+0")):
        clockwork.put(difference)
        bpg.ok("restart", "app")
        insert(bpg, n)
        places[n] = lsn(bpg)
    bpg.ok("restore-point", "create", "app", "seven")
    twice = now(bpg)
    insert(bpg, 8)
    assert abs(datetime.datetime.fromisoformat(twice) - datetime.datetime.now(datetime.timezone.utc)) < datetime.timedelta(minutes=10)
    # By that time there had been no commit that stands behind the jump.
    assert rows_at(bpg, before) == [1, 2, 3, 4]
    for moment in (twice, "1ms ago"):
        error = refused(bpg, 5, "refused", "branch", "restore", "app", "--at", moment)
        assert "its server's clock went back" in error["message"]
    until, xid = re.search(r"--at (\S+), --at (xid:\d+)\.$", error["hint"]).groups()
    assert rows_at(bpg, until) == [1, 2, 3, 4]
    assert rows_at(bpg, xid) == [1, 2, 3, 4, 5, 6]
    for n, place in places.items():
        assert rows_at(bpg, place) == list(range(1, n + 1))
    bpg.ok("branch", "restore", "app", "--at", "@seven")
    assert rows(bpg) == [1, 2, 3, 4, 5, 6, 7]
