"""Settings of PostgreSQL and profiles: checked against the server's own list, taken at once, shown with their source."""

import pytest


def settings(bpg, subject):
    return {setting["name"]: setting for setting in bpg.json("settings", subject)["settings"]}


def show(bpg, subject, name):
    return bpg.superuser(subject, f"SHOW {name}")


def source(bpg, subject, name):
    setting = settings(bpg, subject)[name]
    return setting["value"], setting["source"]


def test_a_setting_takes_effect_at_once(any_bpg):
    bpg = any_bpg
    view = bpg.json("branch", "set", "app", "Work_Mem=12MB", "log_line_prefix=it's \\ %m ")
    [work_mem] = [setting for setting in view["settings"] if setting["name"] == "work_mem"]
    assert work_mem == {"name": "work_mem", "value": "12MB", "source": "branch", "effective": "12MB", "pending_restart": False}
    assert show(bpg, "app", "log_line_prefix") == "it's \\ %m"
    bpg.ok("branch", "unset", "app", "work_mem")
    assert show(bpg, "app", "work_mem") == "4MB"
    assert "work_mem" not in settings(bpg, "app")


def test_what_needs_a_restart_says_so(any_bpg):
    bpg = any_bpg
    out = bpg.ok("branch", "set", "app", "max_connections=33", "work_mem=9MB").out
    assert "bpg restart app/main     for max_connections to take effect" in out
    assert settings(bpg, "app")["max_connections"]["pending_restart"]
    assert settings(bpg, "app")["max_connections"]["effective"] == "100"
    assert not settings(bpg, "app")["work_mem"]["pending_restart"]
    assert "until a restart" in bpg.ok("settings", "app").out
    bpg.ok("restart", "app")
    assert settings(bpg, "app")["max_connections"]["effective"] == "33"
    assert not settings(bpg, "app")["max_connections"]["pending_restart"]


@pytest.mark.parametrize(
    "status, code, setting, message, hint",
    [
        (2, "usage", "wrk_mem=1MB", "has no setting 'wrk_mem'", "'work_mem'"),
        (2, "usage", "work_mem=1XB", "invalid value for parameter", "Valid units"),
        (2, "usage", "work_mem=1kB", "outside the valid range", None),
        (2, "usage", "plan_cache_mode=sometimes", "invalid value for parameter", "Available values"),
        (2, "usage", "work_mem", "is not NAME=VALUE", None),
        (2, "usage", "work mem=1MB", "is not the name of a setting", None),
        (2, "usage", "shared_preload_libraries=no_such_library", "no library 'no_such_library'", None),
        (2, "usage", "session_preload_libraries=no_such_library", "no library 'no_such_library'", "Nobody could connect"),
        (2, "usage", "include=/etc/passwd", "has no setting", None),
        (5, "refused", "port=5432", "port cannot be set", None),
        (5, "refused", "archive_command=cp %p /x", "archive_command cannot be set", None),
        (5, "refused", "wal_level=minimal", "could not be copied", None),
    ],
)
def test_wrong_settings_change_nothing(any_bpg, status, code, setting, message, hint):
    bpg = any_bpg
    before = settings(bpg, "app")
    commands = (
        ("branch", "set", "app", "work_mem=7MB", setting),
        ("db", "set", "app", "work_mem=7MB", setting),
        ("branch", "create", "app/dev", "--set", setting),
        ("db", "create", "other", "--set", setting),
    )
    for words in commands:
        error = bpg.fails(status, code, *words)
        assert message in error["message"]
        assert hint is None or hint in error["hint"]
    assert settings(bpg, "app") == before
    assert set(bpg.branches()) == {"app/main"}


def test_extensions_have_settings(any_bpg):
    any_bpg.ok("db", "set", "app", "pg_stat_statements.max=500", "myapp.tenant=a b")
    assert any_bpg.sql("app", "SELECT current_setting('myapp.tenant')") == "a b"
    assert settings(any_bpg, "app")["pg_stat_statements.max"]["source"] == "database"


