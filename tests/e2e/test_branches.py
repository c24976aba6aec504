"""The main job, on every kind of storage."""

import itertools
import json

import psycopg
import pytest

from betterpg import RUNTIME, eventually

pytestmark = pytest.mark.storage
# With servers in containers those that differ most: from the parent down, and from the child up.
ORDERS = [
    pytest.param(order, marks=pytest.mark.native("one more order of deletion") if order not in (("a", "b", "c"), ("c", "b", "a")) else ())
    for order in itertools.permutations("abc")
]


def count(bpg, subject):
    return bpg.sql(subject, "SELECT count(*) FROM t")


def add_row(bpg, subject):
    bpg.sql(subject, "INSERT INTO t VALUES (0)")


def test_branches_are_isolated_both_ways(bpg):
    branch = bpg.json("branch", "create", "app/dev")
    assert (branch["subject"], branch["parent"], branch["status"]) == ("app/dev", "main", "running")
    bpg.sql("app/dev", "DELETE FROM t")
    add_row(bpg, "app")
    assert (count(bpg, "app/main"), count(bpg, "app/dev")) == (4, 0)


def test_reset_takes_the_parents_present_state_and_keeps_the_url(bpg):
    bpg.ok("branch", "create", "app/dev")
    url = bpg.ok("url", "app/dev").out
    bpg.sql("app/dev", "DROP TABLE t")
    add_row(bpg, "app")
    bpg.ok("branch", "reset", "app/dev")
    assert bpg.ok("url", "app/dev").out == url
    assert count(bpg, "app/dev") == 4


def test_sync_is_reset(bpg):
    bpg.ok("branch", "create", "app/dev")
    add_row(bpg, "app")
    bpg.ok("branch", "sync", "app/dev")
    assert count(bpg, "app/dev") == 4


def test_undo_goes_back_and_forth(bpg):
    bpg.ok("branch", "create", "app/dev")
    bpg.sql("app/dev", "DELETE FROM t")
    bpg.ok("branch", "reset", "app/dev")
    bpg.ok("branch", "undo", "app/dev")
    assert count(bpg, "app/dev") == 0
    bpg.ok("branch", "undo", "app/dev")
    assert count(bpg, "app/dev") == 3


def test_undo_reaches_further_back_by_volume(bpg):
    bpg.ok("branch", "create", "app/dev")
    first = bpg.branch("app/dev")["volume"]["id"]
    bpg.sql("app/dev", "DELETE FROM t")
    bpg.ok("branch", "reset", "app/dev")
    bpg.ok("branch", "reset", "app/dev")
    assert first in [kept["volume"] for kept in bpg.json("info", "app/dev")["retained"]]
    bpg.ok("branch", "undo", "app/dev", "--to", first)
    assert count(bpg, "app/dev") == 0


def test_undelete_brings_back_what_was_deleted(bpg):
    bpg.ok("branch", "create", "app/dev")
    before = bpg.branch("app/dev")
    add_row(bpg, "app/dev")
    bpg.ok("branch", "delete", "app/dev")
    assert "app/dev" not in bpg.branches()
    bpg.ok("branch", "undelete", "app/dev")
    after = bpg.branch("app/dev")
    assert [after[key] for key in ("id", "port", "status")] == [before[key] for key in ("id", "port", "status")]
    assert count(bpg, "app/dev") == 4


def test_a_deleted_name_is_free_at_once(bpg):
    bpg.ok("branch", "create", "app/dev")
    bpg.ok("branch", "delete", "app/dev")
    bpg.ok("branch", "create", "app/dev")
    assert bpg.fails(4, "already_exists", "branch", "undelete", "app/dev")


def test_nothing_is_freed_before_its_window_has_passed(bpg):
    bpg.ok("branch", "create", "app/dev")
    bpg.ok("branch", "delete", "app/dev")
    assert [entry["freed"] for entry in bpg.json("cleanup")] == [False]
    a_day_later = {"BPG_CLOCK_OFFSET": str(25 * 3600)}
    assert [entry["freed"] for entry in bpg.json("cleanup", "--dry-run", **a_day_later)] == [True]
    assert len(bpg.json("status")["retained"]) == 1
    assert [entry["freed"] for entry in bpg.json("cleanup", **a_day_later)] == [True]
    assert bpg.json("status")["retained"] == []
    assert bpg.fails(3, "not_found", "branch", "undelete", "app/dev")


