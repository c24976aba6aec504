"""A branch is worked on at random, and a ledger says what it held when; then branches are made of random moments of it, and
must hold just that.

BPG_MODEL_CASES says how many moments are tried on each kind of storage (30, and 15 where servers run in containers; a third of it
where each is a full copy), BPG_MODEL_SEED with which seed the first round begins: a failure tells the seed of its round."""

import contextlib
import datetime
import os
import random
import threading

import psycopg
import pytest

from betterpg import RUNTIME

CASES_PER_ROUND = 15
CASES = int(os.environ.get("BPG_MODEL_CASES", CASES_PER_ROUND if RUNTIME == "docker" else 2 * CASES_PER_ROUND))
SEED = int(os.environ.get("BPG_MODEL_SEED", str(random.randrange(10**9))))
MICROSECOND = datetime.timedelta(microseconds=1)
CLIENTS = ("client_a", "client_b")
NOW = "SELECT clock_timestamp(), pg_current_wal_insert_lsn() - '0/0'"


def show_lsn(number):
    return f"{int(number) >> 32:X}/{int(number) & 0xFFFFFFFF:X}"


def show_time(time):
    return time.astimezone(datetime.timezone.utc).isoformat()


def content(connection):
    """What a database holds, but for the clients' tables."""
    tables = connection.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'client%' ORDER BY 1").fetchall()
    held = {
        table: connection.execute(f"SELECT count(*), md5(string_agg(x::text, ',' ORDER BY x::text)) FROM {table} x").fetchone()
        for (table,) in tables
    }
    held["prepared"] = [gid for (gid,) in connection.execute("SELECT gid FROM pg_prepared_xacts ORDER BY 1")]
    return held


def of_clients(connection):
    return {table: {n for (n,) in connection.execute(f"SELECT n FROM {table}")} for table in CLIENTS}


class Point:
    """The branch behind one piece of work: when and where that was, what can name it, and what the branch held."""

    def __init__(self, era, before, after, held, quiet):
        self.era = era
        self.lsn_before = before[1]
        self.time, self.lsn = after
        self.until = self.time  # it held this at least until then
        self.held = held
        self.quiet = quiet
        self.commit_time = None
        self.xids = []
        self.restore_point = None
        self.snapshot = None
        self.previous = era.points[-1] if era.points else None


class Era:
    """The time that the branch spent on a volume without a break."""

    def __init__(self, volume, start_lsn, start_xid, baseline):
        self.volume = volume
        self.start_lsn = start_lsn  # where the first of its WAL is that can be restored
        self.start_xid = start_xid  # no transaction in that WAL has a lower number
        self.baseline = baseline
        self.points = []
        self.commits = []  # of the clients: (table, n, (time, lsn) before, (time, lsn) after)


class Expected:
    """A moment as somebody types it, and what is to be found there."""

    def __init__(self, moment, point, held, certain, possible):
        self.moment = moment
        self.point = point
        self.held = held
        self.certain = certain    # whether a client's commit must be there, of (before, after)
        self.possible = possible  # whether it may be there

    def check(self, connection, words):
        assert content(connection) == self.held, words
        for table, found in of_clients(connection).items():
            here = [commit for commit in self.point.era.commits if commit[0] == table]
            baseline = self.point.era.baseline[table]
            must = baseline | {n for _, n, before, after in here if self.certain(before, after)}
            may = baseline | {n for _, n, before, after in here if self.possible(before, after)}
            assert must <= found <= may, f"{words}: {table}: missing {must - found}, too many {found - may}"


def at_time(moment, point, held):
    return Expected(show_time(moment), point, held, lambda before, after: after[0] <= moment, lambda before, after: before[0] < moment)


def at_place(text, point, low, high):
    return Expected(text, point, point.held, lambda before, after: after[1] <= low, lambda before, after: before[1] < high)


