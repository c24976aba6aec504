"""Branches that expire, branches that are protected, and what a clean-up takes."""

import psycopg
import pytest

DAY = 24 * 3600
TWO_HOURS_LATER = {"BPG_CLOCK_OFFSET": "7200"}
DAYS_LATER = {"BPG_CLOCK_OFFSET": str(3 * DAY)}


def seconds(bpg, subject):
    """How long the branch has, as the server of main counts."""
    return bpg.sql("app", f"SELECT extract(epoch FROM '{bpg.branch(subject)['expires_at']}'::timestamptz - now())")


def clean_up(bpg, *options, **environment):
    """What `cleanup` says: {subject: (kind, deleted, freed)}."""
    entries = bpg.json("cleanup", *options, **environment)
    assert all(entry["why"] for entry in entries)
    return {entry["subject"]: (entry["kind"], entry["deleted"], entry["freed"]) for entry in entries}


def test_a_branch_expires_only_if_somebody_says_so(any_bpg):
    bpg = any_bpg
    bpg.ok("branch", "create", "app/dev")
    assert bpg.branch("app/dev")["expires_at"] is None
    assert bpg.json("cleanup", "--expired", BPG_CLOCK_OFFSET=str(3000 * DAY)) == []
    assert "Nothing has expired" in bpg.ok("cleanup", "--expired").out
    assert set(bpg.branches()) == {"app/main", "app/dev"}


def test_a_time_to_live(any_bpg):
    bpg = any_bpg
    bpg.ok("branch", "create", "app/dev", "--ttl", "1h30m")
    assert 5300 < seconds(bpg, "app/dev") <= 5400
    for command in (["branch", "list"], ["status"]):
        assert "expires in 1 h" in bpg.ok(*command).out
        assert "expired since" in bpg.ok(*command, **TWO_HOURS_LATER).out
    assert "expires" in bpg.ok("info", "app/dev").out
    assert bpg.json("cleanup", "--expired") == []
    assert clean_up(bpg, "--expired", "--dry-run", **TWO_HOURS_LATER) == {"app/dev": ("branch", True, False)}
    assert "app/dev" in bpg.branches()
    assert bpg.json("cleanup", **TWO_HOURS_LATER) == []  # only --expired deletes branches
    assert clean_up(bpg, "--expired", **TWO_HOURS_LATER) == {"app/dev": ("branch", True, False)}
    assert set(bpg.branches()) == {"app/main"}
    assert len(bpg.json("status")["retained"]) == 1


def test_an_expired_branch_can_be_brought_back_and_does_not_expire_again(any_bpg):
    bpg = any_bpg
    bpg.ok("branch", "create", "app/dev", "--ttl", "1h")
    bpg.sql("app/dev", "INSERT INTO t VALUES (4)")
    bpg.ok("cleanup", "--expired", **TWO_HOURS_LATER)
    branch = bpg.json("branch", "undelete", "app/dev", **TWO_HOURS_LATER)
    assert (branch["status"], branch["expires_at"]) == ("running", None)
    assert bpg.sql("app/dev", "SELECT count(*) FROM t") == 4
    assert bpg.json("cleanup", "--expired", **DAYS_LATER) == []


def test_one_that_was_deleted_before_its_time_keeps_it(any_bpg):
    any_bpg.ok("branch", "create", "app/dev", "--ttl", "1h")
    any_bpg.ok("branch", "delete", "app/dev")
    assert any_bpg.json("branch", "undelete", "app/dev")["expires_at"]


def test_a_moment_is_given_with_its_zone(any_bpg):
    bpg = any_bpg
    created = bpg.json("branch", "create", "app/dev", "--expires-at", "2099-10-07T14:30:00.5+02:00")
    assert created["expires_at"] == "2099-10-07T12:30:00.500000Z"
    assert bpg.json("branch", "expire", "app/dev", "--at", "2099-10-07 14:30:00Z")["expires_at"] == "2099-10-07T14:30:00Z"
    assert bpg.json("branch", "expire", "app/dev", "--never")["expires_at"] is None
    bpg.ok("branch", "expire", "app/dev", "--in", "2d")
    assert 2 * DAY - 100 < seconds(bpg, "app/dev") <= 2 * DAY
    assert bpg.ok("branch", "expire", "app/dev", "--never").out == "app/dev does not expire\n"


@pytest.mark.parametrize(
    "options",
    [["--ttl", "soon"], ["--ttl", "0s"], ["--ttl", "-1h"], ["--ttl", "2"], ["--ttl", ""], ["--expires-at", "tomorrow"],
     ["--expires-at", "2099-10-07"], ["--expires-at", "2099-10-07T14:30:00"], ["--expires-at", "2099-02-30T14:30:00Z"],
     ["--expires-at", "2001-10-07T14:30:00Z"], ["--ttl", "1h", "--expires-at", "2099-10-07T14:30:00Z"]],
)
def test_wrong_moments(any_bpg, options):
    any_bpg.fails(2, "usage", "branch", "create", "app/dev", *options)
    assert set(any_bpg.branches()) == {"app/main"}