def test_renaming_never_restarts_a_server(bpg):
    bpg.ok("branch", "create", "app/dev")
    with bpg.connect("app/dev") as connection:
        pid = bpg.postmaster("app/dev")
        bpg.ok("branch", "rename", "app/dev", "feature")
        bpg.ok("db", "rename", "app", "shop")
        assert bpg.postmaster("shop/feature") == pid
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (3,)
    bpg.ok("db", "rename", "shop", "app")
    assert bpg.sql("app/feature", "SELECT count(*) FROM t") == 3


def test_ten_generations(bpg):
    parent = "app/main"
    for depth in range(10):
        child = f"app/g{depth}"
        bpg.ok("branch", "create", child, "--from", parent)
        bpg.sql(child, f"INSERT INTO t VALUES ({100 + depth})")
        parent = child
    assert count(bpg, "app/g9") == 13
    assert count(bpg, "app/main") == 3


def test_a_branch_of_a_stopped_parent(bpg):
    add_row(bpg, "app")
    bpg.ok("stop", "app")
    bpg.ok("branch", "create", "app/dev")
    assert count(bpg, "app/dev") == 4
    assert bpg.branch("app/main")["status"] == "stopped"


def test_a_branch_that_is_not_started_starts_later(bpg):
    branch = bpg.json("branch", "create", "app/dev", "--no-start")
    assert branch["status"] == "stopped"
    bpg.ok("branch", "create", "app/child", "--from", "app/dev")
    assert count(bpg, "app/child") == 3
    bpg.ok("start", "app/dev")
    assert count(bpg, "app/dev") == 3


def test_reset_with_children_leaves_them_alone(bpg):
    bpg.ok("branch", "create", "app/dev")
    add_row(bpg, "app/dev")
    bpg.ok("branch", "create", "app/child", "--from", "app/dev")
    bpg.ok("branch", "reset", "app/dev")
    bpg.ok("cleanup", "--now")
    assert (count(bpg, "app/dev"), count(bpg, "app/child")) == (3, 4)
    bpg.ok("restart", "app/child")
    assert count(bpg, "app/child") == 4


def test_a_parent_with_children_is_deleted_only_on_demand(bpg):
    bpg.ok("branch", "create", "app/dev")
    bpg.ok("branch", "create", "app/child", "--from", "app/dev")
    error = bpg.fails(5, "has_children", "branch", "delete", "app/dev")
    assert "app/child" in error["message"] and "--cascade" in error["hint"]
    bpg.ok("branch", "delete", "app/dev", "--reparent", "--now")
    assert bpg.branch("app/child")["parent"] == "main"
    assert count(bpg, "app/child") == 3
    bpg.ok("branch", "create", "app/grandchild", "--from", "app/child")
    bpg.ok("branch", "delete", "app/child", "--cascade")
    assert set(bpg.branches()) == {"app/main"}


@pytest.mark.parametrize("order", ORDERS)
def test_a_chain_is_deleted_in_any_order(bpg, order):
    before = bpg.picture()
    parent = "main"
    for name in "abc":
        bpg.ok("branch", "create", f"app/{name}", "--from", f"app/{parent}")
        add_row(bpg, f"app/{name}")
        parent = name
    left = set("abc")
    for name in order:
        bpg.ok("branch", "delete", f"app/{name}", "--reparent", "--now")
        left.remove(name)
        for other in left:
            assert count(bpg, f"app/{other}") == 4 + "abc".index(other)
    assert bpg.picture() == before


def test_deleting_and_undeleting_a_database(bpg):
    bpg.ok("db", "create", "other")
    bpg.sql("other", "CREATE TABLE t AS SELECT 1")
    bpg.ok("branch", "create", "other/dev")
    assert "other/dev" in bpg.fails(5, "has_children", "db", "delete", "other")["message"]
    bpg.ok("db", "delete", "other", "--force")
    assert [database["name"] for database in bpg.json("db", "list")] == ["app"]
    bpg.ok("db", "undelete", "other")
    assert (count(bpg, "other/main"), count(bpg, "other/dev")) == (1, 1)