def test_the_database_is_below_its_branches(any_bpg):
    bpg = any_bpg
    bpg.ok("branch", "create", "app/dev", "--set", "work_mem=6MB")
    bpg.ok("branch", "create", "app/stopped", "--no-start")
    views = bpg.json("db", "set", "app", "work_mem=8MB", "timezone=Asia/Tokyo")
    assert [view["subject"] for view in views] == ["app/main", "app/dev", "app/stopped"]
    assert source(bpg, "app", "work_mem") == ("8MB", "database")
    assert source(bpg, "app/dev", "work_mem") == ("6MB", "branch")
    assert settings(bpg, "app/stopped")["work_mem"]["effective"] is None
    assert show(bpg, "app/dev", "work_mem") == "6MB"
    assert show(bpg, "app/dev", "timezone") == "Asia/Tokyo"
    bpg.ok("start", "app/stopped")
    assert show(bpg, "app/stopped", "timezone") == "Asia/Tokyo"
    bpg.ok("branch", "unset", "app/dev", "work_mem")
    assert show(bpg, "app/dev", "work_mem") == "8MB"
    bpg.ok("db", "unset", "app", "work_mem", "timezone")
    assert show(bpg, "app/dev", "work_mem") == "4MB"
    error = bpg.fails(3, "not_found", "db", "unset", "app", "timezone")
    assert error["message"] == "timezone is not set for database app"


def test_alter_system_stands_above_all(any_bpg):
    bpg = any_bpg
    bpg.superuser("app", "ALTER SYSTEM SET work_mem = '3MB'")
    bpg.superuser("app", "ALTER SYSTEM SET maintenance_work_mem = '5MB'")
    out = bpg.ok("branch", "set", "app", "work_mem=20MB").out
    assert "ALTER SYSTEM set work_mem = 3MB" in out
    assert source(bpg, "app", "work_mem") == ("3MB", "alter_system")
    assert source(bpg, "app", "maintenance_work_mem") == ("5MB", "alter_system")


def test_a_branch_inherits_plans_but_not_memory(new_bpg):
    bpg = new_bpg(
        "copy", config="profiles:\n  big:\n    memory: 256M\n    settings:\n      random_page_cost: 1.1\n      log_min_messages: error\n"
    )
    bpg.ok("db", "create", "app", "--profile", "big", "--set", "timezone=UTC")
    bpg.ok("branch", "set", "app", "enable_seqscan=off", "work_mem=99MB", "fsync=off", "max_prepared_transactions=5", "myapp.x=1")
    assert show(bpg, "app", "shared_buffers") == "64MB"
    dev = bpg.json("branch", "create", "app/dev")
    assert (dev["profile"], dev["durability"]) == (None, "durable")
    for name, expected in {
        "random_page_cost": ("1.1", "branch"), "effective_cache_size": ("196608kB", "branch"), "enable_seqscan": ("off", "branch"),
        "max_prepared_transactions": ("5", "branch"), "myapp.x": ("1", "branch"), "shared_buffers": ("32MB", "default"),
        "timezone": ("UTC", "database"),
    }.items():
        assert source(bpg, "app/dev", name) == expected
    assert not {"work_mem", "fsync", "log_min_messages"} & settings(bpg, "app/dev").keys()
    assert show(bpg, "app/dev", "fsync") == "on"
    bpg.ok("branch", "create", "app/other", "--profile", "big", "--set", "enable_seqscan=on")
    assert source(bpg, "app/other", "enable_seqscan") == ("on", "branch")
    assert source(bpg, "app/other", "work_mem") == ("4096kB", "profile")
    assert source(bpg, "app/other", "log_min_messages") == ("error", "profile")


