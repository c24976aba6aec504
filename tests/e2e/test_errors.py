"""What is wrong around bpg: each has its code, words and hint, and leaves everything as it was."""

import contextlib
import fcntl
import os
import signal
import socket
import sqlite3
import subprocess

import pytest

from betterpg import PROGRAM, STATUS, eventually, installed


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="other accounts need root")


@contextlib.contextmanager
def nothing_changes(bpg):
    before = bpg.picture()
    yield
    assert bpg.picture() == before


def expect(bpg, line, code, message, hint, **environment):
    error = bpg.fails(STATUS[code], code, *line.split(), **environment)
    assert message in error["message"], error
    assert hint in (error["hint"] or ""), error


@contextlib.contextmanager
def held(bpg, subject, kind=fcntl.LOCK_EX):
    """Another command is at work on the branch."""
    with open(bpg.home / "locks" / (bpg.branch(subject)["id"] + ".lock"), "w") as file:
        fcntl.flock(file, kind)
        yield


def test_commands_on_one_branch_exclude_each_other(any_bpg):
    bpg = any_bpg
    bpg.ok("branch", "create", "app/dev", "--no-start")
    with bpg.configured(bpg.config.read_text() + "lock.wait: 0s\n"), nothing_changes(bpg):
        with held(bpg, "app/dev"):
            for line in ("branch reset app/dev", "branch rename app/dev other", "branch delete app/dev", "start app/dev", "stop app/dev",
                         "restart app/dev", "snapshot create app/dev", "branch create app/new --from app/dev", "db delete app --force"):
                expect(bpg, line, "busy", "another command is at work on branch 'dev'", "Try again when it has ended.")
            for line in ("branch create app/free", "branch delete app/free --now", "branch get app/dev", "info app/dev"):
                bpg.ok(*line.split())
        with held(bpg, "app/main", fcntl.LOCK_SH):
            bpg.ok("branch", "create", "app/free")
            bpg.ok("branch", "delete", "app/free", "--now")
            expect(bpg, "stop app", "busy", "another command is at work on branch 'main'", "Try again")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_an_interrupted_command_leaves_nothing(any_bpg, number):
    """It waits for a checkpoint that does not come: the process that would make it is stopped."""
    bpg = any_bpg
    bpg.ok("branch", "create", "app/dev", "--no-start")
    pid = int(bpg.superuser("app", "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'"))
    checkpointer = bpg.backend("app", pid)
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()"
    for line in ("branch create app/new", "branch reset app/dev", "snapshot create app"):
        with nothing_changes(bpg):
            os.kill(checkpointer, signal.SIGSTOP)
            try:
                command = bpg.start(*line.split(), "-o", "json")
                eventually(lambda: bpg.superuser("app", waiting) == "1", "nothing waits for the checkpointer")
                command.send_signal(number)
                out, err = command.communicate(timeout=60)
            finally:
                os.kill(checkpointer, signal.SIGCONT)
            assert (command.returncode, out) == (130, "")
            assert '"code":"interrupted"' in err
        bpg.assert_tidy()


def test_waiting_for_a_lock_is_interrupted(any_bpg):
    bpg = any_bpg
    with bpg.configured(bpg.config.read_text() + "lock.wait: 1h\n"), held(bpg, "app"):
        command = bpg.start("stop", "app", "-v")
        assert any("recover" in line for line in command.stderr)
        command.send_signal(signal.SIGINT)
        _, err = command.communicate(timeout=60)
        assert (command.returncode, err) == (130, "bpg: interrupted\n")


def test_the_key_file(any_bpg):
    bpg = any_bpg
    key = bpg.directory / "key"
    lines = ("url app", "branch create app/new", "db create other")
    with nothing_changes(bpg):
        for line in lines:
            expect(bpg, line, "environment", f"the key file {key} is missing", "put it back, or name it in BPG_KEY_FILE", BPG_KEY_FILE=str(key))
        key.write_text("00" * 32)
        key.chmod(0o640)
        for line in lines:
            expect(bpg, line, "permission", f"others can read the key file {key}", f"'chmod 600 {key}'", BPG_KEY_FILE=str(key))
        key.chmod(0o600)
        expect(bpg, "url app", "environment", "the stored password cannot be decrypted", "put that back", BPG_KEY_FILE=str(key))
        key.write_text("not a key")
        for line in lines:
            expect(bpg, line, "environment", f"{key} is not a key file", "BPG_KEY_FILE", BPG_KEY_FILE=str(key))


