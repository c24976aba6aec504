"""bpg-wal under faults: strace lets every system call fail, or the program die at it."""

import collections
import fcntl
import itertools
import os
import re
import shutil
import subprocess
import time

import pytest

from wal_server import MB, Account, Place, Server, installations

pytestmark = pytest.mark.native("bpg-wal by itself, with servers of its own")

BINARIES = next(path for version, path in sorted(installations().items()) if str(path).startswith("/usr/lib"))


@pytest.fixture(scope="module")
def cluster():
    """The part of a data directory that bpg-wal looks at, with some segments of 1 MB that wait to be archived."""
    place = Place()
    server = Server(place, "server", BINARIES, segment_size=1 * MB)
    connection = server.start(archive_command="false").connect()
    for _ in range(3):
        connection.execute("CREATE TABLE t AS SELECT md5(i::text) FROM generate_series(1, 6000) i; DROP TABLE t")
        connection.execute("SELECT pg_switch_wal()")
    server.stop()
    yield Cluster(server)
    place.remove()


class Cluster:
    def __init__(self, server):
        self.place = server.place
        self.data = server.directory
        self.wal = self.data / "pg_wal"
        self.archive = self.place.path / "archive"
        self.segments = sorted(path.stem for path in (self.wal / "archive_status").glob("*.ready"))
        self.content = {name: (self.wal / name).read_bytes() for name in self.segments}
        self.destination = self.wal / "RECOVERYXLOG"

    def fresh(self):
        subprocess.run(["chmod", "-R", "u+rwX", self.archive], check=False, capture_output=True)
        shutil.rmtree(self.archive, ignore_errors=True)
        for name, content in self.content.items():
            (self.wal / name).write_bytes(content)
        shutil.rmtree(self.wal / "bpg-spool", ignore_errors=True)
        assert self.place.status("init", "--archive", self.archive, cwd=self.data) == 0
        return self

    def push(self, name=None, *options, **more):
        words = ["push", "--archive", self.archive, *options, f"pg_wal/{name or self.segments[0]}"]
        return self.place.run(*words, cwd=self.data, **more)

    def get(self, name=None, *options, **more):
        self.destination.unlink(missing_ok=True)
        words = ["get", "--archive", self.archive, *options, name or self.segments[0], "pg_wal/RECOVERYXLOG"]
        return self.place.run(*words, cwd=self.data, **more)

    def stored(self):
        return sorted(path.name[:-2] for path in self.archive.glob("*/*.z"))

    def assert_sound(self, only=None):
        """Whatever is stored under a final name is whole."""
        for name in self.stored():
            result = self.get(name, "--prefetch", "0")
            assert result.returncode == 0, result.stderr
            assert self.destination.read_bytes() == self.content[name]
        if only:
            assert self.stored() == only

    def strace(self, inject=None):
        self.trace = self.place.path / "trace"
        self.trace.unlink(missing_ok=True)
        return ["strace", "-f", "-o", str(self.trace), *(["-e", f"inject={inject}"] if inject else [])]

    def injected(self):
        return "INJECTED" in self.trace.read_text()


@pytest.fixture
def ready(cluster):
    return cluster.fresh()


# Calls that reach nothing outside of the process.
INWARD = {"execve", "exit_group", "brk", "mmap", "munmap", "mprotect", "arch_prctl", "set_tid_address", "set_robust_list",
          "rseq", "prlimit64", "readlink", "getrandom", "rt_sigaction", "rt_sigprocmask", "futex"}


def test_killed_at_every_system_call(ready):
    """What is stored is whole, and the next calls finish the work."""
    assert ready.push(None, "--jobs", "2", before=ready.strace()).returncode == 0
    calls = collections.Counter(re.findall(r"^\d+ +(\w+)\(", ready.trace.read_text(), re.M))
    assert calls["fsync"] >= 3 * len(ready.segments) and calls["renameat2"] == len(ready.segments)
    kills = 0
    for call in calls.keys() - INWARD:
        # Each thread counts its own.
        for count in itertools.count(1):
            ready.fresh()
            ready.push(None, "--jobs", "2", before=ready.strace(f"{call}:signal=SIGKILL:when={count}"))
            if "+++ killed by SIGKILL +++" not in ready.trace.read_text():
                break
            kills += 1
            ready.assert_sound()
            for name in ready.segments:
                again = ready.push(name)
                assert again.returncode == 0, f"{call} {count}: {again.stderr}"
            ready.assert_sound(ready.segments)
            assert list((ready.archive / "tmp").iterdir()) == [], f"{call} {count}"
    assert kills > 50