def test_profiles(any_bpg):
    bpg = any_bpg
    created = bpg.ok("branch", "create", "app/ci", "--profile", "ci").out
    assert "its durability is relaxed (profile ci): a power cut may destroy it" in created
    branch = bpg.branch("app/ci")
    assert (branch["profile"], branch["durability"]) == ("ci", "relaxed")
    assert branch["expires_at"] is not None
    for name in ("fsync", "synchronous_commit", "full_page_writes"):
        assert show(bpg, "app/ci", name) == "off"
    assert show(bpg, "app/ci", "shared_buffers") == "64MB"
    bpg.ok("branch", "set", "app/ci", "--profile", "prod-like")
    assert show(bpg, "app/ci", "fsync") == "on"
    assert bpg.json("settings", "app/ci")["profile"] == "prod-like"
    assert bpg.branch("app")["durability"] == "durable"
    for words in (("branch", "create", "app/x"), ("branch", "set", "app"), ("db", "create", "x")):
        error = bpg.fails(2, "usage", *words, "--profile", "prod")
        assert error["message"] == "there is no profile 'prod'"
    assert "'prod-like'" in bpg.fails(2, "usage", "branch", "create", "app/x", "--profile", "prod-lik")["hint"]


def test_a_profile_that_is_wrong_or_gone(new_bpg):
    bpg = new_bpg("copy", config="profiles:\n  mine:\n    settings:\n      work_mem: 7MB\n  wrong:\n    settings:\n      wrk_mem: 7MB\n")
    bpg.ok("db", "create", "app", "--profile", "mine")
    assert "'work_mem'" in bpg.fails(2, "usage", "branch", "create", "app/dev", "--profile", "wrong")["hint"]
    assert show(bpg, "app", "work_mem") == "7MB"
    bpg.config.write_text(bpg.config.read_text().split("profiles:")[0])
    bpg.ok("restart", "app")
    assert show(bpg, "app", "work_mem") == "4MB"
    assert "no longer in the configuration" in bpg.ok("settings", "app").out


def test_reset_and_undo_keep_settings(any_bpg):
    bpg = any_bpg
    bpg.ok("branch", "create", "app/dev", "--set", "work_mem=6MB", "--set", "max_connections=40")
    for words in (("branch", "reset", "app/dev"), ("branch", "undo", "app/dev"), ("restart", "app/dev")):
        bpg.ok(*words)
        assert show(bpg, "app/dev", "work_mem") == "6MB"
        assert show(bpg, "app/dev", "max_connections") == "40"
    bpg.ok("branch", "delete", "app/dev")
    bpg.ok("branch", "undelete", "app/dev")
    assert source(bpg, "app/dev", "work_mem") == ("6MB", "branch")


def test_settings_of_sessions_do_not_bind_bpgs_own(one_of_each):
    bpg = one_of_each
    names = {"default_transaction_read_only": "on", "statement_timeout": "1ms", "lock_timeout": "1ms",
             "idle_in_transaction_session_timeout": "1ms", "idle_session_timeout": "30ms", "exit_on_error": "on"}
    bpg.ok("branch", "set", "app", *(f"{name}={value}" for name, value in names.items()))
    told = settings(bpg, "app")
    assert {name: told[name]["effective"] for name in ("default_transaction_read_only", "statement_timeout")} == {
        "default_transaction_read_only": "on", "statement_timeout": "1ms"}
    bpg.ok("branch", "create", "app/dev")
    bpg.ok("branch", "reset", "app/dev")
    bpg.ok("db", "create", "other", "--template", "app")
    bpg.ok("exec", "app", "--", "true")
    bpg.ok("branch", "unset", "app", *names)
    assert bpg.sql("app", "INSERT INTO t VALUES (4) RETURNING n") == 4


def test_a_clone_may_have_less_than_its_source(one_of_each):
    """PostgreSQL insists on the source's numbers in archive recovery and hot standby; a clone does neither."""
    bpg = one_of_each
    bpg.ok("branch", "set", "app", "max_connections=60", "max_worker_processes=12", "max_wal_senders=9", "max_locks_per_transaction=128",
           "max_prepared_transactions=4")
    bpg.ok("restart", "app")
    less = ["max_connections=20", "max_worker_processes=4", "max_wal_senders=2", "max_locks_per_transaction=32"]
    words = [word for setting in [*less, "max_prepared_transactions=0"] for word in ("--set", setting)]
    bpg.ok("branch", "create", "app/small", *words)
    assert bpg.sql("app/small", "SELECT count(*) FROM t") == 3
    for setting in less:
        name, value = setting.split("=")
        assert show(bpg, "app/small", name) == value
    # A transaction that is prepared needs its place, though: what is made without is refused, and leaves nothing.
    bpg.sql("app", "BEGIN; INSERT INTO t VALUES (4); PREPARE TRANSACTION 'p'")
    error = bpg.fails(6, "postgres", "branch", "create", "app/none", "--set", "max_prepared_transactions=0")
    assert "maximum number of prepared transactions reached" in error["message"]
    bpg.ok("branch", "create", "app/same")
    bpg.sql("app/same", "COMMIT PREPARED 'p'")
    assert bpg.sql("app/same", "SELECT count(*) FROM t") == 4
    bpg.sql("app", "ROLLBACK PREPARED 'p'")