def test_a_port_that_is_taken(any_bpg):
    bpg = any_bpg
    port = bpg.branch("app")["port"]
    bpg.ok("stop", "app")
    with socket.socket() as taken, nothing_changes(bpg):
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        expect(bpg, "start app", "environment", f"port {port} is taken by another program", "ss -ltnp")
    bpg.ok("start", "app")


def test_no_port_is_left(any_bpg):
    bpg = any_bpg
    port = bpg.branch("app")["port"]
    with nothing_changes(bpg):
        for line in ("branch create app/new", "db create other"):
            expect(bpg, line, "environment", f"no port is left between {port} and {port}", "widen ports.range", BPG_PORTS_RANGE=f"{port}-{port}")


def test_no_space_is_left(any_bpg):
    bpg = any_bpg
    bpg.ok("branch", "create", "app/dev", "--no-start")
    with bpg.configured(bpg.config.read_text() + "storage.reserve: 1000T\n"), nothing_changes(bpg):
        for line in ("branch create app/new", "branch reset app/dev", "snapshot create app", "db create other"):
            expect(bpg, line, "no_space", "kept in reserve", "storage.reserve")


def test_psql_is_missing(any_bpg):
    bpg = any_bpg
    directory = bpg.directory / "bin"
    directory.mkdir(mode=0o755)
    for program in installed().iterdir():
        if program.name != "psql":
            (directory / program.name).symlink_to(program)
    with bpg.configured(bpg.config.read_text() + f"native.bin_dirs: [{directory}]\n"):
        expect(bpg, "connect app", "environment", "psql is not installed", "postgresql-client", PATH=str(bpg.directory))


@pytest.mark.native("the account of native servers")
@as_root
def test_an_account_that_is_not_there(any_bpg):
    bpg = any_bpg
    with nothing_changes(bpg):
        with bpg.configured("native.user: nobody-at-all\n"):
            expect(bpg, "db create other", "environment", "there is no account 'nobody-at-all'", "native.user")
        with bpg.configured("native.user: root\n"):
            expect(bpg, "db create other", "usage", "native.user is root", "name another account")


@as_root
def test_a_user_without_rights(any_bpg):
    bpg = any_bpg
    private = bpg.directory / "private"
    with nothing_changes(bpg):
        bpg.account = "nobody"
        try:
            for line in ("status", "db create other", "stop app"):
                expect(bpg, line, "permission", f"{bpg.home}", "as the account that ran 'bpg init'")
            expect(bpg, "init", "permission", f"{bpg.home}", "")
            bpg.config.chmod(0o644)
            error = bpg.fails(6, "permission", "init", "--storage", "copy", BPG_HOME=str(bpg.directory / "other"))
            assert str(bpg.directory / "other") in error["message"], error
            private.mkdir(mode=0o700)
            bpg.fails(6, "permission", "init", "--storage", "copy", BPG_HOME=str(private / "home"))
        finally:
            bpg.account = None
    assert not (bpg.directory / "other").exists() and not list(private.iterdir())


@pytest.mark.native("the account of native servers")
@as_root
def test_servers_cannot_enter_the_place(any_bpg):
    """What `init` made goes again; the directory that was named stays."""
    closed = any_bpg.directory / "closed"
    closed.mkdir(mode=0o700)
    expect(any_bpg, "init --storage copy", "permission", f"cannot enter {closed}/home", "chmod o+x", BPG_HOME=str(closed / "home"))
    open_home = any_bpg.directory / "open"
    expect(any_bpg, f"init --storage copy --path {closed}/data", "permission", f"cannot enter {closed}/data", "chmod o+x", BPG_HOME=str(open_home))
    assert not open_home.exists() and list(closed.rglob("*")) == [closed / "data"]


def test_a_server_that_does_not_start(any_bpg):
    bpg = any_bpg
    bpg.ok("branch", "create", "app/dev", "--no-start")
    settings = bpg.volume("app/dev") / "data" / "postgresql.auto.conf"
    text = settings.read_text()
    with settings.open("a") as file:
        file.write("no_such_setting = 1\n")
    with nothing_changes(bpg):
        expect(bpg, "start app/dev", "postgres", "app/dev: the server did not start: ", "Its log is ")
    settings.write_text(text)
    bpg.ok("start", "app/dev")
    assert bpg.sql("app/dev", "SELECT count(*) FROM t") == 3


