"""The catalog is gone, or damaged: the copy beside it takes its place, and nothing begins anew over what there is."""

import contextlib
import json
import shutil

import pytest


def lose(bpg):
    """Moves the catalog, without its copies, out of the way; where to."""
    away = bpg.directory / "away"
    away.mkdir()
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            (bpg.home / f"catalog.db{suffix}").rename(away / f"catalog.db{suffix}")
    return away


def hide_copies(bpg, away):
    for path in bpg.home.glob("catalog.db.copy*"):
        path.rename(away / path.name)


def bring_back(bpg, away):
    for path in bpg.home.glob("catalog.db*"):
        path.unlink()
    for path in away.iterdir():
        shutil.move(path, bpg.home / path.name)
    away.rmdir()


@pytest.fixture
def family(bpg):
    """A home with something of everything that a catalog tells."""
    bpg.ok("branch", "create", "app/dev")
    bpg.ok("branch", "create", "app/dev2", "--from", "app/dev", "--no-start")
    bpg.ok("snapshot", "create", "app", "--label", "before")
    bpg.ok("branch", "protect", "app/dev2")
    bpg.ok("branch", "set", "app/dev", "work_mem=7MB")
    bpg.ok("branch", "reset", "app/dev")
    yield bpg
    bpg.ok("branch", "unprotect", "app/dev2")


def told(bpg):
    """All that the catalog tells, without what passes by itself."""
    status = bpg.json("status")
    for branch in status["branches"]:
        for name in ("age_seconds", "volume"):
            branch.pop(name, None)
    urls = {branch["subject"]: bpg.ok("url", branch["subject"]).out for branch in status["branches"]}
    return status["branches"], status["retained"], bpg.json("snapshot", "list"), bpg.json("settings", "app/dev"), urls


def subjects(bpg):
    return sorted(branch["subject"] for branch in bpg.json("status")["branches"])


def test_its_copy_is_put_back(family):
    bpg = family
    before, server = told(bpg), bpg.postmaster("app/dev")
    away = lose(bpg)

    error = bpg.fails(6, "environment", "status")
    assert "is gone" in error["message"] and "'bpg init'" in error["hint"]
    check = next(check for check in json.loads(bpg.run("doctor", "-o", "json").out) if check["name"] == "catalog")
    assert check["verdict"] == "missing" and check["mend"] == "bpg init"

    made = bpg.json("init")
    assert made["already_done"] and made["catalog_put_back"] and made["notes"] == []
    assert told(bpg) == before
    assert bpg.postmaster("app/dev") == server
    assert bpg.sql("app/dev", "SELECT count(*) FROM t") == 3
    assert bpg.json("init")["catalog_put_back"] is None
    bpg.ok("branch", "undo", "app/dev")
    bpg.assert_tidy()
    shutil.rmtree(away)


def test_a_damaged_catalog(any_bpg):
    bpg = any_bpg
    bpg.ok("branch", "protect", "app")
    bpg.ok("branch", "unprotect", "app")
    catalog = bpg.home / "catalog.db"
    away = lose(bpg)
    catalog.write_bytes(b"\0" * 8192 + b"no database" * 100)
    assert "Move it away" in bpg.fails(6, "environment", "status")["hint"]
    assert "damaged" in bpg.fails(6, "environment", "init")["message"]
    catalog.unlink()
    (bpg.home / "catalog.db.copy").write_bytes((bpg.home / "catalog.db.copy").read_bytes()[:5000])
    assert bpg.json("init")["catalog_put_back"]
    assert bpg.branch("app")["protected"], "it is not the copy before the damaged one"
    bpg.ok("branch", "unprotect", "app")
    shutil.rmtree(away)


def test_without_a_copy_nothing_begins_anew(bpg):
    bpg.ok("branch", "create", "app/dev")
    away = lose(bpg)
    hide_copies(bpg, away)
    stored = bpg.stored()
    try:
        assert bpg.fails(6, "not_initialised", "status")
        for arguments in ([], bpg.place.arguments):
            error = bpg.fails(5, "refused", "init", *arguments)
            assert "volumes of a catalog that is gone" in error["message"] and "manifest.json" in error["hint"]
        assert bpg.stored() == stored and bpg.servers()
    finally:
        bring_back(bpg, away)
    bpg.ok("stop", "--all")
    away = lose(bpg)
    hide_copies(bpg, away)
    try:
        error = bpg.fails(5, "refused", "init", *bpg.place.arguments)
        assert "volumes of a catalog that is gone" in error["message"]
        assert bpg.stored() == stored
    finally:
        bring_back(bpg, away)
    bpg.ok("start", "--all")
    assert bpg.sql("app/dev", "SELECT count(*) FROM t") == 3


def test_what_the_copy_does_not_know_is_told(any_bpg):
    bpg = any_bpg
    older = (bpg.home / "catalog.db.copy").read_bytes()
    bpg.ok("branch", "create", "app/dev")
    volume = bpg.volume("app/dev")
    away = lose(bpg)
    hide_copies(bpg, away)
    (bpg.home / "catalog.db.copy").write_bytes(older)
    try:
        notes = bpg.json("init")["notes"]
        assert len(notes) == 1 and str(volume) in notes[0] and "manifest.json" in notes[0]
        assert subjects(bpg) == ["app/main"]
    finally:
        bring_back(bpg, away)
    assert subjects(bpg) == ["app/dev", "app/main"]