def test_a_branch_of_a_relaxed_branch_is_whole(one_of_each):
    bpg = one_of_each
    bpg.ok("branch", "create", "app/ci", "--profile", "ci")
    bpg.sql("app/ci", "INSERT INTO t SELECT generate_series(4, 20000)")
    child = bpg.json("branch", "create", "app/child", "--from", "app/ci")
    assert child["durability"] == "durable"
    assert bpg.sql("app/child", "SELECT count(*) FROM t") == 20000
    if bpg.atomic:
        bpg.fails(5, "refused", "branch", "create", "app/fast", "--from", "app/ci", "--fast")


def test_a_setting_that_keeps_the_server_from_starting_can_be_taken_back(any_bpg):
    bpg = any_bpg
    bpg.ok("branch", "create", "app/dev")
    bpg.ok("branch", "set", "app/dev", "max_connections=10", "superuser_reserved_connections=10")
    bpg.fails(6, "postgres", "restart", "app/dev")
    # Nor do the commands that follow try to start it, one after the other.
    assert bpg.ok("status").err == ""
    assert bpg.branch("app/dev")["status"] == "stopped"
    bpg.ok("branch", "unset", "app/dev", "max_connections", "superuser_reserved_connections")
    bpg.ok("start", "app/dev")
    assert bpg.sql("app/dev", "SELECT count(*) FROM t") == 3


@pytest.mark.parametrize("action", ["fail", "fail-after", "kill", "kill-after"])
@pytest.mark.parametrize("words", [("branch", "set", "app"), ("db", "set", "app")])
def test_what_is_interrupted_is_all_or_nothing(any_bpg, words, action):
    bpg = any_bpg
    bpg.ok(*words, "work_mem=10MB")
    steps = [step for step in bpg.steps(*words, "work_mem=10MB") if step in ("store settings", "write settings", "reload")]
    assert len(steps) == 3
    for step in steps:
        before = settings(bpg, "app")["work_mem"]["value"]
        new = "11MB" if before == "10MB" else "10MB"
        result = bpg.run(*words, f"work_mem={new}", BPG_FAULT=f"{step}:{action}")
        assert result.status != 0
        stored = settings(bpg, "app")["work_mem"]["value"]
        if action.startswith("fail"):
            assert stored == before
            assert show(bpg, "app", "work_mem") == before
        # What the catalog says is what the server has from its next start on.
        bpg.ok("restart", "app")
        assert show(bpg, "app", "work_mem") == stored


def test_a_failure_takes_a_profile_back(any_bpg):
    bpg = any_bpg
    for step in ("store settings", "write settings", "reload"):
        result = bpg.run("branch", "set", "app", "--profile", "ci", BPG_FAULT=f"{step}:fail-after")
        assert result.status != 0
        assert bpg.branch("app")["profile"] is None
        assert show(bpg, "app", "fsync") == "on"


def test_a_branch_with_settings_that_fails_leaves_nothing(any_bpg):
    bpg = any_bpg
    words = ("branch", "create", "app/dev", "--profile", "ci", "--set", "work_mem=6MB")
    before = bpg.picture()
    for action in ("fail", "kill"):
        assert bpg.run(*words, BPG_FAULT=f"open endpoint:{action}").status != 0
        assert bpg.picture() == before
    bpg.ok("branch", "create", "app/dev")
    assert "work_mem" not in settings(bpg, "app/dev")
