"""bpg doctor: it works before init, changes nothing, and each finding that can be provoked is there with its remedy."""

import contextlib
import http.server
import json
import os
import resource
import shutil
import signal
import socketserver
import sqlite3
import subprocess
import threading

import pytest

from betterpg import RUNTIME, Bpg, eventually


def examined(bpg, status=None, limits=None, **environment):
    """The checks by their names; the exit status tells whether one is missing."""
    result = subprocess.run(
        bpg.command("doctor", "-o", "json"), env=bpg.environment(**environment), cwd="/", stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=60, preexec_fn=limits,
    )
    checks = json.loads(result.stdout)
    missing = [check for check in checks if check["verdict"] == "missing"]
    assert result.returncode == (6 if missing else 0), result.stdout + result.stderr
    assert status is None or result.returncode == status, missing
    assert result.stderr == ""
    for check in checks:
        assert check["verdict"] == "ok" or check["mend"], f"nothing mends {check}"
    by_name = {check["name"]: check for check in checks}
    assert len(by_name) == len(checks)
    return by_name


def not_in_order(checks):
    """Without what depends on the machine alone."""
    machine = {"clock", "docker", "memory", "shared memory", "open files", "loop devices", "btrfs-progs", "zfs", "psql"}
    return {name for name, check in checks.items() if check["verdict"] != "ok" and name not in machine}


def picture(directory):
    """Every file with its size, time and mode, without where SQLite's readers note themselves."""
    return {path: (status.st_size, status.st_mtime_ns, status.st_mode)
            for path in sorted(directory.rglob("*")) if path.name != "catalog.db-shm" for status in [path.lstat()]}


@contextlib.contextmanager
def changed_catalog(bpg, change, undo):
    with contextlib.closing(sqlite3.connect(f"{bpg.home}/catalog.db")) as catalog, catalog:
        catalog.execute(change)
    try:
        yield
    finally:
        with contextlib.closing(sqlite3.connect(f"{bpg.home}/catalog.db")) as catalog, catalog:
            catalog.execute(undo)


def test_before_init(virgin):
    checks = examined(virgin, 0)
    assert checks["catalog"]["mend"] == "bpg init"
    assert not_in_order(checks) <= {"catalog", "storage"}
    assert any(name.startswith("postgresql ") for name in checks)
    assert not virgin.home.exists(), "it made something"


def test_a_home_in_order(bpg):
    bpg.ok("branch", "create", "app/dev")
    before = picture(bpg.home), bpg.stored()
    checks = examined(bpg, 0)
    assert not_in_order(checks) == set()
    assert (picture(bpg.home), bpg.stored()) == before, "it changed something"
    assert bpg.driver in checks["storage"]["found"]
    assert {"space", "key", "interrupted", "WAL archives", "account"} <= checks.keys()
    assert ("home" in checks) == (RUNTIME == "native"), "containers get there by mounts"
    assert ("zfs pool" in checks) == (bpg.driver == "zfs")


def test_the_page_for_people(any_bpg):
    result = any_bpg.run("doctor", BPG_STORAGE_RESERVE="100T")
    assert result.status == 6
    lines = result.out.splitlines()
    assert lines[0].split() == ["CHECK", "FOUND"]
    assert any(line.split()[:2] == ["space", "missing"] for line in lines)
    assert "  bpg cleanup" in lines, "the remedy stands alone on a line"
    assert any_bpg.run("doctor", "--quiet", BPG_STORAGE_RESERVE="100T").out.split("\n").count("space") == 1


def test_too_little_space(any_bpg):
    check = examined(any_bpg, 6, BPG_STORAGE_RESERVE="100T")["space"]
    assert check["verdict"] == "missing" and "storage.reserve" in check["found"]


def test_a_configuration_that_is_wrong(any_bpg):
    with any_bpg.configured("ports.rnge: 1-2\n"):
        check = examined(any_bpg, 6)["configuration"]
        assert "ports.rnge" in check["found"] and "Did you mean" in check["mend"]


@pytest.mark.native("the account of native servers")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs servers as another account")
def test_an_account_that_is_not_there(any_bpg):
    check = examined(any_bpg, 6, BPG_NATIVE_USER="nosuchaccount")["account"]
    assert "nosuchaccount" in check["found"]
    assert "does not run as root" in examined(any_bpg, 6, BPG_NATIVE_USER="root")["account"]["found"]


@pytest.mark.native("the account of native servers")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs servers as another account")
def test_a_home_that_cannot_be_entered(any_bpg):
    any_bpg.directory.chmod(0o700)
    try:
        check = examined(any_bpg, 6)["home"]
        assert check["mend"] == f"chmod o+x {any_bpg.directory}"
    finally:
        any_bpg.directory.chmod(0o711)


