"""What a branch holds is what its source held: under load, in every kind of object, in every file."""

import contextlib
import os
import subprocess

import pytest

from betterpg import eventually, installed

SUMS = """SELECT (SELECT sum(abalance) FROM pgbench_accounts), (SELECT sum(tbalance) FROM pgbench_tellers),
                 (SELECT sum(bbalance) FROM pgbench_branches), (SELECT coalesce(sum(delta), 0) FROM pgbench_history)"""
CHECK_INDEXES = """CREATE EXTENSION IF NOT EXISTS amcheck;
    SELECT count(bt_index_check(indexrelid, heapallindexed => true)) FROM pg_index JOIN pg_class c ON c.oid = indexrelid
    JOIN pg_am a ON a.oid = relam WHERE amname = 'btree' AND relpersistence = 'p'"""
CHECK_TABLES = """SELECT count(*) FROM pg_class c, LATERAL verify_heapam(c.oid) WHERE relkind = 'r' AND relpersistence = 'p'"""


def pgbench(bpg, subject, *arguments):
    return [installed() / "pgbench", *arguments, bpg.ok("url", subject).out.strip()]


@contextlib.contextmanager
def load(bpg, subject):
    """Four clients at work on the database."""
    worker = subprocess.Popen(pgbench(bpg, subject, "-n", "-c", "4", "-T", "300"), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        eventually(lambda: bpg.sql(subject, "SELECT count(*) FROM pgbench_history") > 100, "pgbench does not work")
        yield
        assert worker.poll() is None, worker.stderr.read()
    finally:
        worker.kill()
        worker.wait()


def owner(data):
    """The account that a data directory belongs to, for a program that works on it."""
    status = data.stat()
    return {"user": status.st_uid, "group": status.st_gid, "extra_groups": []} if os.geteuid() == 0 else {}


def check_files(bpg, subject):
    """Stops the server and reads every page: pg_checksums tells of a wrong one by its exit status."""
    bpg.ok("stop", subject)
    data = bpg.volume(subject) / "data"
    subprocess.run([installed() / "pg_checksums", "--check", "-D", data], check=True, capture_output=True, cwd="/", **owner(data))
    bpg.ok("start", subject)


def content(bpg, subject):
    """A checksum of every row of every table of the application, and the state of its sequences."""
    with bpg.connect(subject) as connection:
        tables = connection.execute("""SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
                                       WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1""").fetchall()
        found = {
            table: connection.execute(f"SELECT count(*), md5(string_agg(t::text, ',' ORDER BY t::text)) FROM {table} t").fetchone()
            for (table,) in tables
        }
        found["sequences"] = connection.execute("SELECT sequencename, last_value FROM pg_sequences ORDER BY 1").fetchall()
        found["large objects"] = connection.execute("SELECT md5(string_agg(lo_get(oid), '' ORDER BY oid)) FROM pg_largeobject_metadata").fetchall()
        return found


def test_five_branches_of_a_busy_database(bpg):
    subprocess.run(pgbench(bpg, "app", "-i", "-q", "-s", "2"), check=True, capture_output=True)
    names = [f"app/b{number}" for number in range(5)]
    with load(bpg, "app"):
        for name in names:
            bpg.ok("branch", "create", name)
    rows = []
    for name in names:
        with bpg.connect(name) as connection:
            sums = connection.execute(SUMS).fetchone()
            assert len(set(sums)) == 1, f"{name}: {sums}"
            rows.append(connection.execute("SELECT count(*) FROM pgbench_history").fetchone()[0])
        assert int(bpg.superuser(name, CHECK_INDEXES).splitlines()[-1]) > 50
        assert bpg.superuser(name, CHECK_TABLES) == "0"
    assert rows == sorted(rows) and rows[0] > 0
    for name in names[:2]:
        before = content(bpg, name)
        check_files(bpg, name)
        assert content(bpg, name) == before
    bpg.ok("branch", "create", "app/quiet")
    assert content(bpg, "app/quiet") == content(bpg, "app")


def test_what_was_committed_before_is_in_the_branch(bpg):
    """Every commit that returned before the command began, and none of a transaction that was open."""
    with bpg.connect("app") as done, bpg.connect("app") as undone:
        undone.autocommit = False
        undone.execute("INSERT INTO t VALUES (-1)")
        for number in range(5):
            done.execute("INSERT INTO t VALUES (%s)", [1000 + number])
            bpg.ok("branch", "create", f"app/b{number}")
            assert bpg.sql(f"app/b{number}", "SELECT max(n) FROM t") == 1000 + number
            assert bpg.sql(f"app/b{number}", "SELECT min(n) FROM t") == 1
        undone.commit()
    assert bpg.sql("app", "SELECT min(n) FROM t") == -1


@pytest.mark.parametrize("fast", [[], ["--fast"]], ids=["checkpoint", "fast"])
def test_snapshots_of_a_busy_database(bpg, fast):
    if fast and not bpg.atomic:
        assert bpg.fails(5, "refused", "snapshot", "create", "app", *fast)
        return
    subprocess.run(pgbench(bpg, "app", "-i", "-q"), check=True, capture_output=True)
    with load(bpg, "app"):
        bpg.ok("snapshot", "create", "app", "--label", "busy", *fast)
        bpg.ok("branch", "create", "app/live", *fast)
    bpg.ok("branch", "create", "app/then", "--from", "app@busy")
    for name in ("app/live", "app/then"):
        with bpg.connect(name) as connection:
            assert len(set(connection.execute(SUMS).fetchone())) == 1
        assert bpg.superuser(name, CHECK_INDEXES)
        check_files(bpg, name)


def test_every_kind_of_object_comes_along(bpg):
    bpg.superuser("app", "CREATE EXTENSION hstore; CREATE EXTENSION pg_trgm")
    with bpg.connect("app") as connection:
        connection.execute("""
            CREATE SCHEMA shop;
            CREATE TABLE shop.customer (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text UNIQUE, tags hstore);
            CREATE TABLE shop.purchase (id serial PRIMARY KEY, customer bigint NOT NULL REFERENCES shop.customer ON DELETE CASCADE,
                                        note text, CHECK (note <> ''));
            CREATE INDEX ON shop.purchase USING gin (note gin_trgm_ops);
            CREATE VIEW shop.busy AS SELECT customer, count(*) FROM shop.purchase GROUP BY 1;
            CREATE FUNCTION shop.twice(n int) RETURNS int LANGUAGE sql AS 'SELECT 2 * n';
            INSERT INTO shop.customer (name, tags) SELECT 'customer ' || n, hstore('n', n::text) FROM generate_series(1, 500) n;
            INSERT INTO shop.purchase (customer, note) SELECT 1 + n % 500, 'note ' || n FROM generate_series(1, 5000) n;
            CREATE TABLE large (id int PRIMARY KEY, plain text, packed text);
            ALTER TABLE large ALTER plain SET STORAGE EXTERNAL;
            INSERT INTO large SELECT n, repeat(md5(n::text), 100000), repeat('x', 10000000) FROM generate_series(1, 3) n;
            SELECT lo_from_bytea(0, decode(repeat('00ff', 1000000), 'hex'));
            CREATE UNLOGGED TABLE scratch AS SELECT 1 AS n""")
        connection.execute("CREATE DATABASE second")
    second = bpg.ok("url", "app").out.strip().replace("/app", "/second")
    subprocess.run(["psql", "-Xqc", "CREATE TABLE there AS SELECT generate_series(1, 42) AS n", second], check=True)
    bpg.ok("branch", "create", "app/dev")
    bpg.ok("branch", "create", "app/child", "--from", "app/dev")

    expected = content(bpg, "app")
    assert expected["public.large"][0] == 3
    for name in ("app/dev", "app/child"):
        found = content(bpg, name)
        # Unlogged tables are empty after a recovery, on every server (PostgreSQL: CREATE TABLE, UNLOGGED).
        assert found.pop("public.scratch")[0] in (0, 1)
        assert found == {key: value for key, value in expected.items() if key != "public.scratch"}
        there = bpg.ok("url", name).out.strip().replace("/app", "/second")
        assert subprocess.run(["psql", "-XAtc", "SELECT count(*) FROM there", there], capture_output=True, text=True).stdout == "42\n"
        assert int(bpg.superuser(name, CHECK_INDEXES).splitlines()[-1]) > 50

    with bpg.connect("app/dev") as connection:
        assert connection.execute("INSERT INTO shop.customer (name) VALUES ('new') RETURNING id").fetchone() == (501,)
        assert connection.execute("SELECT count(*) FROM shop.purchase WHERE note ILIKE '%note 499_%'").fetchone() == (10,)
        assert connection.execute("SELECT shop.twice(21), tags -> 'n' FROM shop.customer WHERE id = 7").fetchone() == (42, "7")
        for refused in ("INSERT INTO shop.purchase (customer, note) VALUES (9999, 'x')", "INSERT INTO shop.customer (name) VALUES ('new')",
                        "UPDATE shop.purchase SET note = ''"):
            with pytest.raises(Exception, match="violates"):
                connection.execute(refused)
        assert connection.execute("DELETE FROM shop.customer WHERE id = 1").rowcount == 1
        assert connection.execute("SELECT count(*) FROM shop.purchase WHERE customer = 1").fetchone() == (0,)
    assert bpg.sql("app", "INSERT INTO shop.customer (name) VALUES ('other') RETURNING id") == 501
    assert bpg.sql("app/child", "SELECT last_value FROM shop.purchase_id_seq") == 5000


def test_prepared_transactions_come_along(bpg):
    with bpg.connect("app") as connection:
        connection.execute("ALTER TABLE t ADD UNIQUE (n)")
    bpg.superuser("app", "ALTER SYSTEM SET max_prepared_transactions = 5")
    bpg.ok("restart", "app")
    with bpg.connect("app") as connection:
        connection.autocommit = False
        connection.execute("INSERT INTO t VALUES (4)")
        connection.execute("PREPARE TRANSACTION 'two-phase'")
    bpg.ok("branch", "create", "app/dev")
    assert bpg.sql("app/dev", "SELECT count(*) FROM t") == 3
    bpg.sql("app/dev", "COMMIT PREPARED 'two-phase'")
    assert bpg.sql("app/dev", "SELECT count(*) FROM t") == 4
    bpg.sql("app", "ROLLBACK PREPARED 'two-phase'")


def test_a_killed_parent_is_branched_as_after_a_crash(bpg):
    bpg.sql("app", "INSERT INTO t VALUES (4)")
    bpg.kill_server("app")
    bpg.ok("branch", "create", "app/dev")
    assert bpg.sql("app/dev", "SELECT count(*) FROM t") == 4
    assert bpg.branch("app/main")["status"] == "stopped"
    bpg.ok("start", "app")
    assert bpg.sql("app", "SELECT count(*) FROM t") == 4


def test_outside_tablespaces_are_refused(one_of_each):
    bpg = one_of_each
    # Of what is outside of a volume, a container sees this directory.
    place = bpg.home / "run" / bpg.branch("app")["volume"]["id"] / "elsewhere"
    place.mkdir(mode=0o700)
    os.chown(place, place.parent.stat().st_uid, -1)
    bpg.superuser("app", f"CREATE TABLESPACE elsewhere LOCATION '{place}'")
    before = bpg.picture()
    error = bpg.fails(5, "refused", "branch", "create", "app/dev")
    assert "tablespace" in error["message"]
    assert bpg.picture() == before


def test_a_clone_does_not_act_as_its_source(one_of_each):
    bpg = one_of_each
    bpg.superuser("app", "CREATE SUBSCRIPTION theirs CONNECTION 'host=127.0.0.1 port=1 dbname=nowhere' PUBLICATION p WITH (connect = false)")
    bpg.superuser("app", "ALTER SUBSCRIPTION theirs ENABLE")
    workers = "SELECT current_setting('max_logical_replication_workers')::int > 0"
    subscription = "SELECT subenabled, subslotname IS NULL FROM pg_subscription"
    bpg.ok("restore-point", "create", "app", "here")
    bpg.ok("branch", "create", "app/dev")
    bpg.ok("branch", "create", "app/look", "--at", "@here")
    assert bpg.superuser("app", subscription) == "t|f"
    for branch in ("app/dev", "app/look"):
        assert bpg.superuser(branch, workers) == "f", "it could have taken over the slot before it was cut off"
        assert bpg.superuser(branch, "SHOW cron.launch_active_jobs") == "off"
        assert bpg.superuser(branch, subscription) == "f|t"
        bpg.ok("restart", branch)
        assert bpg.superuser(branch, workers) == "t"
        assert bpg.superuser(branch, subscription) == "f|t"
