"""Homes on the file systems that tests/filesystems.sh makes.

`bpg` is a home on each kind of storage in turn, with a new database `app` whose table `t` has the rows 1, 2 and 3; the test
leaves a tidy home. `any_bpg` is the same on one kind of storage, for what does not depend on it (`module_bpg`: once for all
tests of a file), and `one_of_each` on an atomic and another. `new_bpg` makes homes with an account or a configuration of their own."""

import os
import signal

import pytest

pytest.register_assert_rewrite("betterpg")

from betterpg import VARIABLES, Bpg  # noqa: E402

homes = {}
measured = []

# A background job of a shell has these ignored, and so would all that the tests start.
for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


@pytest.fixture(scope="session")
def figures():
    """Lines that the run prints at its end."""
    return measured


def pytest_terminal_summary(terminalreporter):
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
