"""Clusters of every kind that can be asked for: each major of PostgreSQL, and segments of other sizes than 16 MB.

Debian has one major; tests/servers.sh fetches the others."""

import os
import random
import shutil
import subprocess

import pytest

from betterpg import VARIABLES, Bpg, eventually
from wal_server import MAJORS, MB, Account, Place, Server, installations

NEWEST_LOCAL = max(version for version, path in installations().items() if str(path).startswith("/usr/lib"))
DRIVERS = ("btrfs", "copy")  # one with atomic snapshots, one with backup mode and a label


@pytest.fixture(scope="module")
def homes():
    made = {}
    yield made
    for home in made.values():
        home.remove()


@pytest.fixture(params=DRIVERS)
def bpg(request, homes):
    driver = request.param
    if not os.environ.get(VARIABLES[driver]):
        pytest.skip(f"{VARIABLES[driver]} is not set: there is no place for {driver}")
    if driver not in homes:
        fetched = [str(path) for path in installations().values() if not str(path).startswith("/usr/lib")]
        homes[driver] = Bpg(driver, config=f"native.bin_dirs: [{', '.join(fetched)}]\n").init()
    home = homes[driver]
    yield home
    for database in home.json("db", "list"):
        home.ok("db", "delete", database["name"], "--force", "--now")
    home.ok("cleanup", "--now")
    home.assert_tidy()


class Ledger:
    """Work on a branch, and what its table `t` held at the moments that were marked."""

    def __init__(self, bpg, subject):
        self.bpg = bpg
        self.subject = subject
        self.present = []
        self.moments = {}
        bpg.sql(subject, "CREATE TABLE t (n int PRIMARY KEY, s text)")

    def add(self, connection, how="plain"):
        n = len(self.present) + 1
        insert = f"INSERT INTO t SELECT {n}, repeat(md5('{n}'), 20)"
        if how == "plain":
            connection.execute(insert)
        elif how == "subtransactions":
            connection.execute(f"BEGIN; SAVEPOINT a; {insert}; RELEASE a; SAVEPOINT b; DELETE FROM t; ROLLBACK TO b; COMMIT")
        elif how == "dropped table":
            # With its statistics: 18 lays the commit record out in another way.
            connection.execute("CREATE TABLE dropped AS SELECT generate_series(1, 100) AS i; ANALYZE dropped")
            connection.execute(f"BEGIN; DROP TABLE dropped; {insert}; COMMIT")
        elif how == "prepared":
            connection.execute(f"BEGIN; {insert}")
            connection.execute(f"PREPARE TRANSACTION 'p{n}'")
            connection.execute(f"COMMIT PREPARED 'p{n}'")
        elif how == "aborted":
            connection.execute(f"BEGIN; {insert}; DROP TABLE t; ROLLBACK")
            return
        self.present.append(n)

    def mark(self, moment):
        self.moments[moment] = list(self.present)

    def mark_all(self, connection, name):
        """The present state by every kind of moment: time, position, transaction, restore point."""
        connection.execute("BEGIN")
        xid = connection.execute("SELECT pg_current_xact_id()::text").fetchone()[0]
        n = len(self.present) + 1
        connection.execute(f"INSERT INTO t VALUES ({n})")
        connection.execute("COMMIT")
        self.present.append(n)
        self.mark(f"xid:{xid}")
        self.mark(connection.execute("SELECT pg_current_wal_insert_lsn()::text").fetchone()[0])
        self.bpg.ok("restore-point", "create", self.subject, name)
        self.mark(f"@{name}")
        self.mark(connection.execute("SELECT clock_timestamp()").fetchone()[0].isoformat())

    def rows(self, subject):
        with self.bpg.connect(subject) as connection:
            return [n for (n,) in connection.execute("SELECT n FROM t ORDER BY n")]

    def check(self, moments):
        """All of them; some where each is a full copy."""
        at = self.subject + "-at"
        for moment in moments if self.bpg.atomic else random.sample(moments, min(3, len(moments))):
            self.bpg.ok("branch", "create", at, "--from", self.subject, "--at", moment)
            assert self.rows(at) == self.moments[moment], moment
            self.bpg.ok("branch", "delete", at, "--now")


