"""What there is before the machine is rebooted: branches of the installed program that run, and one that does not."""

import subprocess

from installed import POOL, boot_id, keep


def test_branches_run_under_the_unit(bpg):
    bpg.ok("init", "--storage", "zfs", "--pool", POOL)
    bpg.ok("db", "create", "app")
    bpg.sql("app", "CREATE TABLE t AS SELECT generate_series(1, 3) AS n")
    bpg.ok("branch", "create", "app/runs")
    bpg.sql("app/runs", "INSERT INTO t VALUES (4)")
    bpg.ok("branch", "create", "app/stopped")
    bpg.ok("stop", "app/stopped")
    # It had nothing to start when the machine came up, so it is not active.
    subprocess.run(["systemctl", "start", "betterpg.service"], check=True)
    told = bpg.told()
    assert {subject: status for subject, (status, _, _) in told.items()} == {
        "app/main": "running", "app/runs": "running", "app/stopped": "stopped"}
    bpg.assert_tidy()
    keep(told=told, boot=boot_id())
