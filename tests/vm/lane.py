#!/usr/bin/python3
"""Everything that is tried on the kernel's OpenZFS, in a virtual machine: the contract of storage, an end-to-end smoke, a reboot,
and power cuts.

    tests/vm/lane.py --image DIR --payload TAR --work DIR --junitxml FILE

The payload is unpacked to /opt/betterpg: betterpg.deb, the checkout's tests and docs, and bpg_contract_tests in
build/release/bin. What goes wrong on the way to a test is a failure of the stage that it happened in."""

import argparse
import contextlib
import pathlib
import shlex
import sys
import time
import xml.etree.ElementTree as ElementTree

from cuts import CUTS
from machine import GRACE, Lost, Machine, die_by_signals

CHECKOUT = "/opt/betterpg"
POOL = "vm"
REPORT = "/root/report.xml"
# An emulated machine is slower than what the tests' deadlines are made for.
SLOWNESS = {"kvm": 2, "tcg": 8}
STAGE_DEADLINE = 1800
# ZfsCalls makes dozens of volumes to count commands, which are as many whatever ZFS carries them out.
CONTRACT = "*/zfs:-*ZfsCalls*"
# Rows that are committed to another branch before the power goes.
ROWS = 10


def say(line):
    print(line, flush=True)


def has_failed(case):
    return case.find("failure") is not None or case.find("error") is not None


def pytest_command(report, *arguments):
    options = ["-p", "no:cacheprovider", "-v", "--no-header", "--durations=5", f"--junitxml={report}"]
    return " ".join(map(shlex.quote, ["/usr/bin/python3", "-m", "pytest", *options, *arguments]))


