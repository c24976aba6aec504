"""What bpg says it is: the version from git, and what CMakeLists.txt says where git does not tell."""

import pathlib
import re
import subprocess

import pytest

from betterpg import PROGRAM, ROOT

pytestmark = pytest.mark.native("the command line by itself, wherever servers run")

GIT = ["git", "-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"]


class Checkout:
    def __init__(self, directory):
        self.directory = directory / "checkout"
        self.directory.mkdir()
        self.template = directory / "version.in"
        self.template.write_text("@version@")
        self.output = directory / "version"

    def git(self, *arguments):
        subprocess.run([*GIT, *arguments], cwd=self.directory, check=True, capture_output=True)

    def commit(self, tag=None):
        self.git("commit", "--allow-empty", "-m", "Change something")
        if tag:
            self.git("tag", tag)

    def version(self, **environment):
        definitions = {"SOURCE": self.directory, "FALLBACK": "9.9.9", "TEMPLATE": self.template, "OUTPUT": self.output}
        words = [word for key, value in definitions.items() for word in ("-D", f"{key}={value}")]
        subprocess.run(
            ["cmake", *words, "-P", ROOT / "cmake" / "version.cmake"], check=True, capture_output=True, text=True,
            env={"PATH": "/usr/local/bin:/usr/bin:/bin", **environment},
        )
        return self.output.read_text().strip()


@pytest.fixture
def checkout(tmp_path):
    checkout = Checkout(tmp_path)
    checkout.git("init")
    return checkout


def test_at_a_tag_and_after_it(checkout):
    checkout.commit("v0.1.0")
    assert checkout.version() == "0.1.0"
    written = checkout.output.stat().st_mtime_ns
    assert checkout.version() == "0.1.0"
    assert checkout.output.stat().st_mtime_ns == written, "what depends on it would be built again"
    checkout.commit()
    checkout.commit()
    assert re.fullmatch(r"0\.1\.0\+2\.g[0-9a-f]{7,}", checkout.version())
    checkout.commit("v0.2.0-rc1")
    assert checkout.version() == "0.2.0~rc1"
    checkout.commit()
    checkout.git("tag", "something-else")
    assert checkout.version().startswith("0.2.0~rc1+1.g")


def test_without_a_tag_without_git_and_without_a_repository(checkout):
    assert checkout.version() == "9.9.9", "no commit"
    checkout.commit()
    assert checkout.version() == "9.9.9", "no tag"
    checkout.git("tag", "v0.1.0")
    empty = checkout.directory.parent / "empty"
    empty.mkdir()
    (empty / "cmake").symlink_to(subprocess.check_output(["which", "cmake"], text=True).strip())
    assert checkout.version(PATH=str(empty)) == "9.9.9", "no git"
    # An archive that was unpacked in a checkout of something else.
    unpacked = checkout.directory / "unpacked"
    unpacked.mkdir()
    checkout.directory = unpacked
    assert checkout.version() == "9.9.9", "another project's tag"


def test_versions_sort_as_they_came():
    versions = ["0.1.0~rc1", "0.1.0~rc1+1.gabc1234", "0.1.0", "0.1.0+2.gabc1234", "0.1.0+12.g0001234", "0.1.1"]
    for older, newer in zip(versions, versions[1:]):
        subprocess.run(["dpkg", "--compare-versions", f"{older}-1", "lt", f"{newer}-1"], check=True)


def test_bpg_says_its_version():
    said = subprocess.check_output([PROGRAM, "--version"], text=True)
    built = (pathlib.Path(PROGRAM).parents[1] / "src" / "bpg" / "version.cpp").read_text()
    [version] = re.findall('"([0-9].*)"', built)
    assert said == f"bpg {version}\n"
    assert re.fullmatch(r"bpg \d+\.\d+\.\d+\S*\n", said)
