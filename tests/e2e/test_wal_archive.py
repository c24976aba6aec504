"""bpg-wal as archive_command and restore_command of real servers."""

import contextlib
import os
import pathlib
import random
import re
import signal
import subprocess
import threading

import pytest

from wal_server import MAJORS, MB, ROOT, Place, Server, eventually, installations

pytestmark = pytest.mark.native("bpg-wal by itself, with servers of its own")

SERVERS = installations()
NEWEST_LOCAL = max(version for version in SERVERS if str(SERVERS[version]).startswith("/usr/lib"))


@pytest.fixture
def place():
    made = Place()
    yield made
    made.remove()


@pytest.fixture
def new_server(place):
    made = []

    def make(version=NEWEST_LOCAL, **options):
        made.append(Server(place, f"s{len(made)}", SERVERS[version], **options))
        return made[-1]

    make.also = made.append
    yield make
    for server in made:
        server.stop()


def rows(connection):
    return [n for (n,) in connection.execute("SELECT n FROM ledger ORDER BY n")]


def work(connection, random_numbers, count, ledger):
    """Transactions of many kinds, each with a row; the ledger gets (LSN behind it, rows until then)."""
    present = list(ledger[-1][1]) if ledger else []
    for _ in range(count):
        number = (max(present) if present else 0) + random_numbers.randrange(1, 5)
        kind = random_numbers.choice(["plain", "plain", "sub", "prepared", "abort", "ddl", "bulk", "switch", "checkpoint"])
        insert = f"INSERT INTO ledger VALUES ({number})"
        if kind == "sub":
            connection.execute(f"BEGIN; SAVEPOINT a; {insert}; RELEASE a; SAVEPOINT b; {insert}; ROLLBACK TO b; COMMIT")
        elif kind == "prepared":
            for statement in ("BEGIN", insert, f"PREPARE TRANSACTION 'p{number}'", f"COMMIT PREPARED 'p{number}'"):
                connection.execute(statement)
        elif kind == "abort":
            connection.execute(f"BEGIN; {insert}; ROLLBACK")
        elif kind == "ddl":
            connection.execute(f"CREATE TABLE t{number} (i int); INSERT INTO t{number} SELECT generate_series(1, 100); {insert}")
        elif kind == "bulk":
            connection.execute(f"INSERT INTO bulk SELECT repeat(md5(i::text), 8) FROM generate_series(1, 8000) i; {insert}")
        elif kind == "switch":
            connection.execute(insert)
            connection.execute("SELECT pg_switch_wal()")
        elif kind == "checkpoint":
            connection.execute(insert)
            connection.execute("CHECKPOINT")
        else:
            connection.execute(insert)
        if kind != "abort":
            present.append(number)
        lsn = connection.execute("SELECT pg_current_wal_insert_lsn()").fetchone()[0]
        ledger.append((lsn, list(present)))


def ask_for_recovery(server):
    signal_file = server.directory / "recovery.signal"
    signal_file.touch()
    os.chown(signal_file, server.directory.stat().st_uid, -1)


def recover(base, name, **target):
    """Recovers a copy of a base to a target; a connection to it once it has been promoted."""
    server = base.copy(name)
    ask_for_recovery(server)
    settings = {"archive_mode": "off", "restore_command": f"{server.place.program} get --archive {server.archive} %f %p",
                "recovery_target_action": "promote", "recovery_target_timeline": "1", **target}
    server.start(**settings)
    connection = server.connect()
    eventually(lambda: not connection.execute("SELECT pg_is_in_recovery()").fetchone()[0], "recovery does not end", 120)
    return server, connection


@pytest.mark.parametrize("segment_size", [1 * MB, 16 * MB, 64 * MB])
def test_recovery_lands_exactly(new_server, segment_size):
    seed = random.randrange(1 << 30)
    print("seed", seed)
    numbers = random.Random(seed)
    server = new_server(segment_size=segment_size)
    server.start().connect().execute("CREATE TABLE ledger (n int); CREATE TABLE bulk (t text)")
    server.stop()
    base = server.copy("base")
    connection = server.start().connect()
    ledger = []
    count = 25 if segment_size == MB else 12
    work(connection, numbers, count, ledger)
    server.kill()
    connection = server.start().connect()
    assert rows(connection) == ledger[-1][1]
    work(connection, numbers, count, ledger)
    server.archive_all(connection)
    server.stop()
    for i, (lsn, expected) in enumerate([ledger[count - 1], *numbers.sample(ledger, 1), ledger[-1]]):
        recovered, connection = recover(base, f"r{i}", recovery_target_lsn=lsn)
        new_server.also(recovered)
        assert rows(connection) == expected, f"seed {seed}, {lsn}"
        assert not (recovered.directory / "pg_wal" / "bpg-spool").exists(), "the spool is left behind"
        recovered.stop()
    assert server.place.run("get", "--archive", server.archive, "0" * 7 + "1" + "F" * 14 + "00", "x").returncode == 1


