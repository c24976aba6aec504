"""How long the user waits. The limits are those of a quiet machine with two cores. Beside each figure stands its floor, measured
in the same run: where that is slower than on such a machine, the limit grows with it. The run prints all of them at its end."""

import contextlib
import shutil
import statistics
import subprocess
import time

import psycopg
import pytest

from betterpg import PROGRAM

# The floors of the machine that the limits are for (of a snapshot's 5 to 15 ms the least, so that limits grow soonest), in milliseconds: `postgres` until its first answer and a snapshot; /bin/true.
BARE_BRANCH = 35 + 5
BARE_PROCESS = 0.6
# Wide rows: two gigabytes in seconds. COPY and CREATE TABLE AS write no log of a new table where wal_level is minimal.
LOAD = """CREATE TABLE big AS SELECT n AS id, repeat(md5(n::text), 32) AS filler FROM generate_series(1, 1900000) n;
          ALTER TABLE big ADD PRIMARY KEY (id)"""


def seconds(command, **options):
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, **options)
    return time.perf_counter() - began


def median_ms(works, runs):
    """Of each of the works, which say how long they took; in turns, so that all meet the same disturbances."""
    taken = [[work() for work in works] for _ in range(runs)]
    return [1000 * statistics.median(times) for times in zip(*taken)]


def judge(figures, what, measured, limit, floor, floor_of_class):
    allowed = limit * max(1, floor / floor_of_class)
    figures.append(f"{what:45} {measured:6.1f} ms   limit {limit:3} ms, here {allowed:5.1f} ms   floor {floor:5.1f} ms, usually {floor_of_class} ms")
    return measured < allowed


def load_two_gigabytes(bpg):
    bpg.ok("db", "delete", "app", "--now")
    bpg.ok("db", "create", "app", "--no-archive")  # archiving needs more than a minimal log; branches have it all the same
    bpg.superuser("app", "ALTER SYSTEM SET wal_level = minimal")
    bpg.superuser("app", "ALTER SYSTEM SET max_wal_senders = 0")
    bpg.ok("restart", "app")
    bpg.sql("app", LOAD)
    bpg.superuser("app", "ALTER SYSTEM RESET ALL")
    bpg.ok("restart", "app")
    assert bpg.sql("app", "SELECT pg_database_size('app')") > 2 << 30


def first_query(bpg):
    """From the command to the answer; what the test itself does between is not counted."""
    began = time.perf_counter()
    bpg.ok("branch", "create", "app/dev")
    created = time.perf_counter()
    url = bpg.ok("url", "app/dev").out.strip()
    asked = time.perf_counter()
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT id FROM big WHERE id = 1234567").fetchone() == (1234567,)
        answered = time.perf_counter()
    bpg.ok("branch", "delete", "app/dev", "--now")
    return created - began + answered - asked


@contextlib.contextmanager
def stopped_data(bpg):
    bpg.ok("branch", "create", "app/floor")
    bpg.ok("stop", "app/floor")
    yield bpg.volume("app/floor") / "data"
    bpg.ok("branch", "delete", "app/floor", "--now")


def bare_start(bpg, data):
    """PostgreSQL alone, until its first answer."""
    postgres = bpg.server_program("app")
    trust = bpg.directory / "trust.conf"
    trust.write_text("local all all trust\n")
    sockets = bpg.directory / "sockets"
    sockets.mkdir(exist_ok=True)
    sockets.chmod(0o777)
    options = {"listen_addresses": "", "unix_socket_directories": sockets, "hba_file": trust, "shared_buffers": "32MB", "port": 5}
    words = [postgres, "-D", data, *(f"--{name}={value}" for name, value in options.items())]
    began = time.perf_counter()
    server = subprocess.Popen(words, user="postgres", group="postgres", extra_groups=[], cwd="/", stderr=subprocess.DEVNULL)
    try:
        while True:
            with contextlib.suppress(psycopg.OperationalError):
                with psycopg.connect(host=str(sockets), port=5, user="postgres", dbname="postgres") as connection:
                    connection.execute("SELECT 1")
                    return time.perf_counter() - began
            assert server.poll() is None and time.perf_counter() < began + 60, "PostgreSQL does not start"
            time.sleep(0.0005)
    finally:
        server.terminate()
        server.wait()


def bare_snapshot(bpg):
    """The storage's own program, of the same volume."""
    volume = bpg.volume("app")
    copy = volume.with_name("floor")
    if bpg.driver == "btrfs":
        taken = seconds(["btrfs", "subvolume", "snapshot", volume, copy])
        seconds(["btrfs", "subvolume", "delete", copy])
    else:
        taken = seconds(["cp", "-a", "--reflink=always", volume, copy])
        shutil.rmtree(copy)
    return taken


def bare_process():
    return seconds(["/bin/true"])


@pytest.mark.parametrize("bpg", ["btrfs", "reflink"], indirect=True)
def test_a_branch_of_two_gigabytes(bpg, figures):
    load_two_gigabytes(bpg)
    with stopped_data(bpg) as data:
        assert bpg.json("branch", "get", "app/floor")["archived"]
        works = [lambda: first_query(bpg), lambda: bare_start(bpg, data), lambda: bare_snapshot(bpg)]
        query, start, snapshot = median_ms(works, 11)
    figures.append(f"bare start of 2 GB, {bpg.driver}: {start:.1f} ms; bare snapshot: {snapshot:.1f} ms")
    good = judge(figures, f"first query of a new branch of 2 GB, {bpg.driver}", query, 100, start + snapshot, BARE_BRANCH)
    assert good or bpg.driver != "btrfs", figures[-1]


def test_status_of_twenty_branches(any_bpg, figures):
    for number in range(19):
        any_bpg.ok("branch", "create", f"app/b{number}")
    assert len(any_bpg.branches()) == 20
    command = any_bpg.command("status")
    status, floor = median_ms([lambda: seconds(command, env=any_bpg.environment()), bare_process], 30)
    assert judge(figures, "bpg status, 20 branches", status, 50, floor, BARE_PROCESS), figures[-1]


def test_version(figures):
    version, floor = median_ms([lambda: seconds([PROGRAM, "--version"]), bare_process], 40)
    assert judge(figures, "bpg --version", version, 15, floor, BARE_PROCESS), figures[-1]
