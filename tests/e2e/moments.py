"""What the tests of restores ask of a branch: its moments, its rows, and that a refusal changes nothing."""

import datetime

from betterpg import eventually


def text(time):
    return time.astimezone(datetime.timezone.utc).isoformat()


def now(bpg, subject="app"):
    """What the clock says, as somebody would type it: all that was committed before is earlier."""
    return text(bpg.sql(subject, "SELECT clock_timestamp()"))


def lsn(bpg, subject="app"):
    return bpg.sql(subject, "SELECT pg_current_wal_insert_lsn()")


def rows(bpg, subject="app"):
    with bpg.connect(subject) as connection:
        return [n for (n,) in connection.execute("SELECT n FROM t ORDER BY n")]


def insert(bpg, n, subject="app"):
    bpg.sql(subject, f"INSERT INTO t VALUES ({n})")


def rows_at(bpg, moment, subject="app"):
    """The rows of a branch that is made of this moment and goes again."""
    bpg.ok("branch", "create", "app/at", "--from", subject, "--at", moment, "--no-archive")
    found = rows(bpg, "app/at")
    bpg.ok("branch", "delete", "app/at", "--now")
    return found


def observe(bpg, subject="app"):
    """What a refusal may not change."""
    branch = bpg.branch(subject)
    return bpg.picture(), branch["volume"]["id"], branch["port"], bpg.postmaster(subject), rows(bpg, subject)


def refused(bpg, status, code, *words):
    """Runs what must be refused before anything stops or changes."""
    before = observe(bpg)
    error = bpg.fails(status, code, *words)
    assert observe(bpg) == before
    return error


def archive_of(bpg, subject="app"):
    return bpg.home / "wal-archive" / bpg.branch(subject)["volume"]["id"]


def switch_wal(bpg, subject="app"):
    """Ends the present segment; its file in the archive, once it is there."""
    name = bpg.superuser(subject, "SELECT pg_walfile_name(pg_current_wal_insert_lsn()); SELECT pg_switch_wal()").split()[0]
    stored = archive_of(bpg, subject) / name[:16] / f"{name}.z"
    eventually(stored.exists, f"{stored} does not come", 120)
    return stored