def test_get_killed_at_every_system_call(ready):
    """PostgreSQL ends its recovery where restore_command dies by a signal. Whatever it left, the next one gets the right bytes."""
    assert ready.push().returncode == 0
    names = ready.segments[:2]

    ready.get(names[0], before=ready.strace())
    calls = collections.Counter(re.findall(r"^\d+ +(\w+)\(", ready.trace.read_text(), re.M))
    kills = 0
    for call in calls.keys() - INWARD:
        for count in itertools.count(1):
            shutil.rmtree(ready.wal / "bpg-spool", ignore_errors=True)
            killed = ready.get(names[0], before=ready.strace(f"{call}:signal=SIGKILL:when={count}"))
            if "+++ killed by SIGKILL +++" not in ready.trace.read_text():
                break
            assert killed.returncode not in range(1, 126), f"{call} {count}: that would be the end of the WAL"
            kills += 1
            for name in names:
                again = ready.get(name)
                assert again.returncode == 0, f"{call} {count}: {again.stderr}"
                assert ready.destination.read_bytes() == ready.content[name], f"{call} {count}"
            assert ready.get("0000000100000000000000FF").returncode == 1
            assert not (ready.wal / "bpg-spool").exists(), f"{call} {count}: the spool is left behind"
    assert kills > 20


def test_a_clock_that_was_put_back_or_forward(ready):
    """The times of files say nothing about what they hold, or whether somebody is still at work on them."""
    for moved in (-10 * 365 * 86400, 10 * 365 * 86400):
        ready.fresh()
        then = time.time() + moved
        torn = ready.archive / "tmp" / f"{ready.segments[0]}.0123456789"
        torn.write_bytes(b"torn")
        held = ready.archive / "tmp" / f"{ready.segments[0]}.9876543210"
        held.write_bytes(b"somebody is at it")
        for path in (torn, held, ready.wal / ready.segments[0]):
            shutil.chown(path, Account.name)
            os.utime(path, (then, then))
        with open(held, "rb") as at_work:
            fcntl.flock(at_work, fcntl.LOCK_EX)
            assert ready.push().returncode == 0
            assert [path.name for path in (ready.archive / "tmp").iterdir()] == [held.name]
        held.unlink()
        for path in [*ready.archive.glob("*/*.z"), *(ready.wal / name for name in ready.segments)]:
            os.utime(path, (then, then))
        for name in ready.segments:
            assert ready.push(name).returncode == 0
        ready.assert_sound(ready.segments)
        # Other bytes under the same times are other bytes.
        source = ready.wal / ready.segments[0]
        source.write_bytes(ready.content[ready.segments[0]][:-5] + b"other")
        os.utime(source, (then, then))
        assert "with other bytes" in ready.push().stderr
        ready.assert_sound(ready.segments)


ERRORS = {
    "write": "EIO", "pwrite64": "EIO", "fsync": "EIO", "read": "EIO", "openat": "EACCES", "mkdir": "ENOSPC", "lseek": "EIO",
    "renameat2": "EIO", "fchmod": "EPERM", "newfstatat": "EIO", "faccessat2": "EACCES", "flock": "EIO", "mmap": "ENOMEM",
    "clone3": "EAGAIN", "close": "EIO",
}


@pytest.mark.parametrize("call", ERRORS)
def test_push_succeeds_only_where_the_segment_is_stored(ready, call):
    for count in itertools.count(1):
        result = ready.push(before=ready.strace(f"{call}:error={ERRORS[call]}:when={count}"))
        if not ready.injected():
            break
        assert result.returncode in (0, 1), f"{call} {count}: {result.returncode} {result.stderr}"
        assert result.returncode == 0 or result.stderr, "it fails without a word"
        if result.returncode == 0:
            assert ready.segments[0] in ready.stored(), f"{call} {count}: a false success"
        ready.assert_sound()
        assert ready.push().returncode == 0
        assert list((ready.archive / "tmp").iterdir()) == []
        ready.fresh()


@pytest.mark.parametrize("call", ERRORS)
def test_get_never_takes_an_error_for_absence(ready, call):
    assert ready.push().returncode == 0
    for name, spooled in ((ready.segments[0], False), (ready.segments[1], True), ("0000000100000000000000FF", False)):
        for count in itertools.count(1):
            if spooled:
                ready.get(ready.segments[0])
            result = ready.get(name, before=ready.strace(f"{call}:error={ERRORS[call]}:when={count}"))
            if not ready.injected():
                break
            if name in ready.content:
                assert result.returncode in (0, 255), f"{call} {count}: {result.returncode} {result.stderr}"
                if result.returncode == 0:
                    assert ready.destination.read_bytes() == ready.content[name]
                else:
                    assert result.stderr and not ready.destination.exists()
            else:
                assert result.returncode in (1, 255), f"{call} {count}: {result.returncode} {result.stderr}"


def test_a_disk_that_lies_about_a_write_is_found_out(ready):
    """The call says that it has written, and has not."""
    for count in itertools.count(1):
        result = ready.push(before=ready.strace(f"write:retval=1000:when={count}"))
        if not ready.injected():
            break
        for name in ready.stored():
            got = ready.get(name, "--prefetch", "0")
            assert got.returncode in (0, 255)
            assert got.returncode == 255 or ready.destination.read_bytes() == ready.content[name]
        assert result.returncode in (0, 1)
        ready.fresh()


