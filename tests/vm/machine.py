"""A virtual machine of tests/vm/make_image's image: starts it, runs commands in it, cuts its power.

It is emulated unless KVM works here, which is tried: on some machines /dev/kvm is there and a guest never comes up."""

import contextlib
import json
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import time

MEMORY = "4096"
# How long a kernel may take to say its first word under KVM. Emulated it takes a few seconds.
KVM_DEADLINE = 10
# What makes an emulated machine slower than it must be: a clock that is read from a device, memory that is cleared twice, and
# programs at other addresses each time they start, which are translated anew (starting one takes a third of the time without that).
KERNEL = "console=ttyS0 root=/dev/vda rw audit=0 mitigations=off nopti init_on_alloc=0 tsc=reliable clocksource=tsc norandmaps"
BOOT_DEADLINE = 300
GRACE = 180


class Lost(Exception):
    """The machine is not what is expected: it does not come up, or went away."""


class Machine:
    """Its disks are files in `work`: root.img, a copy of the image's, and pool.img, which is empty at first."""

    def __init__(self, image, work, payload):
        self.image = pathlib.Path(image)
        self.work = pathlib.Path(work)
        self.payload = pathlib.Path(payload)
        self.console = self.work / "console.log"
        self.qemu = None
        self.channel = None
        self.pending = b""
        self.boots = 0
        subprocess.run(
            ["cp", "--sparse=always", "--reflink=auto", self.image / "root.img", self.work / "root.img"], check=True)
        with (self.work / "pool.img").open("wb") as pool:
            pool.truncate(16 << 30)
        self.accelerator = "kvm" if self.kvm_works() else "tcg"

    def command(self, accelerator):
        words = [
            # Whatever becomes of this program, no machine is left behind.
            "setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64",
            "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-machine", "q35", "-m", MEMORY,
            "-smp", str(min(os.cpu_count() or 1, 4)),
            "-kernel", self.image / "vmlinuz", "-initrd", self.image / "initrd.img",
            "-append", f"{KERNEL} systemd.show_status=1",
            "-serial", f"file:{self.console}",
            "-device", "virtio-rng-pci", "-device", "virtio-serial-pci", "-device", "virtserialport,chardev=host,name=host",
            "-chardev", f"socket,id=host,path={self.work}/host,server=on,wait=on",
        ]
        if accelerator == "kvm":
            words += ["-accel", "kvm", "-cpu", "host"]
        else:
            words += ["-accel", "tcg,thread=multi,tb-size=512", "-cpu", "max"]
        for name, file, options in (
            # Past this machine's page cache: what the guest has not written is lost with it. What it has flushed is on the disk.
            ("root", self.work / "root.img", "cache=none"),
            ("pool", self.work / "pool.img", "cache=none"),
            ("payload", self.payload, "readonly=on"),
        ):
            words += ["-drive", f"if=none,id={name},format=raw,file={file},{options}",
                      "-device", f"virtio-blk-pci,drive={name},serial={name}"]
        return list(map(str, words))

    def launch(self, accelerator):
        address = self.work / "host"
        address.unlink(missing_ok=True)
        self.console.unlink(missing_ok=True)
        with (self.work / "qemu.log").open("ab") as log:
            self.qemu = subprocess.Popen(self.command(accelerator), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.channel = socket.socket(socket.AF_UNIX)
        self.pending = b""
        deadline = time.monotonic() + 30
        while True:
            with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
                self.channel.connect(str(address))
                return
            if self.qemu.poll() is not None or time.monotonic() > deadline:
                raise Lost(f"QEMU does not start: {(self.work / 'qemu.log').read_text()[-400:]}")
            time.sleep(0.05)

    def kvm_works(self):
        if not os.access("/dev/kvm", os.R_OK | os.W_OK):
            return False
        try:
            self.launch("kvm")
            deadline = time.monotonic() + KVM_DEADLINE
            while time.monotonic() < deadline and self.qemu.poll() is None:
                if self.console.exists() and b"Linux version" in self.console.read_bytes():
                    return True
                time.sleep(0.1)
            return False
        except Lost:
            return False
        finally:
            self.cut_power()

    def boot(self):
        """Starts it, and waits until it takes commands. The time that took, in seconds."""
        began = time.monotonic()
        self.launch(self.accelerator)
        if "ready" not in self.receive(began + BOOT_DEADLINE):
            raise Lost("the guest says something else than that it is ready")
        self.boots += 1
        shutil.copy(self.console, self.work / f"console-{self.boots}.log")
        return time.monotonic() - began

    def receive(self, deadline):
        """The next message of the guest."""
        while b"\n" not in self.pending:
            left = deadline - time.monotonic()
            if left <= 0:
                raise Lost(f"the guest says nothing; its console ends with:\n{self.end_of_console()}")
            readable, _, _ = select.select([self.channel], [], [], left)
            if readable:
                try:
                    received = self.channel.recv(65536)
                except ConnectionResetError:
                    received = b""
                if not received:
                    raise Lost(f"the machine went away; its console ends with:\n{self.end_of_console()}")
                self.pending += received
        line, self.pending = self.pending.split(b"\n", 1)
        return json.loads(line)

    def run(self, *words, timeout, show=lambda line: None):
        """Runs a command in the guest to its end: its exit status. Each line that it prints goes to `show`, which may return
        True to leave the command alone from there: then there is no status."""
        self.channel.sendall(json.dumps({"run": list(map(str, words))}).encode() + b"\n")
        deadline = time.monotonic() + timeout
        while True:
            message = self.receive(deadline)
            if "exit" in message:
                return message["exit"]
            if show(message["out"].rstrip("\n")):
                return None

    def cut_power(self):
        """What somebody who trips over the cable does."""
        if self.qemu:
            self.qemu.kill()
            self.qemu.wait()
            self.qemu = None
        if self.channel:
            self.channel.close()
            self.channel = None

    def wait_until_off(self):
        try:
            self.qemu.wait(GRACE)
        except subprocess.TimeoutExpired:
            raise Lost(f"the machine does not go down; its console ends with:\n{self.end_of_console()}") from None
        self.cut_power()

    def end_of_console(self):
        if not self.console.exists():
            return "(nothing)"
        return "\n".join(self.console.read_text(errors="replace").splitlines()[-25:])


def die_by_signals():
    """A signal unwinds the stack, so that what was started ends."""
    def stop(number, _):
        raise SystemExit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