def test_wrong_use_of_expire(any_bpg):
    bpg = any_bpg
    bpg.ok("branch", "create", "app/dev")
    bpg.fails(2, "usage", "branch", "expire", "app/dev")
    bpg.fails(2, "usage", "branch", "expire", "app/dev", "--in", "1h", "--never")
    bpg.fails(2, "usage", "branch", "expire", "app/dev", "--at", "2001-10-07T14:30:00Z")
    bpg.fails(3, "not_found", "branch", "expire", "app/nope", "--in", "1h")
    assert "db delete" in bpg.fails(5, "refused", "branch", "expire", "app", "--in", "1h")["hint"]
    bpg.ok("branch", "expire", "app", "--never")
    assert bpg.branch("app/dev")["expires_at"] is None


def test_an_expired_branch_with_children_is_left_and_said_so(any_bpg):
    bpg = any_bpg
    bpg.ok("branch", "create", "app/dev", "--ttl", "1h")
    bpg.ok("branch", "create", "app/child", "--from", "app/dev")
    [entry] = bpg.json("cleanup", "--expired", **TWO_HOURS_LATER)
    assert (entry["deleted"], entry["why"]) == (False, "app/child comes from it")
    assert "app/child comes from it" in bpg.ok("cleanup", "--expired", **TWO_HOURS_LATER).out
    bpg.ok("branch", "expire", "app/child", "--in", "1h")
    both = {"app/dev": ("branch", True, False), "app/child": ("branch", True, False)}
    assert clean_up(bpg, "--expired", "--dry-run", **TWO_HOURS_LATER) == both
    assert clean_up(bpg, "--expired", **TWO_HOURS_LATER) == both
    assert set(bpg.branches()) == {"app/main"}


def test_expired_and_deleted_in_one(any_bpg):
    bpg = any_bpg
    bpg.ok("branch", "create", "app/old")
    bpg.ok("branch", "create", "app/dev", "--ttl", "1h")
    bpg.ok("branch", "create", "app/held")
    bpg.ok("snapshot", "create", "app/held", "--label", "s")
    bpg.ok("branch", "reset", "app/held")
    bpg.ok("branch", "delete", "app/old")
    expected = {"app/dev": ("branch", True, False), "app/old": ("volume", False, True), "app/held": ("volume", False, False)}
    dry = bpg.json("cleanup", "--expired", "--deleted", "--dry-run", **DAYS_LATER)
    assert {entry["subject"]: (entry["kind"], entry["deleted"], entry["freed"]) for entry in dry} == expected
    why = {entry["subject"]: entry["why"] for entry in dry}
    assert why["app/held"] == "snapshot 's' needs it"
    assert "window has passed" in why["app/old"] and "no branch comes from it" in why["app/dev"]
    assert all(entry["unique_bytes"] is not None for entry in dry)
    assert [entry["held_by"] for entry in dry if entry["kind"] == "branch"] == [None]
    page = bpg.ok("cleanup", "--expired", "--deleted", "--dry-run", **DAYS_LATER).out
    assert "would delete 1 expired branch" in page and "would free 1 of 3" in page
    done = bpg.json("cleanup", "--expired", "--deleted", **DAYS_LATER)
    assert {"app/old", "app/held", "app/dev"} == {entry["subject"] for entry in done}
    assert set(bpg.branches()) == {"app/main", "app/held"}
    assert {kept["subject"] for kept in bpg.json("status")["retained"]} == {"app/dev", "app/held"}


def test_expired_now_frees_at_once(bpg):
    bpg.ok("branch", "create", "app/dev", "--ttl", "1h")
    assert clean_up(bpg, "--expired", "--now", "--dry-run", **TWO_HOURS_LATER) == {"app/dev": ("branch", True, True)}
    assert clean_up(bpg, "--expired", "--now", **TWO_HOURS_LATER) == {"app/dev": ("branch", True, True)}
    assert bpg.json("status")["retained"] == []
    bpg.assert_tidy()


def test_a_clean_up_that_fails_or_is_killed_goes_on_with_the_next(any_bpg):
    bpg = any_bpg
    for action in ("fail", "fail-after", "kill", "kill-after"):
        bpg.ok("branch", "create", "app/dev", "--ttl", "1h")
        assert bpg.run("cleanup", "--expired", BPG_FAULT=f"retire:{action}", **TWO_HOURS_LATER).status != 0
        gone = action.endswith("after")
        assert ("app/dev" in bpg.branches()) != gone
        assert len(bpg.json("cleanup", "--expired", **TWO_HOURS_LATER)) == (0 if gone else 1)
        bpg.ok("cleanup", "--now")
        bpg.assert_tidy()