def test_a_quota_is_an_error_and_no_signal(ready):
    result = ready.push(before=["prlimit", "--fsize=20000"])
    assert result.returncode == 1 and "File too large" in result.stderr
    ready.assert_sound([])
    assert list((ready.archive / "tmp").iterdir()) == []


def test_a_full_disk(ready):
    shutil.rmtree(ready.archive)
    ready.archive.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size=24k,mode=0700,uid={ready.data.stat().st_uid}", "tmpfs", str(ready.archive)]
    mounted = subprocess.run(mount, capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.strip()}")
    try:
        assert ready.place.status("init", "--archive", ready.archive, cwd=ready.data) == 0
        for _ in range(3):
            result = ready.push()
            assert result.returncode == 1 and "No space left" in result.stderr
            assert list((ready.archive / "tmp").iterdir()) == [], "what did not fit keeps its space"
        subprocess.run(["mount", "-o", "remount,size=8m", ready.archive], check=True)
        assert ready.push().returncode == 0
        ready.assert_sound(ready.segments)
    finally:
        subprocess.run(["umount", ready.archive], check=True)


def test_an_archive_that_cannot_be_written(ready):
    assert ready.push(None, "--jobs", "1").returncode == 0
    for path in (ready.archive / "tmp", ready.archive / "0000000100000000"):
        path.chmod(0o500)
        result = ready.push(ready.segments[1])
        assert result.returncode == 1 and "Permission denied" in result.stderr
        path.chmod(0o700)
    assert ready.push(ready.segments[1]).returncode == 0


def test_an_archive_that_cannot_be_read(ready):
    assert ready.push().returncode == 0
    absent = "0000000100000000000000FF"
    assert ready.get(absent).returncode == 1
    for path in (ready.archive, ready.archive / "archive", ready.archive / "0000000100000000"):
        mode = path.stat().st_mode
        path.chmod(0)
        for name in (ready.segments[0], absent):
            result = ready.get(name)
            assert result.returncode == 255 and "Permission denied" in result.stderr, (path, name)
        path.chmod(mode)
    ready.archive.rename(ready.place.path / "gone")
    for name in (ready.segments[0], absent):
        assert ready.get(name).returncode == 255
    assert ready.push().returncode == 1
    assert not ready.archive.exists()
    (ready.place.path / "gone").rename(ready.archive)


def test_a_torn_temporary_file_is_removed(ready):
    torn = ready.archive / "tmp" / f"{ready.segments[0]}.0123456789"
    torn.write_bytes(b"torn")
    shutil.chown(torn, Account.name)
    assert ready.push().returncode == 0
    assert not torn.exists()


def test_two_servers_that_share_an_archive_are_told(ready):
    assert ready.push().returncode == 0
    content = bytearray(ready.content[ready.segments[0]])
    content[-5] ^= 1
    (ready.wal / ready.segments[0]).write_bytes(content)
    result = ready.push()
    assert result.returncode == 1 and "with other bytes" in result.stderr
    ready.assert_sound()


def test_many_pushers_at_once(ready):
    words = [*Account.prefix, ready.place.program, "push", "--archive", ready.archive]
    for _ in range(5):
        started = [subprocess.Popen([*words, f"pg_wal/{name}"], cwd=ready.data, stderr=subprocess.PIPE, text=True)
                   for name in ready.segments * 3]
        for process in started:
            _, said = process.communicate(timeout=60)
            assert process.returncode == 0, said
        ready.assert_sound(ready.segments)
        assert list((ready.archive / "tmp").iterdir()) == []
        ready.fresh()


def test_a_spool_that_was_tampered_with(ready):
    assert ready.push().returncode == 0
    assert ready.get().returncode == 0
    fetched = next(path for path in (ready.wal / "bpg-spool").iterdir() if path.name.startswith(ready.segments[1]))
    for content in (b"", b"x" * MB, ready.content[ready.segments[0]]):
        fetched.write_bytes(content)
        assert ready.get(ready.segments[1]).returncode == 0
        assert ready.destination.read_bytes() == ready.content[ready.segments[1]]
        assert ready.get().returncode == 0


@pytest.mark.parametrize("words, status", [
    ("push", 1), ("push --archive", 1), ("push --archive x", 1), ("push --archive x a b", 1), ("push --archive x --nonsense a", 1),
    ("push --archive x --level 20 a", 1), ("push --archive x --compression lz4 --level 13 a", 1), ("push --archive x --jobs 0 a", 1),
    ("push --archive x --compression gzip a", 1), ("get", 255), ("get --archive x a", 255), ("get --archive x a b c", 255),
    ("get --archive x --ancestor y a b", 255), ("get --archive x --prefetch many a b", 255), ("init", 1), ("gett a b", 255), ("", 255),
])
def test_wrong_use_is_never_taken_for_an_answer(ready, words, status):
    result = ready.place.run(*words.split(), cwd=ready.data)
    assert (result.returncode, result.stdout) == (status, "")
    assert result.stderr


def test_help(ready):
    result = ready.place.run("--help")
    assert result.returncode == 0 and "push" in result.stdout
