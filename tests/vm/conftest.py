"""For the tests that run inside the virtual machine."""

import subprocess

import pytest

pytest.register_assert_rewrite("betterpg", "installed")

from installed import Installed  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def booted():
    """All that the boot starts has been started, or has failed."""
    subprocess.run(["systemctl", "is-system-running", "--wait"], stdout=subprocess.DEVNULL)


@pytest.fixture
def bpg():
    return Installed()
