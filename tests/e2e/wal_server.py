"""Servers of their own for tests of bpg-wal, which needs no bpg: started from their binaries, archiving into a directory."""

import atexit
import contextlib
import functools
import getpass
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

import psycopg

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILT = pathlib.Path(os.environ.get("BPG_WAL_BIN", ROOT / "build" / "release" / "bin" / "bpg-wal"))
MB = 1 << 20


# Those that every run tries: the oldest and the newest that betterpg takes, Debian's, and one that many use.
MAJORS = (13, 15, 17, 18)


def installations():
    """The PostgreSQL versions that can be tested: Debian's, and those that BPG_TEST_SERVERS names (bin directories)."""
    named = [pathlib.Path(path) for path in os.environ.get("BPG_TEST_SERVERS", "").split(":") if path]
    return {version_of(path): path for path in [*pathlib.Path("/usr/lib/postgresql").glob("*/bin"), *named]}


def version_of(directory):
    words = subprocess.run([directory / "postgres", "--version"], capture_output=True, text=True, check=True).stdout.split()
    return int(words[2].split(".")[0])


class Account:
    """Who runs servers and bpg-wal: `postgres` where the tests are root's, for which no permission is refused."""

    name = "postgres" if os.geteuid() == 0 else getpass.getuser()
    prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []


class Place:
    """A directory that belongs to the account, with the program in it: the checkout may be closed to others."""

    def __init__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="bpgw-", dir="/tmp"))
        self.path.chmod(0o755)
        self.program = self.path / "bpg-wal"
        shutil.copy(BUILT, self.program)
        self.program.chmod(0o755)
        if Account.prefix:
            shutil.chown(self.path, Account.name)

    def run(self, *words, before=(), cwd=None, timeout=120, **environment):
        return subprocess.run(
            [*Account.prefix, *map(str, before), str(self.program), *map(str, words)], cwd=cwd or self.path, text=True,
            env={**os.environ, **environment}, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout,
        )

    def status(self, *words, **options):
        return self.run(*words, **options).returncode

    def remove(self):
        shutil.rmtree(self.path)


@functools.cache
def cluster(binaries, segment_size):
    """A new cluster to copy from: initdb takes seconds."""
    place = pathlib.Path(tempfile.mkdtemp(prefix="bpgw-cluster-", dir="/tmp"))
    atexit.register(shutil.rmtree, place)
    if Account.prefix:
        shutil.chown(place, Account.name)
    words = [binaries / "initdb", "-D", place / "data", "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8", "--locale", "C",
             f"--wal-segsize={segment_size // MB}"]
    subprocess.run([*Account.prefix, *words], check=True, capture_output=True, cwd=place)
    return place / "data"


class Server:
    """One cluster. `archive` is where its WAL goes, by archive_command, once it was made."""

    def __init__(self, place, name, binaries, segment_size=16 * MB):
        self.place = place
        self.directory = place.path / name
        self.archive = place.path / f"{name}-archive"
        self.binaries = binaries
        self.segment_size = segment_size
        self.process = None
        subprocess.run(["cp", "-a", cluster(binaries, segment_size), self.directory], check=True)
        assert place.status("init", "--archive", self.archive, "--data", self.directory) == 0

    def configuration(self):
        return {
            "listen_addresses": "", "unix_socket_directories": str(self.directory), "wal_level": "replica",
            "archive_mode": "on", "archive_command": f"{self.place.program} push --archive {self.archive} %p",
            "max_prepared_transactions": "5", "max_connections": "20", "shared_buffers": "16MB", "fsync": "off",
            "min_wal_size": "32MB" if self.segment_size <= 16 * MB else "256MB", "log_min_messages": "warning",
        }

    def start(self, **settings):
        words = [self.binaries / "postgres", "-D", self.directory]
        for key, value in {**self.configuration(), **settings}.items():
            words += ["-c", f"{key}={value}"]
        # In its own directory: what else it opens is relative to it.
        with open(self.place.path / "log", "ab") as log:
            self.process = subprocess.Popen([*Account.prefix, *map(str, words)], cwd=self.place.path, stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)
        return self

    def connect(self, seconds=60):
        deadline = time.monotonic() + seconds
        while True:
            try:
                return psycopg.connect(f"host={self.directory} user=postgres dbname=postgres", autocommit=True)
            except psycopg.OperationalError:
                assert self.process.poll() is None, (self.place.path / "log").read_text()[-3000:]
                assert time.monotonic() < deadline, "the server does not come up"
                time.sleep(0.05)

    def postmaster(self):
        return int((self.directory / "postmaster.pid").read_text().split()[0])

    def stop(self):
        if self.process and self.process.poll() is None:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                os.kill(self.postmaster(), signal.SIGINT)
            self.process.wait(60)
        self.process = None

    def kill(self):
        postmaster = self.postmaster()
        children = [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if state_of(pid)[1] == postmaster]
        os.kill(postmaster, signal.SIGKILL)
        self.process.wait(60)
        # Its children see it go and end.
        eventually(lambda: all(state_of(pid)[0] in "Z-" for pid in children), "children of a killed postmaster live on")
        (self.directory / "postmaster.pid").unlink(missing_ok=True)
        self.process = None

    def copy(self, name):
        """A copy of the stopped server's directory, to be recovered from the archive."""
        other = object.__new__(Server)
        other.__dict__.update(self.__dict__)
        other.directory = self.place.path / name
        other.process = None
        subprocess.run(["cp", "-a", self.directory, other.directory], check=True)
        return other

    def stored(self):
        return sorted(path.name[:-2] for path in self.archive.glob("**/*.z"))

    def path_of(self, name):
        return next(self.archive.glob(f"**/{name}.z"))

    def head(self, name):
        """What a stored file says of itself; keys that stand there more than once have lists."""
        lines = self.path_of(name).read_bytes()[8:1024].split(b"\0")[0].decode().splitlines()
        head = {"restore-point": []}
        for key, value in (line.split(" ", 1) for line in lines):
            if key == "restore-point":
                head[key].append(value)
            else:
                head[key] = value
        return head

    def archive_all(self, connection):
        """Waits until everything up to now is stored; the name of the last segment."""
        connection.execute("CREATE TABLE IF NOT EXISTS bump (); DROP TABLE bump")
        name = connection.execute("SELECT pg_walfile_name(pg_switch_wal())").fetchone()[0]
        status = self.directory / "pg_wal" / "archive_status"

        def acknowledged():
            """Not only stored: those before it are stored beside it, and may still be at it."""
            return name in self.stored() and not any(path.stem <= name for path in status.glob("*.ready"))

        eventually(acknowledged, f"{name} is not archived", 120)
        return name


def state_of(pid):
    """State and parent of a process, whoever's it is (proc(5)); "-" where there is none."""
    try:
        state, parent = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[:2]
    except (FileNotFoundError, ProcessLookupError):
        return "-", 0
    return state, int(parent)


def eventually(condition, words, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, words
        time.sleep(0.02)
