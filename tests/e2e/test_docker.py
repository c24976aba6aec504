"""Servers in containers: what differs from processes of this machine.

What does not differ is in the other files, which run with containers, too, where BPG_TEST_RUNTIME is docker."""

import json
import os
import pathlib
import subprocess
import time

import pytest

from betterpg import VARIABLES, Bpg, containers, docker, eventually

HOST = os.environ.get("BPG_TEST_DOCKER_HOST")
PLAIN = os.environ.get("BPG_TEST_IMAGE_PLAIN")
CHECKOUT = pathlib.Path(__file__).resolve().parents[2]

pytestmark = [
    pytest.mark.skipif(not HOST, reason="BPG_TEST_DOCKER_HOST is not set: there is no Docker"),
    pytest.mark.native("about containers by itself, beside native servers"),
]


def container(bpg, subject):
    name = f"bpg-{bpg.branch(subject)['volume']['id']}"
    return json.loads(docker("inspect", name))[0]


def driver():
    return "btrfs" if os.environ.get(VARIABLES["btrfs"]) else "copy"


@pytest.fixture
def home():
    """A home of native servers that knows where the tests' Docker is."""
    before = containers()
    bpg = Bpg(driver(), config=f"docker.host: {HOST}\n")
    bpg.ok("init", *bpg.place.arguments)
    yield bpg
    bpg.remove()
    assert containers() == before


def test_one_database_of_a_native_home_runs_in_containers(home):
    home.ok("db", "create", "native")
    home.ok("db", "create", "boxed", "--image", PLAIN)
    kinds = {database["name"]: (database["runtime"], database["image"]) for database in home.json("db", "list")}
    assert kinds == {"native": ("native", None), "boxed": ("docker", PLAIN)}
    home.sql("boxed", "CREATE TABLE t AS SELECT 1 AS n")
    home.ok("branch", "create", "boxed/dev")
    assert home.sql("boxed/dev", "SELECT n FROM t") == 1
    assert container(home, "boxed/dev")["HostConfig"]["RestartPolicy"]["Name"] == "always"
    own = {home.branch(subject)["volume"]["id"] for subject in ("boxed", "boxed/dev")}
    assert own <= containers()
    home.ok("stop", "--all")
    assert not own & containers()
    home.ok("start", "--all")
    assert home.sql("boxed/dev", "SELECT n FROM t") == 1


@pytest.mark.parametrize("image", ["OFFICIAL", "UID70"])
def test_images_of_other_makes(home, image):
    home.ok("db", "create", "app", "--image", os.environ[f"BPG_TEST_IMAGE_{image}"])
    home.sql("app", "CREATE TABLE t AS SELECT 1 AS n")
    home.ok("restore-point", "create", "app", "here")
    home.sql("app", "DROP TABLE t")
    home.ok("branch", "restore", "app", "--at", "@here")
    assert home.sql("app", "SELECT n FROM t") == 1
    home.ok("branch", "create", "app/dev")
    assert home.sql("app/dev", "SELECT n FROM t") == 1
    assert home.superuser("app/dev", "SELECT current_user") == "postgres"
    assert home.ok("exec", "app", "--", "psql", "-Atc", "SELECT n FROM t").out == "1\n"


def test_an_image_is_looked_into_once(home):
    def looks(command, *arguments):
        began = time.time()
        home.ok(*command.split(), *arguments)
        seen = docker("events", "--since", f"{began:.6f}", "--until", f"{time.time():.6f}", "--filter", "event=create",
                      "--filter", "label=betterpg.program=sh")
        return len(seen.splitlines())

    assert looks("db create one", "--image", PLAIN) == 1
    assert looks("db create two", "--image", PLAIN) == 0
    assert home.sql("two", "SELECT 1") == 1


def test_a_container_sees_its_own_archive_alone(home):
    home.ok("db", "create", "app", "--image", PLAIN)
    home.sql("app", "CREATE TABLE t AS SELECT 1 AS n")
    home.ok("restore-point", "create", "app", "here")
    home.ok("branch", "create", "app/dev", "--at", "@here")
    assert home.sql("app/dev", "SELECT n FROM t") == 1
    mounts = {mount["Source"]: mount["RW"] for mount in container(home, "app/dev")["Mounts"]}
    volume = home.branch("app/dev")["volume"]
    assert mounts == {
        volume["path"]: True,
        f"{home.home}/run/{volume['id']}": True,
        f"{home.home}/libexec": False,
        f"{home.home}/wal-archive/{volume['id']}": True,
    }
    home.superuser("app/dev", "SELECT pg_switch_wal()")
    archived = lambda: any(row["subject"] == "app/dev" and row["segments"] for row in home.json("wal", "info"))
    eventually(archived, "nothing is archived")


