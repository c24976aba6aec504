"""A command that fails, or is killed, at any of its steps leaves things as they were, or as it was to make them."""

import signal

import pytest

from betterpg import RUNTIME


def strikes(steps):
    """A failure and a kill at each boundary between two steps, and behind the last: the failure as soon as the first has done its
    work, the kill when also what lies between is done. (Before the first, nothing has begun.)"""
    for step, following in zip(steps, steps[1:]):
        yield step, "fail-after"
        yield following, "kill"
    yield steps[-1], "fail-after"
    yield steps[-1], "kill-after"


class Scenario:
    """A command, and the one that takes it back, so that it can be run again and again."""

    def __init__(self, command, back, prepare=()):
        self.command = command.split()
        self.back = [words.split() for words in back]
        self.prepare = [words.split() for words in prepare]


DEV = "branch create app/dev"
# A named moment whose WAL has been handed over already: that is asked for once.
HERE = ["restore-point create {0} here", "branch create app/look --from {0} --at @here --no-archive", "branch delete app/look --now"]
SCENARIOS = {
    "branch create": Scenario(DEV, ["branch delete app/dev --now"]),
    "branch create, snapshot": Scenario(DEV + " --from app@s", ["branch delete app/dev --now"], ["snapshot create app --label s"]),
    "branch reset": Scenario("branch reset app/dev", ["branch undo app/dev", "cleanup --now"], [DEV]),
    "branch reset now": Scenario("branch reset app/dev --now", [], [DEV]),
    "branch undo": Scenario("branch undo app/dev", ["branch undo app/dev"], [DEV, "branch reset app/dev"]),
    "branch restore": Scenario("branch restore app/dev --at @here", ["branch undo app/dev", "cleanup --now"],
                               [DEV, *(words.format("app/dev") for words in HERE)]),
    "branch create, moment": Scenario(DEV + " --at @here", ["branch delete app/dev --now"], [words.format("app/main") for words in HERE]),
    "branch delete": Scenario("branch delete app/dev", ["branch undelete app/dev"], [DEV]),
    "branch delete now": Scenario("branch delete app/dev --now", [DEV], [DEV]),
    "branch undelete": Scenario("branch undelete app/dev", ["branch delete app/dev"], [DEV, "branch delete app/dev"]),
    "branch rename": Scenario("branch rename app/dev other", ["branch rename app/other dev"], [DEV]),
    "snapshot create": Scenario("snapshot create app --label s", ["snapshot delete app@s"]),
    "snapshot delete": Scenario("snapshot delete app@s", ["snapshot create app --label s"], ["snapshot create app --label s"]),
    "restart": Scenario("restart app", []),
    "stop": Scenario("stop app", ["start app"]),
    "start": Scenario("start app", ["stop app"], ["stop app"]),
    "cleanup": Scenario("cleanup --now", ["branch reset app/dev"], [DEV, "branch reset app/dev"]),
    "db create": Scenario("db create other", ["db delete other --now"]),
    "db delete now": Scenario("db delete other --now", ["db create other"], ["db create other"]),
}
# The drivers differ in how they make and destroy volumes and snapshots, and in nothing else.
OF_STORAGE = ["branch create", "branch delete now", "snapshot create", "snapshot delete"]
BY_DRIVER = {
    "btrfs": list(SCENARIOS),
    "copy": [*OF_STORAGE, "branch create, moment"],
    "reflink": OF_STORAGE,
    "zfs": [*OF_STORAGE, "branch reset now"],
}
# What these do to servers, others do, too.
ALIKE = ("branch create, snapshot", "branch rename", "snapshot create", "snapshot delete", "cleanup", "db delete now")


def case(driver, name):
    return pytest.param(driver, name, marks=pytest.mark.native("steps on servers that others have, too") if name in ALIKE else ())


def observe(bpg):
    """What there is, and what it holds. Takes up what was interrupted."""
    picture = bpg.picture()
    running = [subject for subject, status in picture["branches"].items() if status == "running" and subject.startswith("app/")]
    return picture, {subject: bpg.sql(subject, "SELECT count(*) FROM t") for subject in running}


def left_stopped(seen, subject):
    """The same with that branch stopped."""
    picture, rows = seen
    picture = {**picture, "branches": {**picture["branches"], subject: "stopped"}, "servers": picture["servers"] - 1}
    return picture, {name: count for name, count in rows.items() if name != subject}


def go_back(bpg, scenario):
    for words in scenario.back:
        bpg.ok(*words)


@pytest.mark.parametrize("bpg, name", [case(d, n) for d, names in BY_DRIVER.items() for n in names], indirect=["bpg"])
def test_every_step(bpg, name):
    scenario = SCENARIOS[name]
    for words in scenario.prepare:
        bpg.ok(*words)
    if name in ("branch reset", "branch undo", "branch restore"):
        bpg.sql("app/dev", "DELETE FROM t")
    before = observe(bpg)
    steps = bpg.steps(*scenario.command)
    after = observe(bpg)
    assert len(steps) > 2
    assert (before == after) == (not scenario.back)
    go_back(bpg, scenario)
    assert observe(bpg) == before

    for step, action in strikes(steps):
        failed = bpg.run(*scenario.command, BPG_FAULT=f"{step}:{action}")
        at = f"{action} at '{step}': {failed.status}, {failed.err}"
        assert failed.status == (-signal.SIGKILL if action.startswith("kill") else 1), at
        if action.startswith("fail"):
            assert f"injected failure at step '{step}'" in failed.err, at
        found = observe(bpg)
        if RUNTIME == "docker" and (name, step, action) == ("branch undelete", "stop server", "fail-after"):
            # What may be left of a container is removed before its server starts; one that does not start is left stopped.
            assert found == left_stopped(after, "app/dev"), at
        else:
            assert found in (before, after), at
        bpg.assert_tidy()
        if found != before:
            go_back(bpg, scenario)
            assert observe(bpg) == before, at
    bpg.ok(*scenario.command)
    assert observe(bpg) == after

