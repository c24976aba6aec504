"""The built program, as its users see it: one object for one home."""

import contextlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time

import psycopg

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("BPG_BIN", str(ROOT / "build" / "release" / "bin" / "bpg"))
# How many times as long as on an ordinary machine things may take: more than 1 where it is emulated.
SLOWNESS = float(os.environ.get("BPG_TEST_SLOW", "1"))
VARIABLES = {"zfs": "BPG_TEST_ZFS", "btrfs": "BPG_TEST_BTRFS", "reflink": "BPG_TEST_XFS", "copy": "BPG_TEST_COPY"}
# Where servers run: "native", or "docker" in containers of the image BPG_TEST_IMAGE by the engine at BPG_TEST_DOCKER_HOST.
RUNTIME = os.environ.get("BPG_TEST_RUNTIME", "native")
UNFINISHED = {
    "volume": "state IN ('creating', 'deleting')",
    "snapshot": "state IN ('creating', 'deleting')",
    "branch": "state IN ('creating', 'deleting') OR switching",
}
# The exit status of each kind of error.
STATUS = {
    "usage": 2, "not_found": 3, "already_exists": 4, "has_children": 5, "refused": 5, "not_initialised": 6, "storage": 6,
    "postgres": 6, "permission": 6, "no_space": 6, "environment": 6, "busy": 7, "interrupted": 130,
}
STEP = re.compile(r"^\s*[\d.]+ ms  (.+)$", re.M)