def test_limits_and_a_network_of_its_own(home):
    network = os.environ["BPG_TEST_DOCKER_NETWORK"]
    more = f"docker.network: {network}\ndocker.memory: 512M\ndocker.cpus: 0.5\ndocker.shm_size: 128M\n"
    with home.configured(home.config.read_text() + more):
        home.ok("db", "create", "app", "--image", PLAIN)
        assert home.sql("app", "SELECT 1") == 1
        told = container(home, "app")["HostConfig"]
        assert (told["Memory"], told["NanoCpus"], told["ShmSize"]) == (512 << 20, 500_000_000, 128 << 20)
        port = home.branch("app")["port"]
        assert told["PortBindings"] == {f"{port}/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(port)}]}
        home.ok("branch", "create", "app/dev")
        assert home.sql("app/dev", "SELECT 1") == 1
        home.ok("db", "delete", "app", "--force", "--now")


def test_logs_are_those_of_the_container(home):
    home.ok("db", "create", "app", "--image", PLAIN)
    home.superuser("app", "DO $$ BEGIN RAISE LOG 'seen in the log'; END $$")
    # The engine takes it from a pipe.
    eventually(lambda: "seen in the log" in home.ok("logs", "app").out, "it is not in the log")
    home.ok("restart", "app")
    home.superuser("app", "DO $$ BEGIN RAISE LOG 'and this'; END $$")
    eventually(lambda: "and this" in home.ok("logs", "app").out, "it is not in the log")
    log = home.ok("logs", "app").out
    assert log.index("seen in the log") < log.index("and this"), "the log of the container before is kept"
    assert len(home.ok("logs", "app", "-n", "3").out.splitlines()) == 3


def test_what_is_cut_from_a_branch_runs_where_that_one_runs(home):
    home.ok("db", "create", "app", "--image", PLAIN)
    home.ok("db", "create", "copy", "--template", "app")
    assert home.json("db", "get", "copy")["image"] == PLAIN
    error = home.fails(5, "refused", "db", "create", "other", "--template", "app", "--runtime", "native")
    assert "--from-dump" in error["hint"]


def test_a_dump_is_loaded_into_a_container(home, tmp_path):
    home.ok("db", "create", "app", "--image", PLAIN)
    home.sql("app", "CREATE TABLE t AS SELECT generate_series(1, 1000) AS n")
    dump = tmp_path / "app.dump"
    url = home.ok("url", "app").out.strip()
    subprocess.run(["pg_dump", "--format=custom", f"--file={dump}", url], check=True)
    home.ok("db", "create", "loaded", "--image", PLAIN, "--from-dump", dump)
    assert home.sql("loaded", "SELECT sum(n) FROM t") == 500500


def test_a_failed_create_leaves_no_container(home):
    before = home.picture()
    containers_before = containers()
    for step in ("initdb", "start server", "settle", "open endpoint"):
        home.fails(1, "failure", "db", "create", "app", "--image", PLAIN, BPG_FAULT=f"{step}:fail-after")
        assert home.picture() == before, step
        assert containers() == containers_before, step
    killed = home.run("db", "create", "app", "--image", PLAIN, BPG_FAULT="start server:kill-after")
    assert killed.status == -9
    assert "undid the interrupted making" in home.ok("status").err
    assert home.picture() == before
    assert containers() == containers_before


def test_wrong_use(home):
    error = home.fails(3, "not_found", "db", "create", "app", "--image", "betterpg-test:none")
    assert "docker pull" in error["hint"] or "docker load" in error["hint"]
    error = home.fails(2, "usage", "db", "create", "app", "--image", PLAIN, "--pg-version", "12")
    assert "--image postgres:12" in error["hint"]
    home.fails(2, "usage", "db", "create", "app", "--image", PLAIN, "--runtime", "native")
    assert "docker" in home.fails(2, "usage", "db", "create", "app", "--runtime", "dokcer")["hint"]
    home.fails(6, "postgres", "db", "create", "app", "--image", os.environ["BPG_TEST_IMAGE_EMPTY"])
    error = home.fails(5, "refused", "init", "--runtime", "docker", "--image", PLAIN)
    assert "--image" in error["hint"]
    assert home.json("db", "list") == []


def test_without_an_engine(home):
    home.ok("db", "create", "native")
    with home.configured(home.config.read_text().replace(HOST, "unix:///nowhere/docker.sock")):
        home.ok("status")
        home.ok("branch", "create", "native/dev")
        error = home.fails(6, "environment", "db", "create", "app", "--image", PLAIN)
        assert "docker" in error["hint"].lower()


def test_the_doctor_asks_docker_where_containers_are_wanted(home):
    def findings():
        result = home.run("doctor", "-o", "json")
        return {check["name"]: check for check in json.loads(result.out)}

    assert f"image {PLAIN}" not in findings()
    home.ok("db", "create", "app", "--image", PLAIN)
    assert (findings()["docker"]["verdict"], findings()[f"image {PLAIN}"]["verdict"]) == ("ok", "ok")
    with home.configured(home.config.read_text().replace(HOST, "unix:///nowhere/docker.sock")):
        docker = findings()["docker"]
        assert docker["verdict"] == "missing" and docker["mend"]


def restart_of_the_engine(how):
    subprocess.run([CHECKOUT / "tests" / "docker.sh", how, os.environ["BPG_TEST_DOCKER_DIR"]], check=True, capture_output=True)


@pytest.mark.parametrize("how", ["restart", "crash"])
def test_branches_come_back_when_the_engine_does(home, how):
    home.ok("db", "create", "app", "--image", PLAIN)
    home.sql("app", "CREATE TABLE t AS SELECT 1 AS n")
    home.ok("branch", "create", "app/dev")
    home.ok("branch", "create", "app/stopped", "--no-start")
    before = {subject: branch["port"] for subject, branch in home.branches().items()}
    restart_of_the_engine(how)
    running = {"app/main": "running", "app/dev": "running", "app/stopped": "stopped"}
    eventually(lambda: {subject: branch["status"] for subject, branch in home.branches().items()} == running, "they do not come back", 60)
    assert {subject: branch["port"] for subject, branch in home.branches().items()} == before
    assert home.sql("app/dev", "SELECT n FROM t") == 1
    home.ok("branch", "reset", "app/dev")
    assert home.sql("app/dev", "SELECT n FROM t") == 1