def waldump(server, name):
    path = server.directory / "pg_wal" / name
    dump = subprocess.run([server.binaries / "pg_waldump", path], capture_output=True, text=True, check=False).stdout
    return dump.splitlines()


def test_heads_say_what_pg_waldump_says(new_server):
    server = new_server(segment_size=1 * MB)
    connection = server.start(wal_keep_size="1GB").connect()
    connection.execute("CREATE TABLE ledger (n int); CREATE TABLE bulk (t text)")
    work(connection, random.Random(1), 60, [])
    connection.execute("SELECT pg_create_restore_point('a name with blanks')")
    server.archive_all(connection)
    compared = 0
    for name in server.stored():
        head = server.head(name)
        assert "broken-at" not in head
        lines = waldump(server, name)
        starts = [re.search(r"lsn: (\S+),", line)[1] for line in lines]
        assert as_number(head["first-record"]) == as_number(starts[0])
        # A record that goes on in the next segment is not printed.
        complete = [line for line in lines if head.get("straddler") is None or as_number(re.search(r"lsn: (\S+),", line)[1])
                    < as_number(head["straddler"])]
        commits = [line for line in complete if "rmgr: Transaction" in line and "desc: COMMIT" in line]
        aborts = [line for line in complete if "rmgr: Transaction" in line and "desc: ABORT" in line]
        assert (int(head["commits"]), int(head["aborts"])) == (len(commits), len(aborts)), name
        xids = [int(match[1]) for line in commits + aborts
                if (match := re.search(r"PREPARED (\d+)", line) or re.search(r"tx:\s+(\d+)", line)) and int(match[1])]
        xids += [int(xid) for line in commits for xid in (re.search(r"subxacts: ([\d ]+)", line) or ["", ""])[1].split()]
        if xids:
            assert head["xids"] == f"{min(xids)} {max(xids)}", name
        points = [line for line in complete if "RESTORE_POINT" in line]
        assert [point.split()[3] for point in head["restore-point"]] == ["a%20name%20with%20blanks"] * len(points)
        assert ("switched" in head) == any("rmgr: XLOG" in line and "desc: SWITCH" in line for line in complete)
        compared += len(complete)
    assert compared > 1000


def as_number(lsn):
    high, low = lsn.split("/")
    return int(high, 16) << 32 | int(low, 16)


@pytest.mark.parametrize("version", sorted({*MAJORS, *SERVERS}))
def test_every_major_version(new_server, version):
    if version not in SERVERS:
        pytest.skip(f"there is no PostgreSQL {version}: tests/servers.sh says why")
    server = new_server(version)
    server.start().connect().execute("CREATE TABLE ledger (n int); CREATE TABLE bulk (t text)")
    server.stop()
    base = server.copy("base")
    connection = server.start().connect()
    # A dropped table with statistics, in a prepared transaction: 18 lays its record out in another way.
    connection.execute("CREATE TABLE dropped (i int); INSERT INTO dropped SELECT generate_series(1, 10)")
    connection.execute("BEGIN")
    connection.execute("DROP TABLE dropped")
    connection.execute("INSERT INTO ledger VALUES (1)")
    xid = connection.execute("SELECT txid_current()").fetchone()[0]
    connection.execute("PREPARE TRANSACTION 'p'")
    server.archive_all(connection)
    connection.execute("COMMIT PREPARED 'p'")
    lsn = connection.execute("SELECT pg_current_wal_insert_lsn()").fetchone()[0]
    name = connection.execute("SELECT pg_walfile_name(pg_current_wal_insert_lsn())").fetchone()[0]
    ledger = [(lsn, [1])]
    work(connection, random.Random(version), 15, ledger)
    server.archive_all(connection)
    server.stop()
    oldest, newest = map(int, server.head(name)["xids"].split())
    assert oldest == xid
    for stored in server.stored():
        assert "broken-at" not in server.head(stored), stored
    recovered, connection = recover(base, "recovered", recovery_target_lsn=ledger[-1][0])
    new_server.also(recovered)
    assert rows(connection) == ledger[-1][1]