class Lane:
    def __init__(self, machine):
        self.machine = machine
        self.report = ElementTree.Element("testsuites")

    def stage(self, name, work):
        """Runs one part. A machine that is lost fails it, and is not used any more."""
        say(f"-- {name}")
        began = time.monotonic()
        try:
            work(name)
        except Lost as lost:
            self.fail(name, str(lost))
            raise
        finally:
            say(f"-- {name}: {time.monotonic() - began:.0f} s")

    def fail(self, stage, words):
        say(f"{stage}: {words}")
        case = ElementTree.SubElement(self.report, "testcase", classname=stage, name="stage")
        ElementTree.SubElement(case, "failure", message=words.splitlines()[0]).text = words

    def shell(self, script, timeout=600, show=say):
        """A script in the guest, with what tests there need in its environment."""
        environment = {
            "BPG_BIN": "/usr/bin/bpg", "BPG_TEST_ZFS": POOL, "BPG_TEST_COPY": "/var/tmp/copy",
            "BPG_TEST_SLOW": SLOWNESS[self.machine.accelerator],
            "PYTHONPATH": f"{CHECKOUT}/tests/vm:{CHECKOUT}/tests/e2e", "PYTHONDONTWRITEBYTECODE": 1,
        }
        words = [f"export {name}={shlex.quote(str(value))}" for name, value in environment.items()]
        whole = "\n".join([*words, f"cd {CHECKOUT} 2>/dev/null || cd /", script])
        return self.machine.run("/bin/bash", "-euc", whole, timeout=timeout, show=show)

    def do(self, script, **options):
        """One that has to work."""
        status = self.shell(script, **options)
        if status != 0:
            raise Lost(f"exit status {status} of: {script}")

    def judge(self, name, status, file):
        """The tests of a command that ended with this status and left its report in a file of the guest."""
        lines = []
        if self.shell(f"cat {file}", show=lines.append) != 0:
            self.fail(name, f"ended with status {status} and left no report")
            return
        cases = list(ElementTree.fromstring("\n".join(lines)).iter("testcase"))
        for case in cases:
            case.set("classname", f"{name}.{case.get('classname')}")
            self.report.append(case)
        if not cases or (status != 0 and not any(map(has_failed, cases))):
            self.fail(name, f"ended with status {status} though no test failed" if cases else "ran no test")

    def pytest(self, name, *arguments, prefix=""):
        status = self.shell(f"{prefix}{pytest_command(REPORT, *arguments)}", timeout=STAGE_DEADLINE)
        self.judge(name, status, REPORT)
        if status != 0:
            self.shell("journalctl --no-pager --boot --unit betterpg.service | tail -n 40; zpool status; zfs list -t all")

    def boot(self):
        say(f"   up after {self.machine.boot():.0f} s ({self.machine.accelerator})")

    def go_down(self, how):
        """As systemd does it. The channel may be gone before the command has ended."""
        with contextlib.suppress(Lost):
            self.machine.run("systemctl", how, timeout=GRACE)
        self.machine.wait_until_off()

    def set_up(self, _):
        self.boot()
        self.do("mkdir -p /opt/betterpg /var/tmp/copy\n"
                "tar -xf /dev/disk/by-id/virtio-payload -C /opt/betterpg\n"
                "dpkg --install /opt/betterpg/betterpg.deb\n"
                f"zpool create {POOL} /dev/disk/by-id/virtio-pool\n"
                "uname -r\nzfs version")

    def side_by_side(self, _):
        """Beside each other: none keeps two processors busy."""
        smoke = (pathlib.Path(__file__).parent / "smoke").read_text().splitlines()
        commands = {
            "contract": f'build/release/bin/bpg_contract_tests --gtest_filter="{CONTRACT}" --gtest_output=xml:/root/contract.xml',
            "delegated": pytest_command("/root/delegated.xml", "tests/vm/delegated.py"),
            "smoke": pytest_command("/root/smoke.xml", *(line for line in smoke if line and not line.startswith("#"))),
        }
        ran = self.shell("\n".join(
            f"({command} 2>&1 || echo $? >/root/{name}.status) | sed --unbuffered 's/^/{name:9} | /' &"
            for name, command in commands.items()
        ) + "\nwait", timeout=STAGE_DEADLINE)
        if ran != 0:
            raise Lost(f"the tests were not run (exit status {ran})")
        for name in commands:
            self.judge(name, self.shell(f"exit $(cat /root/{name}.status 2>/dev/null || echo 0)"), f"/root/{name}.xml")

    def reboot(self, name):
        self.pytest(name, "tests/vm/before_reboot.py")
        self.go_down("reboot")
        self.boot()
        self.pytest(name, "tests/vm/after_reboot.py")

    def power_cut(self, cut):
        committed = []

        def watch(line):
            if line.startswith("committed "):
                committed.append(int(line.split()[1]))
                return len(committed) == ROWS
            say(line)
            return False

        def work(name):
            status = self.shell(f"exec tests/vm/before_power_cut.py {shlex.quote(cut)}", show=watch)
            self.machine.cut_power()
            self.boot()
            if status is None:
                self.pytest(name, "tests/vm/after_power_cut.py", prefix=f"BPG_VM_COMMITTED={committed[-1]} ")
            else:
                self.fail(name, f"nothing was there to be cut: the command ended with status {status}")

        return work

    def shut_down(self, _):
        self.go_down("poweroff")

    def run(self):
        self.stage("set-up", self.set_up)
        self.stage("contract, smoke and delegation", self.side_by_side)
        self.stage("reboot", self.reboot)
        for cut in CUTS:
            self.stage(f"power cut: {cut}", self.power_cut(cut))
        self.stage("shut-down", self.shut_down)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("image", "payload", "work", "junitxml"):
        parser.add_argument(f"--{name}", required=True, type=pathlib.Path)
    arguments = parser.parse_args()
    die_by_signals()
    machine = Machine(arguments.image, arguments.work, arguments.payload)
    lane = Lane(machine)
    try:
        lane.run()
    except Lost:
        pass  # it has been told
    finally:
        machine.cut_power()
        ElementTree.ElementTree(lane.report).write(arguments.junitxml)
    cases = list(lane.report.iter("testcase"))
    failed = [case for case in cases if has_failed(case)]
    skipped = [case for case in cases if case.find("skipped") is not None]
    for kind, some in (("failed", failed), ("skipped", skipped)):
        for case in some:
            say(f"{kind}: {case.get('classname')}: {case.get('name')}")
    say(f"vm: {len(cases) - len(failed) - len(skipped)} passed, {len(failed)} failed, {len(skipped)} skipped")
    # The machine was made for these tests: there is no reason to skip one.
    return 1 if failed or skipped or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