def test_words_that_are_no_utf8(any_bpg):
    odd = os.fsdecode(b"\xff")
    any_bpg.fails(2, "usage", "branch", "get", f"app/{odd}")
    any_bpg.fails(3, "not_found", "db", "create", "other", "--from-dump", f"/tmp/{odd}")


def test_a_server_that_does_not_start_in_the_making(any_bpg):
    bpg = any_bpg
    with nothing_changes(bpg):
        # The log goes with the branch, so nobody is sent to it.
        expect(bpg, "branch create app/dev --set shared_buffers=4TB", "postgres", "did not start: could not map", "shared memory")


@pytest.mark.parametrize("name", ["pg_replslot", "pg_wal"])
def test_a_link_does_not_lead_out_of_a_volume(one_of_each, name, tmp_path):
    """Whoever can write as the server's account must not make bpg, which may be root, empty another's directory."""
    bpg = one_of_each
    outside = tmp_path
    (outside / "archive_status").mkdir()
    (outside / "precious").write_text("x")
    (outside / "archive_status" / "precious").write_text("x")
    bpg.ok("stop", "app")
    entry = bpg.volume("app") / "data" / name
    entry.rename(entry.with_name("kept"))
    entry.symlink_to(outside)
    with nothing_changes(bpg):
        error = bpg.fails(5, "refused", "branch", "create", "app/dev")
        assert "is a link to" in error["message"]
    assert (outside / "precious").exists() and (outside / "archive_status" / "precious").exists()
    entry.unlink()
    entry.with_name("kept").rename(entry)


def test_a_data_directory_that_vanishes(any_bpg):
    bpg = any_bpg
    data = bpg.volume("app") / "data"
    with nothing_changes(bpg):
        data.rename(data.with_name("gone"))
        try:
            for line in ("branch create app/new", "snapshot create app"):
                result = bpg.run(*line.split(), "-o", "json")
                assert (result.status, result.out) == (6, ""), result.err
                assert str(data) in result.error["message"] or "data" in result.error["message"], result.err
            bpg.ok("status")
        finally:
            data.with_name("gone").rename(data)
    bpg.assert_tidy()
    bpg.ok("branch", "create", "app/new")


def test_catalogs_that_are_none(any_bpg):
    bpg = any_bpg
    home = bpg.directory / "other"
    home.mkdir()
    catalog = home / "catalog.db"
    catalog.write_bytes(b"This is not a database." * 400)
    expect(bpg, "status", "environment", f"the catalog {catalog} is damaged", "Move it away", BPG_HOME=str(home))
    catalog.unlink()
    with contextlib.closing(sqlite3.connect(catalog)) as other:
        other.execute("CREATE TABLE theirs (n)")
    expect(bpg, "status", "environment", f"{catalog} is not a catalog of betterpg", "", BPG_HOME=str(home))
    catalog.unlink()
    with contextlib.closing(sqlite3.connect(bpg.home / "catalog.db")) as ours, contextlib.closing(sqlite3.connect(catalog)) as newer:
        ours.backup(newer)
        newer.execute("PRAGMA user_version = 99")
    expect(bpg, "status", "environment", "has version 99", "Upgrade bpg", BPG_HOME=str(home))


def test_a_terminal_gets_colours_and_a_file_does_not(any_bpg):
    """The words are the same."""
    plain = any_bpg.run("url", "app/none")
    command = " ".join(["'" + word + "'" for word in any_bpg.command("url", "app/none")])
    seen = subprocess.run(["script", "-qec", command, "/dev/null"], env=any_bpg.environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert seen.returncode == plain.status == 3
    assert "\x1b[" in seen.stdout and "\x1b[" not in plain.err
    quiet = subprocess.run(
        ["script", "-qec", command + " --no-color", "/dev/null"], env=any_bpg.environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert quiet.stdout.replace("\r", "") == plain.err


@as_root
def test_without_a_home():
    environment = {"PATH": os.environ["PATH"]}
    command = ["setpriv", "--reuid=65534", "--clear-groups", PROGRAM, "status"]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, cwd="/")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "bpg: neither BPG_HOME nor HOME is set\nhint: Set BPG_HOME to a directory for betterpg's files.\n"