@pytest.fixture
def protected(any_bpg):
    """A protected branch app/dev with something to undo and a branch app/child."""
    any_bpg.ok("branch", "create", "app/dev")
    any_bpg.ok("branch", "reset", "app/dev")
    any_bpg.ok("branch", "create", "app/child", "--from", "app/dev")
    assert any_bpg.json("branch", "protect", "app/dev")["protected"]
    yield any_bpg
    any_bpg.ok("branch", "unprotect", "app/dev")


def test_a_protected_branch_stays_as_it_is(protected):
    bpg = protected
    assert "protected" in bpg.ok("status").out
    assert "protected" in bpg.ok("info", "app/dev").out

    def state():
        """But for its sizes: its server writes what it will."""
        branch = bpg.branch("app/dev")
        return {**branch, "volume": branch["volume"]["id"]}

    before = state()
    for command in (
        ["branch", "reset", "app/dev"], ["branch", "reset", "app/dev", "--now"], ["branch", "undo", "app/dev"],
        ["branch", "delete", "app/dev", "--cascade"], ["branch", "delete", "app/dev", "--reparent"],
        ["branch", "expire", "app/dev", "--in", "1h"], ["db", "delete", "app", "--force"], ["db", "delete", "app", "--force", "--now"],
    ):
        error = bpg.fails(5, "refused", *command)
        assert "app/dev is protected" in error["message"]
        assert "bpg branch unprotect app/dev" in error["hint"]
    assert state() == before
    bpg.ok("restart", "app/dev")
    bpg.ok("branch", "rename", "app/dev", "live")
    bpg.ok("branch", "rename", "app/live", "dev")
    assert bpg.sql("app/dev", "SELECT count(*) FROM t") == 3
    bpg.ok("branch", "unprotect", "app/dev")
    bpg.ok("branch", "undo", "app/dev")


def test_protection_ends_an_expiry(any_bpg):
    bpg = any_bpg
    bpg.ok("branch", "create", "app/dev", "--ttl", "1h")
    assert bpg.json("branch", "protect", "app/dev")["expires_at"] is None
    assert bpg.json("cleanup", "--expired", **TWO_HOURS_LATER) == []
    assert not bpg.json("branch", "unprotect", "app/dev")["protected"]


def test_wrong_use_of_protect(any_bpg):
    any_bpg.fails(2, "usage", "branch", "protect")
    any_bpg.fails(3, "not_found", "branch", "protect", "app/nope")
    any_bpg.fails(3, "not_found", "branch", "unprotect", "nope")
    any_bpg.ok("branch", "unprotect", "app")


def opens(bpg, subject, user, password):
    branch = bpg.branch(subject)
    try:
        with psycopg.connect(host=branch["host"], port=branch["port"], user=user, password=password, dbname="app"):
            return True
    except psycopg.OperationalError as error:
        assert "password authentication failed" in str(error)
        return False


def test_no_password_of_a_protected_branch_opens_its_children(one_of_each):
    bpg = one_of_each
    bpg.superuser("app", """CREATE ROLE "We ird" LOGIN PASSWORD 'secret'; CREATE ROLE boss SUPERUSER LOGIN PASSWORD 'secret'; CREATE ROLE group1""")
    bpg.ok("branch", "create", "app/before")
    bpg.ok("branch", "create", "app/reset")
    bpg.ok("snapshot", "create", "app", "--label", "s")
    bpg.ok("branch", "protect", "app")
    bpg.ok("branch", "create", "app/dev")
    bpg.ok("branch", "create", "app/late", "--no-start")
    bpg.ok("branch", "create", "app/old", "--from", "app@s")
    bpg.ok("branch", "reset", "app/reset")
    bpg.ok("start", "app/late")
    for role in ("We ird", "boss"):
        assert opens(bpg, "app", role, "secret") and opens(bpg, "app/before", role, "secret")
        for subject in ("app/dev", "app/late", "app/old", "app/reset"):
            assert not opens(bpg, subject, role, "secret"), subject
    probe = "import os, psycopg\ntry: psycopg.connect(user='boss', password='secret')\nexcept psycopg.OperationalError: print('no')"
    assert bpg.ok("exec", "app", "--", "/usr/bin/python3", "-c", probe).out == "no\n"
    assert bpg.sql("app/dev", "SELECT count(*) FROM t") == 3
    bpg.superuser("app/dev", "ALTER ROLE boss PASSWORD 'new'")
    assert opens(bpg, "app/dev", "boss", "new")
    bpg.ok("branch", "unprotect", "app")
    bpg.ok("branch", "create", "app/after")
    assert opens(bpg, "app/after", "boss", "secret")
    bpg.ok("snapshot", "delete", "app@s")