def verified(bpg, subject):
    """How many files of the archive are right, once the present segment is among them."""
    bump = "CREATE TABLE x (); DROP TABLE x"
    names = bpg.superuser(subject, f"SELECT pg_walfile_name(pg_current_wal_insert_lsn()); {bump}; SELECT pg_switch_wal()")
    archive = bpg.home / "wal-archive" / bpg.branch(subject)["volume"]["id"]
    name = names.split()[0]
    eventually(lambda: list(archive.glob(f"*/{name}.z")), f"{name} is not archived", 120)
    [present, *_] = bpg.json("wal", "verify", subject, "--deep")
    assert present["findings"] == []
    return present["files"]


def work_through(bpg, ledger):
    """Everything that reads or writes WAL, control files or labels."""
    subject = ledger.subject
    with bpg.connect(subject) as connection:
        for how in ("plain", "subtransactions", "dropped table", "prepared", "aborted"):
            ledger.add(connection, how)
        ledger.mark_all(connection, "early")
        bpg.ok("snapshot", "create", subject, "--label", "middle")
        ledger.mark("middle")
        ledger.add(connection)
        verified(bpg, subject)
        ledger.add(connection, "dropped table")
        ledger.mark_all(connection, "open")  # in the segment that is still open
        ledger.add(connection)
    ledger.check(list(ledger.moments))
    in_place = random.choice(list(ledger.moments))
    before = ledger.present.copy()
    bpg.ok("branch", "restore", subject, "--at", in_place)
    assert ledger.rows(subject) == ledger.moments[in_place], in_place
    ledger.present = ledger.rows(subject)
    with bpg.connect(subject) as connection:
        ledger.add(connection)
        ledger.mark_all(connection, "after the restore")
        ledger.add(connection)
    ledger.check(list(ledger.moments)[-4:])
    bpg.ok("restart", subject)
    assert ledger.rows(subject) == ledger.present
    assert verified(bpg, subject) >= 1
    bpg.ok("branch", "undo", subject)
    ledger.present = before
    assert ledger.rows(subject) == before


@pytest.mark.native("other majors: there is an image of Debian's alone")
@pytest.mark.parametrize("major", MAJORS)
def test_every_major(bpg, major):
    if major not in installations():
        pytest.skip(f"there is no PostgreSQL {major}: tests/servers.sh says why")
    bpg.ok("db", "create", "app", "--pg-version", str(major), "--set", "max_prepared_transactions=3")
    assert bpg.superuser("app", "SHOW server_version_num")[:2] == str(major)
    assert bpg.superuser("app", "SHOW data_checksums") == "on"
    ledger = Ledger(bpg, "app/main")
    bpg.ok("branch", "create", "app/dev")
    bpg.sql("app/dev", "INSERT INTO t VALUES (1000)")
    bpg.ok("branch", "reset", "app/dev")
    assert ledger.rows("app/dev") == []
    work_through(bpg, ledger)
    [archive] = [wal for wal in bpg.json("wal", "info", "app") if wal["state"] == "present"]
    assert archive["segments"] > 0 and archive["gaps"] == [] and archive["problem"] is None
    bpg.ok("branch", "create", "app/again", "--from", "app/main@middle")
    assert ledger.rows("app/again") == ledger.moments["middle"]
    bpg.ok("stop", "app")
    bpg.ok("branch", "create", "app/of-stopped")
    assert ledger.rows("app/of-stopped") == ledger.present


