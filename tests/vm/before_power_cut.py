#!/usr/bin/python3
"""before_power_cut.py CUT: brings a command of bpg to the place where the power is to be cut. Then it commits rows to another
branch and prints each when it is there for good, until the power is gone."""

import datetime
import pathlib
import sys

from betterpg import eventually
from cuts import CUTS
from installed import Installed, boot_id, keep

RUNNING = "app/runs"


def stopped(process):
    assert process.poll() is None, process.communicate()
    return pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"


def main(name):
    cut = CUTS[name]
    bpg = Installed()
    if "app/cut" in bpg.branches():
        bpg.ok("branch", "delete", "app/cut", "--now")
    bpg.ok("branch", "create", "app/cut")
    bpg.sql("app/cut", "INSERT INTO t VALUES (100)")
    moment = bpg.sql("app/cut", "SELECT clock_timestamp()").astimezone(datetime.timezone.utc).isoformat()
    bpg.sql("app/cut", "INSERT INTO t VALUES (200)")
    bpg.sql(RUNNING, "DROP TABLE IF EXISTS written; CREATE TABLE written (n integer)")
    command = {"reset": ["branch", "reset", "app/cut"], "restore": ["branch", "restore", "app/cut", "--at", moment]}[cut.command]
    states = {"old": [1, 2, 3, 100, 200], "new": [1, 2, 3] if cut.command == "reset" else [1, 2, 3, 100]}
    keep(told=bpg.told(), volume=bpg.branch("app/cut")["volume"]["id"], states=states, command=command, cut=name, boot=boot_id())

    process = bpg.start(*command, BPG_FAULT=cut.fault)
    eventually(lambda: stopped(process), "the command does not come to the place of the cut", 120)
    with bpg.connect(RUNNING) as connection:
        n = 0
        while True:
            n += 1
            connection.execute(f"INSERT INTO written VALUES ({n})")
            print(f"committed {n}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
