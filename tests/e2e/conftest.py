"""Homes on the file systems that tests/filesystems.sh makes.

`bpg` is a home on each kind of storage in turn, with a new database `app` whose table `t` has the rows 1, 2 and 3; the test
leaves a tidy home. `any_bpg` is the same on one kind of storage, for what does not depend on it (`module_bpg`: once for all
tests of a file), and `one_of_each` on an atomic and another. `new_bpg` makes homes with an account or a configuration of their own.

Where BPG_TEST_RUNTIME is docker, the servers of all homes run in containers. What is marked `native` is left out then, and what is
for each kind of storage runs on one, unless it is marked `storage`; the end of the run says how many tests that were, and why."""

import collections
import os
import shutil
import signal
import subprocess

import pytest

pytest.register_assert_rewrite("betterpg", "moments")

from betterpg import RUNTIME, VARIABLES, Bpg  # noqa: E402

homes = {}
measured = []
left_out = collections.Counter()
STORAGE_OF_CONTAINERS = "btrfs"

# A background job of a shell has these ignored, and so would all that the tests start.
for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


@pytest.fixture(scope="session")
def figures():
    """Lines that the run prints at its end."""
    return measured


def pytest_configure(config):
    config.addinivalue_line("markers", "native(why): not for servers in containers")
    config.addinivalue_line("markers", "storage: for servers in containers, too, on every kind of storage")


def why_not_in_containers(item):
    """Why a test is left out where servers run in containers; None: it is not."""
    if native := item.get_closest_marker("native"):
        return native.args[0]
    driver = item.callspec.params.get("bpg", STORAGE_OF_CONTAINERS) if hasattr(item, "callspec") else STORAGE_OF_CONTAINERS
    if driver != STORAGE_OF_CONTAINERS and not item.get_closest_marker("storage"):
        return f"the same on another storage than {STORAGE_OF_CONTAINERS}"
    return None


def pytest_collection_modifyitems(config, items):
    if RUNTIME != "docker":
        return
    reasons = {item: why_not_in_containers(item) for item in items}
    left_out.update(why for why in reasons.values() if why)
    config.hook.pytest_deselected(items=[item for item, why in reasons.items() if why])
    items[:] = [item for item, why in reasons.items() if not why]


def pytest_terminal_summary(terminalreporter):
    if left_out:
        terminalreporter.section("left out with servers in containers")
        for why, number in sorted(left_out.items()):
            terminalreporter.write_line(f"{number:4}  {why}")
    if measured:
        terminalreporter.section("figures")
        for line in measured:
            terminalreporter.write_line(line)


def shared_home(driver):
    """The home on this storage that all tests share."""
    if not os.environ.get(VARIABLES[driver]):
        pytest.skip(f"{VARIABLES[driver]} is not set: there is no place for {driver}")
    if driver not in homes:
        homes[driver] = Bpg(driver).init()
    return homes[driver]


@pytest.fixture(scope="session", autouse=True)
def take_homes_back():
    yield
    for home in homes.values():
        home.remove()


def with_database(bpg):
    bpg.ok("db", "create", "app")
    bpg.locks_before = bpg.locks()
    bpg.sql("app", "CREATE TABLE t AS SELECT generate_series(1, 3) AS n")
    yield bpg
    for database in bpg.json("db", "list"):
        bpg.ok("db", "delete", database["name"], "--force", "--now")
    bpg.ok("cleanup", "--now")
    bpg.assert_tidy()
    assert bpg.stored() == (set(), set())


@pytest.fixture(params=VARIABLES)
def bpg(request):
    yield from with_database(shared_home(request.param))


@pytest.fixture(params=["btrfs", "copy"])
def one_of_each(request):
    yield from with_database(shared_home(request.param))


def any_home():
    return shared_home(next((driver for driver in ("btrfs", "zfs", "copy") if os.environ.get(VARIABLES[driver])), "copy"))


@pytest.fixture
def any_bpg():
    yield from with_database(any_home())


@pytest.fixture(scope="module")
def module_bpg():
    yield from with_database(any_home())


@pytest.fixture
def virgin():
    """A home that has not been set up."""
    bpg = Bpg("copy")
    yield bpg
    bpg.place.remove()
    shutil.rmtree(bpg.directory)


@pytest.fixture
def new_bpg():
    made = []

    def make(driver, **options):
        if not os.environ.get(VARIABLES[driver]):
            pytest.skip(f"{VARIABLES[driver]} is not set: there is no place for {driver}")
        made.append(Bpg(driver, **options).init())
        return made[-1]

    yield make
    for home in made:
        home.remove()


@pytest.fixture
def pid_namespace():
    """The words before a command that make it the first process of a PID namespace, with which all that is in there ends."""
    if subprocess.run(["unshare", "--pid", "--fork", "true"], capture_output=True).returncode != 0:
        pytest.skip("no PID namespace can be made here")
    return ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