class Workload:
    def __init__(self, bpg, name, seed):
        self.bpg = bpg
        self.subject = f"app/{name}"
        self.random = random.Random(seed)
        self.eras = []
        self.connection = None
        self.number = 2  # m0 to m2 exist already
        self.stop_clients = None
        self.did = []
        bpg.ok("branch", "create", self.subject, "--set", "track_commit_timestamp=on", "--set", "max_prepared_transactions=10")
        self.begin_era()

    # The ledger

    def begin_era(self):
        self.connect()
        present = self.bpg.json("branch", "history", self.subject)[0]
        start = int(self.run(f"SELECT '{present['restorable']['from_lsn']}' - '0/0'::pg_lsn"))
        # What bpg does in a new volume before anybody is let in takes numbers, too.
        start_xid = int(self.run("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")) - 20
        self.eras.append(Era(present["volume"], start, start_xid, of_clients(self.connection)))
        with self.record():
            pass

    @contextlib.contextmanager
    def record(self):
        """What is done inside makes one point."""
        before = self.connection.execute(NOW).fetchone()
        point = Point(self.eras[-1], before, before, None, self.stop_clients is None)
        if point.previous:
            point.previous.until = before[0]
        yield point
        point.time, point.lsn = self.connection.execute(NOW).fetchone()
        point.until = point.time
        point.held = content(self.connection)
        self.eras[-1].points.append(point)

    def connect(self):
        if self.connection:
            self.connection.close()
        self.connection = self.bpg.connect(self.subject)
        self.connection.execute("SET lock_timeout = '300ms'")

    def run(self, sql):
        cursor = self.connection.execute(sql)
        return cursor.fetchone()[0] if cursor.description else None

    def new_number(self):
        self.number += 1
        return self.number

    def tables(self):
        return [table for (table,) in self.connection.execute(
            "SELECT tablename FROM pg_tables WHERE tablename ~ '^m[0-9]+$' ORDER BY 1")]

    # Pieces of work

    def change(self):
        """A statement that changes rows."""
        table = self.random.choice(self.tables())
        n = self.new_number()
        return self.random.choice([
            f"INSERT INTO {table} (n, s) VALUES ({n}, 'row')",
            f"INSERT INTO {table} (n, s) SELECT {n} * 1000 + i, md5(i::text) FROM generate_series(1, {self.random.randrange(200)}) i",
            f"UPDATE {table} SET s = s || '{n}' WHERE n % 3 = {n % 3}",
            f"DELETE FROM {table} WHERE n % 5 = {n % 5}; INSERT INTO {table} (n) VALUES ({n})",
        ])

    def transact(self, statements, end="COMMIT"):
        with self.record() as point:
            self.run("BEGIN")
            for statement in statements:
                self.run(statement)
            point.xids.append(self.run("SELECT (pg_current_xact_id()::text::bigint % (2 ^ 32)::bigint)::text"))
            self.run(end)
            if end == "COMMIT":
                point.commit_time = self.run(f"SELECT pg_xact_commit_timestamp('{point.xids[0]}'::xid)")

    def commit(self):
        self.transact([self.change()])

    def abort(self):
        self.transact([self.change()], "ROLLBACK")

    def savepoints(self):
        with self.record() as point:
            self.run("BEGIN")
            self.run(self.change())
            self.run("SAVEPOINT a")
            self.run(f"INSERT INTO {self.random.choice(self.tables())} (n, s) VALUES ({self.new_number()}, 'sub')")
            self.run("CREATE TABLE IF NOT EXISTS subs (x xid); INSERT INTO subs VALUES ('0')")
            sub = self.run("SELECT xmin::text FROM subs ORDER BY age(xmin) LIMIT 1")
            self.run("RELEASE a; SAVEPOINT b")
            self.run(self.change())
            self.run("ROLLBACK TO b")
            self.run("COMMIT")
            point.xids.append(sub)

    def bulk(self):
        n = self.new_number()
        self.transact([f"INSERT INTO {self.random.choice(self.tables())} (n, s) "
                       f"SELECT {n} * 100000 + i, repeat(md5(i::text), 20) FROM generate_series(1, {self.random.randrange(1000, 12000)}) i"])

    def define(self):
        n = self.new_number()
        tables = self.tables()
        table = self.random.choice(tables)
        choices = [f"CREATE TABLE m{n} (n int PRIMARY KEY, s text); INSERT INTO m{n} VALUES ({n}, 'new')",
                   f"ALTER TABLE {table} ADD COLUMN c{n} int DEFAULT {n}", f"TRUNCATE {table}",
                   f"CREATE INDEX ON {table} (s text_pattern_ops)" if n % 2 else f"ALTER TABLE {table} ALTER COLUMN s SET DEFAULT '{n}'"]
        if len(tables) > 2:
            choices.append(f"DROP TABLE {table}")
        self.transact([self.random.choice(choices)])

    def prepare(self):
        gids = [gid for (gid,) in self.connection.execute("SELECT gid FROM pg_prepared_xacts ORDER BY 1")]
        if len(gids) > 3 or (gids and self.random.random() < 0.6):
            gid = self.random.choice(gids)
            with self.record() as point:
                point.xids.append(self.run(f"SELECT transaction::text FROM pg_prepared_xacts WHERE gid = '{gid}'"))
                self.run(f"{self.random.choice(['COMMIT', 'ROLLBACK'])} PREPARED '{gid}'")
            return
        with self.record():
            self.run("BEGIN")
            self.run(f"INSERT INTO {self.random.choice(self.tables())} (n, s) VALUES ({self.new_number()}, 'prepared')")
            self.run(f"PREPARE TRANSACTION 'p{self.new_number()}'")

    def switch(self):
        with self.record():
            self.bpg.superuser(self.subject, "SELECT pg_switch_wal()")

    def checkpoint(self):
        with self.record():
            self.bpg.superuser(self.subject, "CHECKPOINT")

    def restore_point(self):
        name = f"point {self.new_number()}"
        with self.record() as point:
            self.bpg.superuser(self.subject, f"SELECT pg_create_restore_point('{name}')")
            point.restore_point = name

    def snapshot(self):
        label = f"s{self.new_number()}-{self.subject[4:]}"
        with self.record() as point:
            self.bpg.ok("snapshot", "create", self.subject, "--label", label)
            point.snapshot = label

    def clients(self):
        """Others are at work for the next few pieces of work."""
        if self.stop_clients:
            self.end_clients()
            return
        stop = threading.Event()
        era = self.eras[-1]
        failures = []

        def work(table, first):
            try:
                with self.bpg.connect(self.subject) as connection:
                    for n in range(first, first + 1000):
                        before = connection.execute(NOW).fetchone()
                        connection.execute(f"INSERT INTO {table} VALUES ({n})")
                        era.commits.append((table, n, before, connection.execute(NOW).fetchone()))
                        if stop.wait(0.003):
                            break
            except psycopg.Error as error:
                failures.append(error)

        self.number += 2
        threads = [threading.Thread(target=work, args=(table, (self.number + i) * 1000)) for i, table in enumerate(CLIENTS)]
        for thread in threads:
            thread.start()

        def end():
            stop.set()
            for thread in threads:
                thread.join()
            assert not failures

        self.stop_clients = end

    def end_clients(self):
        if self.stop_clients:
            self.stop_clients()
            self.stop_clients = None

    # What ends the server

    def restart(self):
        self.end_clients()
        with self.record():
            self.bpg.ok("restart", self.subject)
            self.connect()

    def kill(self):
        """What is not on disk yet is lost, and its place in the WAL is taken again: a commit makes all points durable."""
        self.end_clients()
        self.commit()
        with self.bpg.connect(self.subject) as other:
            other.execute(f"BEGIN; INSERT INTO {self.tables()[0]} (n) VALUES (-1)")
            self.bpg.kill_server(self.subject)
            with contextlib.suppress(psycopg.Error):
                other.execute("COMMIT")
        self.connection.close()
        self.bpg.ok("start", self.subject)
        self.connect()
        with self.record():
            pass

    def move(self, *words):
        self.end_clients()
        self.connection.close()
        self.bpg.ok("branch", *words)
        self.begin_era()

    def restore(self):
        self.end_clients()
        expected = self.choose()
        words = f"restore to {expected.moment}"
        self.move("restore", self.subject, "--at", expected.moment)
        expected.check(self.connection, words)

    def reset(self):
        snapshots = [point for era in self.eras for point in era.points if point.snapshot]
        point = self.random.choice([None, *snapshots])
        self.move("reset", self.subject, *(["--to", point.snapshot] if point else []))
        assert not point or content(self.connection) == point.held

    def undo(self):
        if len(self.eras) > 1:
            held = self.before_last_move()
            self.move("undo", self.subject)
            assert self.eras[-1].points[0].held == held

    def before_last_move(self):
        """An undo goes back to the volume before the last move, as it was left."""
        volume = next(era.volume for era in reversed(self.eras) if era.volume != self.eras[-1].volume)
        return next(era for era in reversed(self.eras) if era.volume == volume).points[-1].held

    WORK = [(commit, 10), (abort, 3), (savepoints, 3), (bulk, 2), (define, 4), (prepare, 4), (switch, 2), (checkpoint, 1),
            (restore_point, 2), (snapshot, 1), (clients, 3), (restart, 0.5), (kill, 1), (restore, 0.7), (reset, 0.4), (undo, 0.5)]

    def step(self):
        [work] = self.random.choices([work for work, _ in self.WORK], [weight for _, weight in self.WORK])
        self.did.append(work.__name__)
        try:
            work(self)
        except psycopg.errors.LockNotAvailable:
            self.run("ROLLBACK")  # a prepared transaction holds it

    # Moments

    def newer_eras(self, point):
        """Those on volumes that the branch has been on later: they are looked at first."""
        order = []  # of volumes, the one the branch was on last at the end
        for era in self.eras:
            order = [volume for volume in order if volume != era.volume] + [era.volume]
        newer = order[order.index(point.era.volume) + 1:]
        return [era for era in self.eras if era.volume in newer]

    def is_hidden(self, point):
        """Whether a newer volume has WAL at the same place."""
        return any(era.start_lsn <= point.lsn for era in self.newer_eras(point))

    def is_hidden_xid(self, point, xid):
        """Whether a newer volume may have a transaction of the same number. After a reset it goes on from its parent's, which may be
        lower although the parent's WAL is further."""
        return any(era.start_xid <= int(xid) for era in self.newer_eras(point))

    def choose(self):
        """Some moment of the ledger."""
        while True:
            era = self.random.choice([self.eras[-1], self.random.choice(self.eras)])
            point = self.random.choice(era.points)
            kind = self.random.choice(["time", "time", "lsn", "commit", "before commit", "xid", "restore point", "snapshot"])
            if kind == "time":
                span = (point.until - point.time) // MICROSECOND
                return at_time(point.time + self.random.randint(0, span) * MICROSECOND, point, point.held)
            if kind == "lsn" and not self.is_hidden(point):
                return at_place(show_lsn(point.lsn), point, point.lsn, point.lsn)
            if kind == "commit" and point.commit_time and point.quiet:
                return at_time(point.commit_time, point, point.held)
            if kind == "before commit" and point.commit_time and point.quiet:
                time = point.commit_time - MICROSECOND
                if point.previous and time >= point.previous.time:
                    return at_time(time, point.previous, point.previous.held)
            if kind == "xid" and point.xids:
                xid = self.random.choice(point.xids)
                if not self.is_hidden_xid(point, xid):
                    return at_place(f"xid:{xid}", point, point.lsn_before, point.lsn)
            if kind == "restore point" and point.restore_point:
                return at_place(f"@{point.restore_point}", point, point.lsn_before, point.lsn)
            if kind == "snapshot" and point.snapshot:
                return at_place(point.snapshot, point, point.lsn_before, point.lsn)

    def try_moment(self):
        expected = self.choose()
        made = self.subject + "-at"
        self.bpg.ok("branch", "create", made, "--from", self.subject, "--at", expected.moment, "--no-archive")
        with self.bpg.connect(made) as connection:
            expected.check(connection, f"{expected.moment} of era {self.eras.index(expected.point.era)} of {len(self.eras)}")
        self.bpg.ok("branch", "delete", made, "--now")

    def end(self):
        self.end_clients()
        self.connection.close()


def run_round(bpg, name, seed, cases):
    workload = Workload(bpg, name, seed)
    try:
        for _ in range(12):
            workload.step()
        for _ in range(cases):
            for _ in range(workload.random.randrange(1, 4)):
                workload.step()
            workload.try_moment()
    except BaseException:
        print(f"BPG_MODEL_SEED={seed}: {' '.join(workload.did)}")
        raise
    finally:
        workload.end()
    bpg.ok("branch", "delete", workload.subject, "--now")


def test_every_moment_is_as_the_ledger_says(bpg):
    with bpg.connect("app") as connection:
        for table in CLIENTS:
            connection.execute(f"CREATE TABLE {table} (n int)")
        for i in range(3):
            connection.execute(f"CREATE TABLE m{i} (n int, s text)")
    print(f"BPG_MODEL_SEED={SEED}")
    cases = CASES if bpg.driver != "copy" else (CASES + 2) // 3
    for i, first in enumerate(range(0, cases, CASES_PER_ROUND)):
        run_round(bpg, f"dev{i}", SEED + i, min(CASES_PER_ROUND, cases - first))
