"""Before and after a reboot: what ran runs again, and what somebody has stopped does not."""


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


def test_wanted_stands_alone(any_bpg):
    any_bpg.fails(2, "usage", "start", "--wanted", "app/main")
    any_bpg.fails(2, "usage", "stop", "--wanted", "--all")
    any_bpg.fails(2, "usage", "restart", "--wanted")
