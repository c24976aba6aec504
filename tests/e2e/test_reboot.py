"""Before and after a reboot: what ran runs again, and what somebody has stopped does not."""

import subprocess

import pytest


def states(bpg):
    return {subject: branch["status"] for subject, branch in bpg.branches().items()}


def test_what_ran_before_a_reboot_runs_after_it(any_bpg):
    bpg = any_bpg
    bpg.ok("branch", "create", "app/runs")
    bpg.ok("branch", "create", "app/stopped")
    bpg.ok("branch", "create", "app/idle", "--no-start")
    bpg.ok("stop", "app/stopped")
    before = states(bpg)
    assert before == {"app/main": "running", "app/runs": "running", "app/stopped": "stopped", "app/idle": "stopped"}

    stopped = {branch["subject"] for branch in bpg.json("stop", "--wanted")}
    assert stopped == {"app/main", "app/runs"}
    assert set(states(bpg).values()) == {"stopped"}
    assert bpg.json("stop", "--wanted"), "twice is once"

    started = {branch["subject"] for branch in bpg.json("start", "--wanted")}
    assert started == {"app/main", "app/runs"}
    assert states(bpg) == before
    assert bpg.sql("app/runs", "SELECT count(*) FROM t") == 3


def test_what_somebody_stops_while_all_is_down_stays_down(any_bpg):
    bpg = any_bpg
    bpg.ok("branch", "create", "app/dev")
    bpg.ok("stop", "--wanted")
    bpg.ok("stop", "app/dev")
    bpg.ok("start", "--wanted")
    assert states(bpg) == {"app/main": "running", "app/dev": "stopped"}


@pytest.mark.native("bpg in a PID namespace of its own: it does not see the processes of containers")
def test_a_power_cut_leaves_a_process_number_that_somebody_else_gets(any_bpg, pid_namespace):
    """A PID namespace is a machine that boots: it numbers from 1 on, and its end kills all that runs in it. The number in the
    lock file of the server that was killed is the number of bpg, then of what bpg starts, and at last of the new server."""
    any_bpg.ok("stop", "app")
    data = any_bpg.volume("app") / "data"
    lock_file = data / "postmaster.pid"

    def boot():
        start = [*pid_namespace, "sh", "-c", '"$@"; exit $?', "sh", *any_bpg.command("start", "app")]
        result = subprocess.run(start, env=any_bpg.environment(), cwd="/", stdin=subprocess.DEVNULL, capture_output=True,
                                text=True, timeout=60)
        assert result.returncode == 0, result.stderr
        return lock_file.read_text().split("\n")

    usual, *rest = boot()
    for number in range(2, int(usual) + 1):
        lock_file.write_text("\n".join([str(number), *rest]))
        assert boot()[0] == usual
    any_bpg.ok("start", "app")
    assert any_bpg.sql("app", "SELECT count(*) FROM t") == 3


def test_wanted_stands_alone(any_bpg):
    any_bpg.fails(2, "usage", "start", "--wanted", "app/main")
    any_bpg.fails(2, "usage", "stop", "--wanted", "--all")
    any_bpg.fails(2, "usage", "restart", "--wanted")
