"""What only ZFS does to its users."""

import os
import pathlib
import subprocess
import time

import pytest

from betterpg import eventually


@pytest.mark.parametrize("bpg", ["zfs"], indirect=True)
def test_a_volume_that_is_mounted_elsewhere_stops_nothing_else(bpg):
    """A container, or a service with mounts of its own, holds what was mounted when it started."""
    bpg.ok("branch", "create", "app/dev")
    volume = bpg.volume("app/dev")
    elsewhere = subprocess.Popen(["unshare", "--mount", "sleep", "600"])
    try:
        outside = os.readlink("/proc/self/ns/mnt")
        eventually(lambda: os.readlink(f"/proc/{elsewhere.pid}/ns/mnt") != outside, "unshare does not come up")
        assert str(volume) in pathlib.Path(f"/proc/{elsewhere.pid}/mountinfo").read_text()
        error = bpg.fails(6, "storage", "branch", "delete", "app/dev", "--now")
        assert "busy" in error["message"] and "mountinfo" in error["hint"]
        assert "could not complete" in bpg.ok("status").err
        began = time.monotonic()
        assert bpg.ok("status").err == ""
        assert time.monotonic() - began < 4, "every command waits for what cannot be"
        bpg.ok("branch", "create", "app/other")
        assert bpg.sql("app/other", "SELECT count(*) FROM t") == 3
    finally:
        elsewhere.kill()
        elsewhere.wait()
    bpg.ok("status", BPG_CLOCK_OFFSET="61")
    assert not volume.exists()
    bpg.assert_tidy()