def test_a_person_restores_with_zstd_alone(new_server):
    """Whatever the codec, and by the script that the documentation shows."""
    server = new_server()
    server.start().connect().execute("CREATE TABLE ledger (n int)")
    server.stop()
    base = server.copy("base")
    for number, codec in enumerate(("zstd", "lz4", "none")):
        command = f"{server.place.program} push --compression {codec} --archive {server.archive} %p"
        connection = server.start(wal_keep_size="1GB", archive_command=command).connect()
        connection.execute(f"INSERT INTO ledger VALUES ({number})")
        lsn = connection.execute("SELECT pg_current_wal_insert_lsn()").fetchone()[0]
        server.archive_all(connection)
        server.stop()
    assert {server.head(name)["codec"] for name in server.stored()} == {"zstd", "lz4", "none"}
    for name in server.stored():
        restored = subprocess.run(["zstd", "-dc", server.path_of(name)], capture_output=True, check=True).stdout
        assert restored == (server.directory / "pg_wal" / name).read_bytes(), name
    page = (ROOT / "docs" / "wal-archive.md").read_text()
    script = server.place.path / "restore"
    script.write_text(page.split("```sh\n")[1].split("```")[0].replace("/var/lib/betterpg/wal-archive/VOLUME", str(server.archive)))
    script.chmod(0o755)
    recovered, connection = recover(base, "recovered", recovery_target_lsn=lsn, restore_command=f"{script} %f %p")
    new_server.also(recovered)
    assert rows(connection) == [0, 1, 2]


def test_is_static_and_small(new_server):
    """So that it runs in any container image, and beside any server."""
    server = new_server()
    listed = subprocess.run(["ldd", server.place.program], capture_output=True, text=True)
    assert "not a dynamic executable" in listed.stdout + listed.stderr
    connection = server.start(archive_command="false").connect()
    connection.execute("CREATE TABLE bulk AS SELECT repeat(md5(i::text), 8) FROM generate_series(1, 250000) i")
    connection.execute("SELECT pg_switch_wal()")
    server.stop()
    ready = sorted(path.stem for path in (server.directory / "pg_wal" / "archive_status").glob("*.ready"))
    assert len(ready) >= 4
    measure = ["/usr/bin/time", "-f", "%M"]
    data = {"cwd": server.directory, "before": measure}
    for codec in ("zstd", "lz4", "none"):
        archive = server.archive.with_name(codec)
        assert server.place.status("init", "--archive", archive, cwd=server.directory) == 0
        push = server.place.run("push", "--archive", archive, "--compression", codec, f"pg_wal/{ready[0]}", **data)
        assert push.returncode == 0 and len(list(archive.glob("*/*.z"))) == len(ready), push.stderr
        assert int(push.stderr) < 8192, codec
        for name in ready:
            get = server.place.run("get", "--archive", archive, name, "pg_wal/RECOVERYXLOG", **data)
            assert get.returncode == 0 and int(get.stderr) < 8192, get.stderr
            assert (server.directory / "pg_wal" / "RECOVERYXLOG").read_bytes() == (server.directory / "pg_wal" / name).read_bytes()


@contextlib.contextmanager
def gone(server):
    away = server.archive.with_name("away")
    server.archive.rename(away)
    yield
    assert not server.archive.exists(), "a missing archive was made anew"
    away.rename(server.archive)


@contextlib.contextmanager
def unwritable(server):
    server.archive.joinpath("tmp").chmod(0o500)
    yield
    server.archive.joinpath("tmp").chmod(0o700)


@contextlib.contextmanager
def full(server):
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    kept = server.archive.with_name("kept")
    server.archive.rename(kept)
    server.archive.mkdir()
    options = f"size=48k,mode=0700,uid={kept.stat().st_uid},gid={kept.stat().st_gid}"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", server.archive], capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.strip()}")
    subprocess.run(["cp", "-a", kept / "archive", kept / "tmp", server.archive], check=True)
    yield
    subprocess.run(["mount", "-o", "remount,size=64m", server.archive], check=True)