@pytest.mark.native("PostgreSQL as it is installed here")
def test_a_version_that_is_not_installed(any_bpg):
    major = any_bpg.json("db", "get", "app")["pg_version"]
    with changed_catalog(any_bpg, "UPDATE database SET pg_major = 99", f"UPDATE database SET pg_major = {major}"):
        check = examined(any_bpg, 6)["postgresql 99"]
        assert "'app'" in check["found"] and check["mend"] == "apt-get install postgresql-99"


def test_a_key_that_others_can_read_or_that_is_gone(any_bpg):
    key = any_bpg.home / "secret.key"
    key.chmod(0o644)
    assert examined(any_bpg, 6)["key"]["mend"] == f"chmod 600 {key}"
    key.chmod(0o600)
    key.rename(f"{key}.away")
    assert "no password" in examined(any_bpg, 6)["key"]["found"]
    (any_bpg.home / "secret.key.away").rename(key)


def test_an_interrupted_command_is_told_and_left_alone(any_bpg):
    assert any_bpg.run("branch", "create", "app/half", BPG_FAULT="clone:kill-after").status == -signal.SIGKILL
    before = volumes(any_bpg)
    assert "creating" in {state for _, state in before}
    check = examined(any_bpg, 0)["interrupted"]
    assert check["verdict"] == "warning" and "app/half" in check["found"] and check["mend"] == "bpg status"
    assert volumes(any_bpg) == before, "it mended something"
    assert "app/half" in any_bpg.ok("status").err
    assert examined(any_bpg, 0)["interrupted"]["verdict"] == "ok"


def test_what_is_at_work_was_not_interrupted(any_bpg):
    at_work = any_bpg.start("exec", "app", "--", "sleep", "60")
    try:
        eventually(lambda: any(branch["ephemeral"] for branch in any_bpg.json("branch", "list")), "exec makes no branch")
        assert examined(any_bpg, 0)["interrupted"]["verdict"] == "ok"
    finally:
        at_work.terminate()
        at_work.communicate()


def volumes(bpg):
    with contextlib.closing(sqlite3.connect(f"file:{bpg.home}/catalog.db?mode=ro", uri=True)) as catalog:
        return set(catalog.execute("SELECT id, state FROM volume").fetchall())


def test_an_archive_that_cannot_be_written(any_bpg):
    switch = "SELECT left(pg_walfile_name(pg_switch_wal()), 16)"
    # A directory in it, because a container has hold of the archive itself.
    archive = any_bpg.home / "wal-archive" / any_bpg.branch("app")["volume"]["id"] / any_bpg.superuser("app", switch)
    eventually(lambda: list(archive.glob("*.z")), "nothing is archived")
    aside = archive.with_name("aside")
    archive.rename(aside)
    archive.write_text("in the way")
    try:
        any_bpg.sql("app", "INSERT INTO t VALUES (4)")
        any_bpg.superuser("app", switch)
        eventually(lambda: examined(any_bpg)["WAL archives"]["verdict"] == "missing", "it does not notice", seconds=60)
        assert "app/main cannot archive 0000" in examined(any_bpg)["WAL archives"]["found"]
    finally:
        archive.unlink()
        aside.rename(archive)


def test_few_open_files(any_bpg):
    check = examined(any_bpg, 0, limits=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256)))["open files"]
    assert check["verdict"] == "warning" and "256" in check["found"]


def test_a_clock_that_went_back(any_bpg):
    check = examined(any_bpg, 0, BPG_CLOCK_OFFSET="-86400")["clock"]
    assert check["verdict"] == "warning" and "moments" in check["found"]


def test_a_pool_that_is_not_imported():
    if not os.environ.get("BPG_TEST_ZFS"):
        pytest.skip("BPG_TEST_ZFS is not set: there is no ZFS")
    bpg = Bpg("copy")
    pool = f"e2e-{bpg.directory.name[5:].lower().replace('_', '-')}"
    file = bpg.directory / "pool.zfs"
    try:
        bpg.ok("init", "--pool", pool, "--pool-file", file, "--size", "512M")
        assert examined(bpg, 0)["zfs pool"]["verdict"] == "ok"
        assert subprocess.run(["zpool", "export", pool], capture_output=True).returncode == 0
        check = examined(bpg, 6)["zfs pool"]
        assert "not imported" in check["found"] and check["mend"] == "bpg status"
        assert subprocess.run(["zpool", "list", pool], capture_output=True).returncode != 0, "it imported the pool"
        file.rename(f"{file}.away")
        assert str(file) in examined(bpg, 6)["zfs pool"]["found"]
        file.with_name("pool.zfs.away").rename(file)
        bpg.ok("init", "--remove")
    finally:
        subprocess.run(["zpool", "destroy", "-f", pool], capture_output=True)
        bpg.place.remove()
        shutil.rmtree(bpg.directory)


