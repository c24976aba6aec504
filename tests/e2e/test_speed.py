"""How long the user waits. The limits are those of a quiet machine with two cores. Beside each figure stands its floor, measured
in the same run: where that is slower than on such a machine, the limit grows with it. A branch is also compared with one that is
made by hand: the storage's own snapshot of the running server's files, and PostgreSQL started on it. The run prints all of them at
its end."""

import contextlib
import os
import shutil
import statistics
import subprocess
import time

import psycopg
import pytest

from betterpg import PROGRAM, docker

pytestmark = pytest.mark.native("how long it takes")

# The floors of the machine that the limits are for (of a snapshot's 5 to 15 ms the least, so that limits grow soonest), in milliseconds: `postgres` until its first answer and a snapshot; /bin/true.
BARE_BRANCH = 35 + 5
BARE_PROCESS = 0.6
SERVER_IN_IMAGE = ["/usr/lib/postgresql/15/bin/postgres"]
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


def slowness(floor, floor_of_class):
    return max(1, floor / floor_of_class)


def judge(figures, what, measured, limit, floor, floor_of_class):
    allowed = limit * slowness(floor, floor_of_class)
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


def wait_for_answer(began, alive, **endpoint):
    """Seconds from `began` to the first answer of a server that starts. Nothing tells a client when."""
    while True:
        with contextlib.suppress(psycopg.OperationalError):
            with psycopg.connect(user="postgres", **endpoint) as connection:
                connection.execute("SELECT 1")
                return time.perf_counter() - began
        assert alive() and time.perf_counter() < began + 60, "PostgreSQL does not start"
        time.sleep(0.0005)


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
        return wait_for_answer(began, lambda: server.poll() is None, host=str(sockets), port=5, dbname="postgres")
    finally:
        server.terminate()
        server.wait()


@contextlib.contextmanager
def snapshot_by_hand(bpg):
    """The storage's own program, of app's volume: the seconds that it took, and the data directory of the clone."""
    volume = bpg.volume("app")
    copy = volume.with_name("by-hand")
    if bpg.driver == "btrfs":
        taken = seconds(["btrfs", "subvolume", "snapshot", volume, copy])
        remove = lambda: seconds(["btrfs", "subvolume", "delete", copy])  # noqa: E731
    else:
        taken = seconds(["cp", "-a", "--reflink=always", volume, copy])
        remove = lambda: shutil.rmtree(copy)  # noqa: E731
    try:
        (copy / "data" / "postmaster.pid").unlink()
        yield taken, copy / "data"
    finally:
        remove()


def bare_snapshot(bpg):
    with snapshot_by_hand(bpg) as (taken, _):
        return taken


def branch_by_hand(bpg, start):
    """A clone of the running server, until it answers: `start` says how long that takes on the clone's data directory."""
    with snapshot_by_hand(bpg) as (taken, data):
        return taken + start(bpg, data)


def compare(figures, what, measured, by_hand, at_most, slower=1):
    """By hand it is mostly waiting for the disk; where others want the processor, bpg has more to lose."""
    times = measured / by_hand
    figures.append(f"{what:45} {measured:6.1f} ms   by hand {by_hand:5.1f} ms: {times:.2f} times that; limit {at_most}, here {at_most * slower:.2f}")
    return times <= at_most * slower


def bare_process():
    return seconds(["/bin/true"])


@pytest.mark.parametrize("bpg", ["btrfs", "reflink"], indirect=True)
def test_a_branch_of_two_gigabytes(bpg, figures):
    load_two_gigabytes(bpg)
    with stopped_data(bpg) as data:
        assert bpg.json("branch", "get", "app/floor")["archived"]
        works = [
            lambda: first_query(bpg), lambda: branch_by_hand(bpg, bare_start),
            lambda: bare_start(bpg, data), lambda: bare_snapshot(bpg),
        ]
        query, by_hand, start, snapshot = median_ms(works, 11)
    figures.append(f"bare start of 2 GB, {bpg.driver}: {start:.1f} ms; bare snapshot: {snapshot:.1f} ms")
    what = f"first query of a new branch of 2 GB, {bpg.driver}"
    good = judge(figures, what, query, 100, start + snapshot, BARE_BRANCH)
    as_by_hand = compare(figures, what, query, by_hand, 1.25, slowness(start + snapshot, BARE_BRANCH))
    # What cp makes of a running server's files is not a copy of them at one moment: bpg does more there.
    assert (good and as_by_hand) or bpg.driver != "btrfs", figures[-2:]


def run_container(bpg, data):
    """`docker run` alone, until the first answer."""
    trust = bpg.directory / "trust.conf"
    trust.write_text("host all all all trust\n")
    trust.chmod(0o644)
    port = bpg.branch("app")["port"] + 290
    words = [
        "run", "--detach", "--name", "by-hand", "--user", "postgres", "--network", os.environ["BPG_TEST_DOCKER_NETWORK"],
        "--publish", f"127.0.0.1:{port}:5432", "--volume", f"{data}:/data", "--volume", f"{trust}:/trust.conf",
        os.environ["BPG_TEST_IMAGE_PLAIN"], *SERVER_IN_IMAGE, "-D", "/data", "--listen_addresses=*", "--hba_file=/trust.conf",
        "--shared_buffers=32MB",
    ]
    began = time.perf_counter()
    docker(*words)
    try:
        return wait_for_answer(began, lambda: docker("ps", "--quiet", "--filter", "name=by-hand"), host="127.0.0.1", port=port, dbname="postgres")
    finally:
        docker("rm", "--force", "by-hand")


@pytest.mark.parametrize("driver", ["btrfs", "reflink"])
def test_a_branch_in_a_container(driver, new_bpg, figures):
    host = os.environ.get("BPG_TEST_DOCKER_HOST")
    if not host:
        pytest.skip("BPG_TEST_DOCKER_HOST is not set: there is no Docker")
    bpg = new_bpg(driver, config=f"docker.host: {host}\n")
    bpg.ok("db", "create", "app", "--image", os.environ["BPG_TEST_IMAGE_PLAIN"])
    bpg.sql("app", "CREATE TABLE big AS SELECT generate_series(1, 1300000) AS id; ALTER TABLE big ADD PRIMARY KEY (id)")
    query, by_hand = median_ms([lambda: first_query(bpg), lambda: branch_by_hand(bpg, run_container)], 7)
    bpg.ok("db", "delete", "app", "--force", "--now")
    assert compare(figures, f"first query of a new branch in a container, {driver}", query, by_hand, 1.3), figures[-1]


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