@contextlib.contextmanager
def killed(server):
    """Each bpg-wal that is seen. The archiver takes the signal for its own end, and the postmaster starts another."""
    stop = threading.Event()
    kills = []

    def kill():
        while not stop.wait(0.001):
            for process in pathlib.Path("/proc").glob("[0-9]*"):
                with contextlib.suppress(OSError):
                    if (process / "cmdline").read_bytes().startswith(f"{server.place.program}\0push".encode()):
                        os.kill(int(process.name), signal.SIGKILL)
                        kills.append(process.name)

    thread = threading.Thread(target=kill)
    thread.start()
    yield
    eventually(lambda: kills, "no bpg-wal was seen", 60)
    stop.set()
    thread.join()


FAULTS = (gone, unwritable, full, killed)


@pytest.mark.parametrize("fault", FAULTS)
def test_postgres_goes_on_and_catches_up_after_a_fault(new_server, fault):
    server = new_server(segment_size=1 * MB)
    connection = server.start().connect()
    connection.execute("CREATE TABLE ledger (n int); CREATE TABLE bulk (t text)")
    if fault is not full:
        server.archive_all(connection)
    ledger = []
    try:
        with fault(server):
            work(connection, random.Random(3), 20, ledger)
            connection.execute("SELECT pg_switch_wal()")
            if fault is not killed:
                failed = "SELECT failed_count FROM pg_stat_archiver"
                eventually(lambda: connection.execute(failed).fetchone()[0] > 0, "the failure is not counted")
        server.archive_all(connection)
        assert rows(connection) == ledger[-1][1]
        names = server.stored()
        assert names == [f"{int(names[0], 16) + i:024X}" for i in range(len(names))], "there is a gap"
        assert len(names) > 5 and all("broken-at" not in server.head(name) for name in names)
        for name in names:
            assert server.place.status("get", "--archive", server.archive, name, "got") == 0
            assert not list((server.archive / "tmp").iterdir())
    finally:
        if fault is full:
            server.stop()
            subprocess.run(["umount", server.archive], check=False)


def test_the_end_of_a_timeline_is_archived_and_followed(new_server):
    server = new_server(segment_size=1 * MB)
    server.start().connect().execute("CREATE TABLE ledger (n int); CREATE TABLE bulk (t text)")
    server.stop()
    base = server.copy("base")
    connection = server.start().connect()
    ledger = []
    work(connection, random.Random(5), 10, ledger)
    server.archive_all(connection)
    server.stop()
    # A restore in the same archive: here it is one line of history that goes on.
    child, connection = recover(base, "child", recovery_target_lsn=ledger[-1][0], archive_mode="on")
    new_server.also(child)
    connection.execute("INSERT INTO ledger VALUES (1000000)")
    child.archive_all(connection)
    expected = rows(connection)
    child.stop()
    names = child.stored()
    assert "00000002.history" in names
    assert all("broken-at" not in child.head(name) for name in names if len(name) == 24)
    again = base.copy("again")
    ask_for_recovery(again)
    again.start(archive_mode="off", restore_command=f"{again.place.program} get --archive {again.archive} %f %p",
                recovery_target_timeline="2")
    new_server.also(again)
    connection = again.connect()
    eventually(lambda: not connection.execute("SELECT pg_is_in_recovery()").fetchone()[0], "recovery does not end", 60)
    assert rows(connection) == expected


def test_recovery_stops_where_the_archive_cannot_be_read(new_server):
    """Where PostgreSQL took it for the end of the WAL, it would promote early and lose what comes after."""
    server = new_server(segment_size=1 * MB)
    server.start().connect().execute("CREATE TABLE ledger (n int); CREATE TABLE bulk (t text)")
    server.stop()
    base = server.copy("base")
    connection = server.start().connect()
    ledger = []
    work(connection, random.Random(6), 40, ledger)
    server.archive_all(connection)
    server.stop()
    damaged = server.path_of(server.stored()[len(server.stored()) // 2])
    damaged.chmod(0o600)
    os.truncate(damaged, damaged.stat().st_size - 1)
    copy = base.copy("copy")
    new_server.also(copy)
    ask_for_recovery(copy)
    copy.start(archive_mode="off", restore_command=f"{copy.place.program} get --archive {copy.archive} %f %p")
    assert copy.process.wait(60) != 0
    assert "damaged: it is cut short" in (copy.place.path / "log").read_text()
    with pytest.raises(AssertionError):
        copy.connect(seconds=1)