def test_a_file_backed_pool_that_is_not_mounted():
    if not os.environ.get("BPG_TEST_BTRFS"):
        pytest.skip("BPG_TEST_BTRFS is not set: no image can be mounted here")
    bpg = Bpg("copy")
    try:
        bpg.ok("init", "--storage", "btrfs", "--size", "512M")
        assert examined(bpg, 0)["storage"]["verdict"] == "ok"
        subprocess.run(["umount", bpg.home / "pool"], check=True)
        check = examined(bpg, 6)["storage"]
        assert "not mounted" in check["found"] and check["mend"] == "sudo bpg status"
        assert not os.path.ismount(bpg.home / "pool"), "it mounted the pool"
        bpg.ok("init", "--remove")
    finally:
        subprocess.run(["umount", bpg.home / "pool"], capture_output=True)
        bpg.place.remove()
        shutil.rmtree(bpg.directory)


class FakeDocker:
    """Answers as the Engine API does to what doctor asks."""

    def __init__(self, path, api="1.41", options=()):
        self.path = path
        info = json.dumps({"ServerVersion": "20.10.24", "SecurityOptions": list(options)})

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = ("OK" if self.path == "/_ping" else info).encode()
                self.send_response(200)
                self.send_header("Api-Version", api)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def address_string(self):
                return "unix"

            def log_message(self, *_):
                pass

        self.server = socketserver.ThreadingUnixStreamServer(str(path), Handler)

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f"unix://{self.path}"

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.path.unlink()


@pytest.mark.native("Docker where nobody has configured it")
def test_docker(virgin):
    socket = virgin.directory / "docker.sock"

    def check(**environment):
        return examined(virgin, 0, DOCKER_HOST=f"unix://{socket}", **environment)["docker"]

    assert check()["verdict"] == "ok" and "only servers in containers" in check()["found"]
    socket.write_text("")
    assert check()["verdict"] == "warning" and "cannot be reached" in check()["found"]
    socket.unlink()
    with FakeDocker(socket):
        assert check() == {"name": "docker", "verdict": "ok", "mend": None,
                           "found": f"Docker 20.10.24 with API 1.41 at unix://{socket}"}
    with FakeDocker(socket, api="1.24"):
        assert "too old" in check()["found"] and "20.10" in check()["mend"]
    with FakeDocker(socket, options=["name=seccomp", "name=rootless"]):
        assert check()["verdict"] == "warning" and "other accounts" in check()["found"]
    assert "not that of a Unix socket" in examined(virgin, 0, DOCKER_HOST="tcp://localhost:2375")["docker"]["found"]


def programs_of_zfs(directory, says):
    """A PATH with a ZFS that is not there but for its programs."""
    directory.mkdir()
    directory.chmod(0o755)
    for name in ("zfs", "zpool"):
        program = directory / name
        program.write_text(f'#!/bin/sh\necho "{says}" >&2\nexit 1\n')
        program.chmod(0o755)
    return f"{directory}:{os.environ['PATH']}"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may use ZFS")
@pytest.mark.parametrize("says, mend", [
    ("The ZFS modules are not loaded.", "modprobe zfs"),
    ("connect: No such file\nPlease make sure that the zfs-fuse daemon is running.", "systemctl start zfs-fuse"),
])
def test_a_zfs_that_does_not_answer(virgin, tmp_path, says, mend):
    check = examined(virgin, PATH=programs_of_zfs(tmp_path / "bin", says))["zfs"]
    assert (check["verdict"], check["mend"]) == ("warning", mend)
    assert check["found"].endswith(says.splitlines()[0])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")
def test_zfs_is_for_root_and_for_whom_root_lets():
    bpg = Bpg("copy", account="nobody")
    try:
        check = examined(bpg, PATH=programs_of_zfs(bpg.directory / "bin", "only root asks"))["zfs"]
        assert (check["verdict"], check["mend"]) == ("ok", None)
        assert check["found"] == "root has delegated no dataset to 'nobody'; 'sudo bpg setup --user nobody' does"
    finally:
        bpg.place.remove()
        shutil.rmtree(bpg.directory)


@pytest.mark.native("Docker where nobody has configured it")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody who may not use the socket")
def test_docker_without_its_group():
    bpg = Bpg("copy", account="nobody")
    socket = bpg.directory / "docker.sock"
    try:
        with FakeDocker(socket):
            socket.chmod(0o660)
            check = examined(bpg, DOCKER_HOST=f"unix://{socket}")["docker"]
            assert check["verdict"] == "warning" and check["mend"].startswith("usermod -aG docker nobody")
    finally:
        bpg.place.remove()
        shutil.rmtree(bpg.directory)
