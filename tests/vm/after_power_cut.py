"""After a power cut in the middle of a command: nothing is lost that was told to be there, and nothing is in between.

BPG_VM_COMMITTED is the last row of which the machine said that it is committed."""

import os
import subprocess

from betterpg import eventually
from cuts import CUTS
from installed import POOL, boot_id, health, kept, unit_state


def test_it_was_a_boot():
    assert kept()["boot"] != boot_id()
    assert health() == "healthy"


def test_the_unit_started_what_ran(bpg):
    assert unit_state("betterpg.service") == {"ActiveState=active", "Result=success"}
    eventually(lambda: len(bpg.servers()) == 3, f"running are {bpg.servers()}")


def test_status_tells_the_truth(bpg):
    assert bpg.told() == kept()["told"]
    for subject in kept()["told"]:
        assert bpg.sql(subject, "SELECT NOT pg_is_in_recovery()")
    bpg.assert_tidy()


def test_what_was_committed_is_there(bpg):
    committed = int(os.environ["BPG_VM_COMMITTED"])
    assert committed > 0
    with bpg.connect("app/runs") as connection:
        found = [n for (n,) in connection.execute("SELECT n FROM written ORDER BY n")]
    # More of them may have been on their way to whoever was told.
    assert found == [*range(1, len(found) + 1)] and len(found) >= committed
    assert bpg.rows("app/main") == [1, 2, 3]


def test_the_branch_is_old_or_new(bpg):
    before = kept()
    outcome = CUTS[before["cut"]].outcome
    assert bpg.rows("app/cut") == before["states"][outcome]
    assert (bpg.branch("app/cut")["volume"]["id"] == before["volume"]) == (outcome == "old")


def test_the_command_works_when_it_is_given_again(bpg):
    before = kept()
    bpg.ok(*before["command"])
    assert bpg.rows("app/cut") == before["states"]["new"]
    assert bpg.told() == before["told"]
    bpg.assert_tidy()


def test_the_wal_is_whole(bpg):
    verified = bpg.json("wal", "verify", "--deep")
    assert {entry["subject"] for entry in verified} >= {"app/main", "app/runs", "app/cut"}


def test_the_pool_is_whole():
    subprocess.run(["zpool", "scrub", "-w", POOL], check=True)
    status = subprocess.run(["zpool", "status", POOL], check=True, capture_output=True, text=True).stdout
    assert "scrub repaired 0B" in status and "with 0 errors" in status, status
    assert health() == "healthy"