def test_moments_of_a_server_that_is_being_used(bpg):
    """A reset ends the sessions of the branch, and only those."""
    bpg.ok("branch", "create", "app/dev")
    with bpg.connect("app") as on_main:
        session = bpg.connect("app/dev")
        bpg.ok("branch", "reset", "app/dev")
        with pytest.raises(psycopg.OperationalError):
            session.execute("SELECT 1")
        assert on_main.execute("SELECT count(*) FROM t").fetchone() == (3,)
    eventually(lambda: count(bpg, "app/dev") == 3, "the branch does not answer")


def test_fresh_branches_cost_little(bpg, figures):
    branch = bpg.json("branch", "create", "app/dev", "--no-start")
    volume = bpg.branch(branch["subject"])["volume"]
    assert volume["driver"] == bpg.driver
    unique = volume["unique_bytes"]
    bpg.ok("start", "app/dev")
    running = bpg.branch(branch["subject"])["volume"]["unique_bytes"]
    figures.append(f"space of a new branch, {RUNTIME}, {bpg.driver:7} {unique / 1024:8.0f} kB; once it has started {running / 1024:6.0f} kB")
    if bpg.driver == "copy":
        assert unique > 10 << 20 and volume["shared_bytes"] == 0
    else:
        assert unique < 1 << 20


def test_a_stopped_branch_stays_stopped_over_reset_and_undo(bpg):
    bpg.ok("branch", "create", "app/dev")
    bpg.ok("stop", "app/dev")
    for command in ("reset", "undo", "reset"):
        bpg.ok("branch", command, "app/dev")
        assert bpg.branch("app/dev")["status"] == "stopped"
    bpg.ok("start", "app/dev")
    assert count(bpg, "app/dev") == 3


def test_what_is_deleted_or_reset_now_is_gone(bpg):
    bpg.ok("branch", "create", "app/dev")
    for command in (["branch", "reset", "app/dev", "--now"], ["branch", "delete", "app/dev", "--now"]):
        before = bpg.volume("app/dev")
        bpg.ok(*command)
        assert not before.exists()
    assert bpg.json("status")["retained"] == []
    bpg.fails(3, "not_found", "branch", "undelete", "app/dev")


def test_a_volume_tells_who_it_is_without_the_catalog(any_bpg):
    main = any_bpg.branch("app/main")
    any_bpg.ok("branch", "create", "app/dev")
    any_bpg.ok("branch", "rename", "app/dev", "other")
    dev = any_bpg.branch("app/other")
    told = json.loads((any_bpg.volume("app/other") / "manifest.json").read_text())
    assert (told["volume"], told["parent_volume"]) == (dev["volume"]["id"], main["volume"]["id"])
    assert (told["origin_snapshot"], told["database"]["name"]) == (dev["origin_snapshot"], "app")
    assert told["branch"] == {"id": dev["id"], "name": "other", "parent": main["id"], "port": dev["port"]}
    first = json.loads((any_bpg.volume("app/main") / "manifest.json").read_text())
    assert (first["parent_volume"], first["fork_lsn"], first["timeline"]) == (None, None, None)
    assert (told["timeline"], told["recovered_from"], told["base"], told["archived"]) == (1, None, dev["origin_snapshot"], True)
    assert first["base"].startswith("snap_") and first["base"] != told["base"]


def test_nothing_of_a_branch_is_left_that_was_deleted_and_freed(any_bpg):
    branch = any_bpg.json("branch", "create", "app/dev")
    any_bpg.ok("stop", "app/dev")
    any_bpg.ok("branch", "delete", "app/dev")
    any_bpg.ok("cleanup", "--now")
    for identity in (branch["id"], branch["volume"]["id"]):
        assert list(any_bpg.home.glob(f"*/{identity}*")) == []


def test_an_undeleted_database_has_its_branches_as_they_were(bpg):
    bpg.ok("branch", "create", "app/dev")
    bpg.ok("branch", "create", "app/idle", "--no-start")
    bpg.ok("branch", "create", "app/gone")
    bpg.ok("branch", "delete", "app/gone")
    urls = [bpg.ok("url", subject).out for subject in ("app", "app/dev")]
    bpg.ok("db", "delete", "app", "--force")
    assert bpg.branches() == {} and bpg.processes() == []
    bpg.ok("db", "undelete", "app")
    states = {subject: branch["status"] for subject, branch in bpg.branches().items()}
    assert states == {"app/main": "running", "app/dev": "running", "app/idle": "stopped"}
    assert urls == [bpg.ok("url", subject).out for subject in ("app", "app/dev")]
