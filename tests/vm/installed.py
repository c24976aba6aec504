"""The program as its package installs it, with root's own home, which is what the units start, or with another user's."""

import json
import os
import pathlib
import subprocess
import types

from betterpg import Bpg

POOL = "vm"
STATE = pathlib.Path("/root/before.json")


class Installed(Bpg):
    def __init__(self, account=None, home="/var/lib/betterpg", dataset=f"{POOL}/betterpg"):
        self.driver = "zfs"
        self.account = account
        self.home = pathlib.Path(home)
        self.place = types.SimpleNamespace(dataset=dataset)

    def command(self, *arguments):
        return [*(["runuser", "-u", self.account, "--"] if self.account else []), "/usr/bin/bpg", *map(str, arguments)]

    def environment(self, **more):
        environment = super().environment(**more)
        del environment["BPG_HOME"]
        return {**environment, "HOME": pathlib.Path("~" + (self.account or "root")).expanduser()}

    def rows(self, subject):
        with self.connect(subject) as connection:
            return [n for (n,) in connection.execute("SELECT n FROM t ORDER BY n")]

    def told(self):
        """What neither a reboot nor a power cut may change of a branch."""
        return {
            subject: [branch["status"], branch["port"], self.ok("url", subject).out.strip()]
            for subject, branch in self.branches().items()
        }

    def servers(self):
        return [command for _, command in self.processes() if "/postgres -D" in command]


def boot_id():
    return pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def health(pool=POOL):
    said = subprocess.run(["zpool", "status", "-x", pool], check=True, capture_output=True, text=True).stdout.strip()
    return "healthy" if said == f"pool '{pool}' is healthy" else said


def unit_state(name):
    words = ["systemctl", "show", "--property=ActiveState,Result", name]
    return set(subprocess.run(words, check=True, capture_output=True, text=True).stdout.split())


def keep(**state):
    """For whoever asks after the machine went down, whatever way it goes."""
    with STATE.open("w") as file:
        json.dump(state, file)
        file.flush()
        os.fsync(file.fileno())
    directory = os.open(STATE.parent, os.O_RDONLY)
    os.fsync(directory)
    os.close(directory)


def kept():
    return json.loads(STATE.read_text())