@pytest.mark.parametrize("size", [1, 64])
def test_segments_of_other_sizes(bpg, size):
    bpg.ok("db", "create", "app", "--wal-segment-size", f"{size}MB", "--set", "max_prepared_transactions=3")
    assert bpg.superuser("app", "SELECT setting FROM pg_settings WHERE name = 'wal_segment_size'") == str(size * MB)
    ledger = Ledger(bpg, "app/main")
    with bpg.connect("app") as connection:
        for _ in range(4):  # more than one segment of 1 MB
            connection.execute("CREATE TABLE bulk AS SELECT repeat(md5(i::text), 8) FROM generate_series(1, 6000) i")
            connection.execute("DROP TABLE bulk")
            ledger.add(connection)
    work_through(bpg, ledger)
    archives = bpg.json("wal", "info", "app")
    for archive in archives:
        assert archive["segment_bytes"] == size * MB and archive["gaps"] == [] and archive["problem"] is None
        # Each is stored whole: a head tells its size, and that is what comes out.
        for stored in (bpg.home / "wal-archive" / archive["volume"]).glob("*/*.z"):
            if "backup" not in stored.name:
                content = subprocess.run(["zstd", "-dc", stored], capture_output=True, check=True).stdout
                assert len(content) == size * MB, stored
    if size == 1:
        assert max(archive["segments"] for archive in archives) > 5
    # A branch has its parent's size, and so has what is cut from it.
    bpg.ok("branch", "create", "app/dev")
    bpg.ok("db", "create", "other", "--template", "app/dev")
    for subject in ("app/dev", "other"):
        assert bpg.superuser(subject, "SHOW wal_segment_size") == f"{size}MB"
        effective = {setting["name"]: setting["value"] for setting in bpg.json("settings", subject)["settings"]}
        assert effective["min_wal_size"] == ("32MB" if size == 1 else "128MB")
    error = bpg.fails(5, "refused", "db", "create", "third", "--template", "app/dev", "--wal-segment-size", f"{size}MB")
    assert "--from-dump" in error["hint"]


def changed(content, offset):
    return content[:offset] + bytes([content[offset] ^ 1]) + content[offset + 1:]


@pytest.mark.native("bpg-wal by itself, with servers of its own")
@pytest.mark.parametrize("size", [1, 64])
def test_a_segment_is_judged_by_its_header(size):
    """Torn, of another cluster, of another size, of another place: it is refused, and the whole one is taken afterwards."""
    place = Place()
    try:
        server = Server(place, "server", installations()[NEWEST_LOCAL], segment_size=size * MB)
        connection = server.start(archive_command="false").connect()
        connection.execute("CREATE TABLE ledger (n int)")
        name = connection.execute("SELECT pg_walfile_name(pg_switch_wal())").fetchone()[0]
        server.stop()
        segment = server.directory / "pg_wal" / name
        whole = segment.read_bytes()

        def push(file):
            return place.run("push", "--archive", server.archive, f"pg_wal/{file.name}", cwd=server.directory)

        for content, words in ((whole[:-8192], f"is {len(whole) - 8192} bytes, and segments here are {len(whole)}"),
                               (changed(whole, 1), "does not begin with the header"), (changed(whole, 24), "is of the cluster"),
                               (changed(whole, 35), "says that segments are"), (changed(whole, 10), "holds the WAL at")):
            segment.write_bytes(content)
            result = push(segment)
            assert result.returncode == 1 and words in result.stderr, result.stderr
        segment.write_bytes(whole)
        misnamed = segment.with_name(f"{int(name, 16) + 16:024X}")
        misnamed.write_bytes(whole)
        shutil.chown(misnamed, Account.name)
        result = push(misnamed)
        assert result.returncode == 1 and "holds the WAL at" in result.stderr, result.stderr
        assert server.stored() == []
        assert push(segment).returncode == 0 and server.stored() == [name]
        assert int(server.head(name)["size"]) == len(whole)
    finally:
        server.stop()
        place.remove()


@pytest.mark.parametrize("size", ["3MB", "2GB", "512kB", "16", "much", ""])
def test_sizes_that_cannot_be(bpg, size):
    error = bpg.fails(2, "usage", "db", "create", "app", "--wal-segment-size", size)
    assert "power of two" in error["hint"]
    assert bpg.json("db", "list") == []