def heed_signals():
    """Whoever runs the tests in the background may ignore them."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


class Result:
    def __init__(self, completed):
        self.status = completed.returncode
        self.out = completed.stdout
        self.err = completed.stderr

    @property
    def error(self):
        """The error object of -o json."""
        return json.loads(self.err.strip().splitlines()[-1])["error"]


class Place:
    """Where the volumes of one home live. `remove` asserts that nothing was left there."""

    def __init__(self, driver, owner=None):
        self.dataset = None
        if driver == "zfs":
            self.dataset = f"{os.environ[VARIABLES[driver]]}/e2e-{random.randbytes(4).hex()}"
            subprocess.run(["zfs", "create", self.dataset], check=True)
            self.arguments = ["--storage", driver, "--pool", self.dataset]
            return
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="e2e-", dir=os.environ[VARIABLES[driver]]))
        # Servers of another account pass through to their volumes.
        self.directory.chmod(0o711)
        if owner:
            shutil.chown(self.directory, owner)
        self.arguments = ["--storage", driver, "--path", str(self.directory)]

    def remove(self):
        if self.dataset:
            left = zfs_list(self.dataset)[1:]
            # zfs-fuse unmounts behind one's back: "busy" at first.
            destroy = ["zfs", "destroy", "-R", self.dataset]
            eventually(lambda: subprocess.run(destroy, capture_output=True).returncode == 0, "the dataset is busy")
        else:
            left = [str(path) for path in self.directory.iterdir()]
            for subvolume in self.directory.glob("*/*/*"):
                subprocess.run(["btrfs", "subvolume", "delete", subvolume], capture_output=True)
            shutil.rmtree(self.directory)
        assert not left, "storage was left behind"


def zfs_list(dataset):
    words = ["zfs", "list", "-H", "-o", "name", "-t", "filesystem,snapshot", "-r", dataset]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()


class Bpg:
    """A home of its own, with ports of its own. `account` is who runs bpg."""

    def __init__(self, driver, account=None, config=""):
        self.driver = driver
        self.account = account
        self.place = Place(driver, account)
        # Short, because the paths of sockets are limited.
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="bpgt-", dir="/tmp"))
        self.directory.chmod(0o711)
        if account:
            shutil.chown(self.directory, account)
        self.home = self.directory / "home"
        self.root = None
        self.locks_before = set()
        first_port = random.randrange(20000, 30000)
        self.config = self.directory / "config.yaml"
        docker = f"docker.host: {os.environ['BPG_TEST_DOCKER_HOST']}\n" if RUNTIME == "docker" else ""
        self.config.write_text(f"ports.range: {first_port}-{first_port + 300}\n{docker}{config}")

    @property
    def atomic(self):
        return self.driver in ("zfs", "btrfs")

    def command(self, *arguments):
        prefix = ["runuser", "-u", self.account, "--"] if self.account else []
        return [*prefix, PROGRAM, "--config", str(self.config), *map(str, arguments)]

    def environment(self, **more):
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("BPG_", "PG", "NO_COLOR"))}
        return {**kept, "BPG_HOME": str(self.home), "PAGER": "cat", **more}

    def init(self):
        runtime = ["--runtime", "docker", "--image", os.environ["BPG_TEST_IMAGE"]] if RUNTIME == "docker" else []
        self.ok("init", *self.place.arguments, *runtime)
        return self

    def run(self, *arguments, timeout=120, **environment):
        """Runs bpg to its end, whatever that is."""
        return Result(
            subprocess.run(
                self.command(*arguments), env=self.environment(**environment), cwd="/", stdin=subprocess.DEVNULL,
                capture_output=True, text=True, timeout=timeout * SLOWNESS,
            )
        )

    def ok(self, *arguments, **environment):
        result = self.run(*arguments, **environment)
        assert result.status == 0, f"bpg {' '.join(arguments)}: {result.status}\n{result.out}{result.err}"
        return result

    def json(self, *arguments, **environment):
        return json.loads(self.ok(*arguments, "-o", "json", **environment).out)

    def fails(self, status, code, *arguments, **environment):
        """Runs bpg, which must fail with this exit status and slug and print nothing else; the error object."""
        result = self.run(*arguments, "-o", "json", **environment)
        assert (result.status, result.out) == (status, ""), f"{arguments}: {result.status}\n{result.out}{result.err}"
        assert result.error["code"] == code, result.err
        assert result.error["message"] and not result.error["message"].endswith("."), result.err
        return result.error

    def start(self, *arguments, **environment):
        """Starts bpg and goes on."""
        return subprocess.Popen(
            self.command(*arguments), env=self.environment(**environment), cwd="/", stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heed_signals,
        )

    @contextlib.contextmanager
    def configured(self, text):
        """Another configuration for a while."""
        usual = self.config
        self.config = self.directory / "other.yaml"
        self.config.write_text(text)
        try:
            yield
        finally:
            self.config = usual

    def steps(self, *arguments):
        """The names of the steps of a command, which is run."""
        steps = list(dict.fromkeys(STEP.findall(self.ok("-v", *arguments).err)))
        assert steps, arguments
        return steps

    def connect(self, subject, **options):
        url = self.ok("url", subject).out.strip()
        return psycopg.connect(url, autocommit=True, **options)

    def sql(self, subject, query):
        """One value, asked as the owner through the URL."""
        with self.connect(subject) as connection:
            cursor = connection.execute(query)
            row = cursor.fetchone() if cursor.description else None
            return row[0] if row else None

    def superuser(self, subject, query):
        return self.ok("connect", subject, "--superuser", "--", "-XAtc", query).out.strip()

    def branch(self, subject):
        return self.json("branch", "get", subject)

    def branches(self):
        return {branch["subject"]: branch for branch in self.json("status")["branches"]}

    def volume(self, subject):
        return pathlib.Path(self.branch(subject)["volume"]["path"])

    def postmaster(self, subject):
        """The process id of a branch's server, as this machine numbers it."""
        data = self.volume(subject) / "data"
        if RUNTIME == "docker":
            return next(pid for pid, command in self.servers() if f"-D {data} " in command)
        return int((data / "postmaster.pid").read_text().split()[0])

    def backend(self, subject, pid):
        """A process of a branch's server, which numbers it so, as this machine numbers it."""
        if RUNTIME != "docker":
            return pid
        server = self.postmaster(subject)
        for child in pathlib.Path(f"/proc/{server}/task/{server}/children").read_text().split():
            numbers = re.search(r"^NSpid:(.*)$", pathlib.Path(f"/proc/{child}/status").read_text(), re.M)[1].split()
            if int(numbers[-1]) == pid:
                return int(child)
        raise AssertionError(f"the server of {subject} has no process {pid}")

    def kill_server(self, subject):
        """Kills a branch's server so that it stays down: Docker starts again what ends without its doing."""
        pid = self.postmaster(subject)
        if RUNTIME == "docker":
            docker("kill", f"bpg-{self.branch(subject)['volume']['id']}")
            eventually(lambda: not alive(pid), f"process {pid} lives on")
        else:
            kill_now(pid)

    def server_program(self, subject):
        """The postgres of a branch's server. Its command line tells; what /proc calls exe is not for a container's root to read."""
        return pathlib.Path(pathlib.Path(f"/proc/{self.postmaster(subject)}/cmdline").read_text().split("\0")[0])

    def stored(self):
        """The volumes and snapshots that the storage holds: two sets of ids."""
        if self.place.dataset:
            names = [name.rsplit("/", 1)[1] for name in zfs_list(self.place.dataset)]
            volumes = {name for name in names if name.startswith("vol_") and "@" not in name}
            return volumes, {name.split("@")[1] for name in names if "@" in name}
        if not self.root:
            self.root = pathlib.Path(self.json("status")["storage"]["root"])
        return tuple({path.name for path in (self.root / kind).iterdir()} for kind in ("volumes", "snapshots"))

    def recorded(self):
        """The volumes and snapshots that the catalog says exist: two sets of ids. Nothing may be half made."""
        with contextlib.closing(sqlite3.connect(f"file:{self.home}/catalog.db?mode=ro", uri=True)) as catalog:
            for table, condition in UNFINISHED.items():
                assert catalog.execute(f"SELECT * FROM {table} WHERE {condition}").fetchall() == []
            return tuple(
                {row[0] for row in catalog.execute(f"SELECT id FROM {table} WHERE state <> 'deleted'")}
                for table in ("volume", "snapshot")
            )

    def assert_tidy(self):
        """Catalog, storage and processes tell the same."""
        status = self.json("status")
        volumes, _ = self.recorded()
        assert self.stored() == self.recorded()
        told = {branch["volume"]["id"] for branch in status["branches"]} | {kept["volume"] for kept in status["retained"]}
        assert told == volumes
        running = {branch["volume"]["id"] for branch in status["branches"] if branch["status"] == "running"}
        assert {path.name for path in (self.home / "run").iterdir()} == running
        assert len(self.servers()) == len(running), self.servers()
        keepers = 0 if RUNTIME == "docker" else len(running)
        eventually(lambda: len(self.processes()) == len(running) + keepers, "log keepers of stopped servers do not end")
        if RUNTIME == "docker":
            assert containers() & volumes == running

    def locks(self):
        """Lock files of volumes and snapshots, and turns of exec. A command that is killed before its row is stored leaves one."""
        return {path for path in (self.home / "locks").rglob("*") if path.name.startswith(("vol_", "snap_", "ticket"))}

    def processes(self):
        """The servers and log keepers of this home: (process id, command line)."""
        found = []
        for directory in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                words = (directory / "cmdline").read_bytes().split(b"\0")
            except (FileNotFoundError, ProcessLookupError):
                continue
            if words[0].rsplit(b"/")[-1] in (b"postgres", b"bpg-log") and any(f"{self.home}/".encode() in word for word in words):
                found.append((int(directory.name), b" ".join(words).decode()))
        return found

    def servers(self):
        return [(pid, command) for pid, command in self.processes() if "postgres -D" in command]

    def picture(self):
        """What there is, without what differs from one time to the next."""
        status = self.json("status")
        volumes, snapshots = self.stored()
        return {
            "databases": sorted(database["name"] for database in status["databases"]),
            "branches": {branch["subject"]: branch["status"] for branch in status["branches"]},
            "volumes": len(volumes),
            "snapshots": len(snapshots),
            "retained": len(status["retained"]),
            "listed": len(self.json("snapshot", "list")),
            "servers": len(self.servers()),
        }

    def remove(self):
        """Takes everything back by bpg's own commands, and looks whether it is gone."""
        try:
            for database in self.json("db", "list"):
                self.ok("db", "delete", database["name"], "--force", "--now")
            self.ok("cleanup", "--now")
            self.ok("init", "--remove")
            eventually(lambda: not self.processes(), "processes are left")
            assert str(self.home) not in pathlib.Path("/proc/mounts").read_text()
            assert not self.home.exists()
        finally:
            for pid, _ in self.processes():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.place.remove()
            shutil.rmtree(self.directory)


def installed():
    """The directory of this machine's own PostgreSQL's programs: the newest, where there are some."""
    return max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))


def docker(*words):
    """What the Docker of the tests says to that."""
    command = ["docker", "--host", os.environ["BPG_TEST_DOCKER_HOST"], *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def containers():
    """The volumes that have a container, running or not."""
    return set(docker("ps", "--all", "--format", '{{.Label "betterpg.volume"}}').split())


def eventually(condition, words, seconds=20):
    """Waits for what nothing tells of."""
    deadline = time.monotonic() + seconds * SLOWNESS
    while not condition():
        assert time.monotonic() < deadline, words
        time.sleep(0.02)


def kill_now(pid):
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not alive(pid), f"process {pid} lives on")


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
