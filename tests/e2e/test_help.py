"""What bpg tells of itself: every command has help, its examples work, and the pages made from it are up to date."""

import json
import os
import re
import shlex
import subprocess

import pytest

from betterpg import PROGRAM, ROOT

pytestmark = pytest.mark.native("the command line by itself, wherever servers run")

TOPICS = ["subjects", "moments", "storage", "consistency", "environment", "exit-status"]

# Examples that cannot be run as they stand, and why. All others are run.
NOT_RUN = {
    "bpg init": "the home of the test is set up already, on storage that it was given",
    "bpg init --storage zfs --pool tank": "needs a pool of that name",
    "bpg init --storage zfs --pool-file /srv/betterpg.zfs --size 50G": "needs 50 GB: test_zfs.py",
    "bpg init --pool tank --zfs-option compression=zstd": "needs a pool of that name: test_zfs.py",
    "bpg init --path /mnt/xfs": "needs a file system there",
    "bpg init --storage btrfs --size 50G": "needs 50 GB and a loop device",
    "bpg init --runtime docker --image postgres:17": "needs that image: test_docker.py",
    "bpg setup --user dev": "needs that user: test_setup.py",
    "sudo bpg setup --user dev --pool tank": "needs root to agree, the kernel's OpenZFS, and that pool: tests/vm/delegated.py",
    "sudo bpg setup --user dev --zfs-option quota=500G --yes": "the same",
    "sudo bpg setup --user dev --remove": "the same",
    "bpg db create app --image pgvector/pgvector:pg16": "needs that image: test_docker.py",
    "bpg init --remove": "test_branches.py and every home of the suite do it",
    "bpg branch undo app/fix-login --to vol_…": "a volume's id differs each time: test_branches.py",
    "bpg completion fish | source": "needs fish: test_completion.py",
    'pg_dump -Fc "$OLD_URL" | bpg db create app --from-dump -': "needs a server elsewhere: test_load.py",
    "bpg branch expire app/review --at 2026-12-24T18:00:00+01:00": "that moment passes: test_lifetimes.py",
    "bpg env app/fix-login --shell fish | source": "needs fish: test_url.py",
    "bpg exec app -- pytest -x": "needs a project with tests: test_exec.py",
    "bpg exec app/main@fixtures -- make test": "needs a project with tests: test_exec.py",
    "bpg git post-checkout": "git itself runs it, with three words behind it: test_git.py",
    "bpg config set retention.deleted 7d": "it would hold for all tests of the home: test_config.py",
    "bpg config set profiles.ci.settings.random_page_cost 1.1": "it would hold for all tests of the home: test_config.py",
    'bpg branch create app/look --at "10 minutes ago"': "a home that has just been made has no such past: test_restore.py",
    'bpg branch reset app/fix-login --to "1 hour ago"': "the same",
    'bpg branch restore app/main --at "10 minutes ago"': "the same",
    "bpg branch restore app/main --at 2026-10-07T14:30:00Z": "the same",
    "bpg config edit": "it opens an editor: test_config.py",
}

# What must be there before a command's first example, beside app/main, app/fix-login, app/feature and app/main@before-v2.
BEFORE = {
    "bpg db create": ["bpg db delete app --force --now"],
    "bpg snapshot create": ["bpg snapshot delete app/main@before-v2"],
    "bpg branch create": ["bpg branch delete app/fix-login --now"],
    "bpg connect": ["bpg connect app/fix-login -- -c 'CREATE TABLE users (id int)'"],
    "bpg branch undo": ["bpg branch reset app/fix-login"],
    "bpg restore-point create": ["bpg db delete app --force --now", "bpg db create app"],
    "bpg branch undelete": ["bpg branch delete app/fix-login"],
    "bpg db delete": ["bpg branch delete app/fix-login --now", "bpg branch delete app/feature --now"],
    "bpg db undelete": ["bpg db delete app --force"],
    "bpg branch expire": ["bpg branch create app/review"],
    "bpg branch unprotect": ["bpg branch protect app/main"],
    "bpg exec": [r"printf '#!/bin/sh\nexit 0\n' >migrate.sh && chmod +x migrate.sh"],
    "bpg git install": ["git init -q -b topic . && git -c user.name=me -c user.email=me@example.org commit -q --allow-empty -m first"],
    "bpg": ["bpg db delete app --force --now"],
}

# What must be there before one of the examples, after those before it.
BEFORE_EXAMPLE = {
    "bpg db create app --pg-version 15": ["bpg db delete app --now"],
    "bpg db create app --wal-segment-size 64MB": ["bpg db delete app --now"],
    "bpg db delete app --force": ["bpg db undelete app"],
    "bpg db create app --extension citext --extension pg_trgm": ["bpg db delete app --now"],
    "bpg db create audit --template app/main@before-v2": ["bpg snapshot create app --label before-v2"],
    "bpg db create app --from-dump app.sql.gz": ["bpg db delete app --now", "echo 'CREATE TABLE t (n int);' | gzip >app.sql.gz"],
    "bpg db create app --profile prod-like --set timezone=UTC": ["bpg db delete app --now"],
    "bpg git install --database app --parent main@fixtures": ["bpg git uninstall", "bpg snapshot create app --label fixtures"],
    "bpg branch restore app/main --at @before-v2": ["bpg restore-point create app/main before-v2"],
    "bpg branch create app/try --from app/fix-login": ["bpg branch get app/fix-login"],
}

# Examples that end only by Ctrl-C.
FOREVER = {"bpg logs app/main -f"}


def tree():
    return json.loads(subprocess.run([PROGRAM, "__reference", "json"], check=True, capture_output=True, text=True).stdout)


def commands(page=None):
    page = page or tree()
    yield page
    for below in page["commands"]:
        yield from commands(below)


def leaves():
    return [page for page in commands() if not page["commands"]]


def told(*arguments, **environment):
    result = subprocess.run(
        [PROGRAM, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL, env={**os.environ, **environment}
    )
    assert (result.returncode, result.stderr) == (0, ""), arguments
    return result.stdout


def test_every_command_has_a_description_examples_and_exit_statuses():
    assert len(leaves()) > 20
    for page in commands():
        assert page["description"] and not page["description"].endswith("."), page["name"]
        for thing in page["arguments"] + page["options"]:
            assert thing["description"], page["name"]
        for argument in page["arguments"]:
            assert argument["type"].isupper() or "|" in argument["type"], page["name"]
    for page in leaves():
        assert {0, 2} <= set(page["exit_statuses"]), page["name"]
        assert page["examples"], f"{page['name']} has no examples"
        assert any(page["name"] in example["command"] for example in page["examples"]), page["name"]


def test_the_examples_of_a_command_use_its_own_options():
    """So that a renamed option does not live on in help."""
    root = tree()
    names = {page["name"]: {name for option in page["options"] for name in option["names"]} for page in commands(root)}
    for page in commands(root):
        for example in page["examples"]:
            command = re.sub(r"\s--\s.*", "", example["command"])
            mine = max((name for name in names if command.startswith(name)), key=len, default=None)
            for option in re.findall(r"(?<=\s)--?[a-z][\w-]*", command) if mine else []:
                assert option in names[mine] | names["bpg"], example["command"]


def test_help_is_the_same_whichever_way_it_is_asked_for():
    for page in commands():
        words = page["name"].split()[1:]
        text = told(*words, "--help")
        assert text == told(*words, "-h")
        assert not words or text == told("help", *words)
        assert "\nSYNOPSIS\n" in text and "\nOPTIONS\n" in text
        for example in page["examples"]:
            assert example["command"] in text
        if not page["commands"]:
            assert "\nEXAMPLES\n" in text and "\nEXIT STATUS\n" in text


def test_help_fits_eighty_columns_and_is_plain_in_a_pipe():
    for page in commands():
        for line in told(*page["name"].split()[1:], "--help").splitlines():
            assert len(line) <= 80 or line.strip() in [example["command"] for example in page["examples"]], line
            assert line == line.rstrip() and "\x1b" not in line


def test_help_alone_lists_commands_and_topics():
    text = told("help")
    for page in tree()["commands"]:
        assert re.search(rf"^  {page['name'].split()[1]} ", text, re.M)
    for topic in TOPICS:
        assert re.search(rf"^  {topic} ", text, re.M)
        page = told("help", topic)
        assert len(page.splitlines()) > 5
        assert all(len(line) <= 82 for line in page.splitlines()), topic


def test_topics_name_only_what_there_is():
    """Every command in quotes that a topic tells of exists, with these options."""
    names = {page["name"]: {name for option in page["options"] for name in option["names"]} for page in commands()}
    for topic in TOPICS:
        quoted = re.findall(r"'(bpg [^']+)'", told("help", topic).replace("\n", " "))
        for command in quoted:
            mine = max((name for name in names if f"{command} ".startswith(f"{name} ")), key=len)
            assert mine != "bpg", command
            for option in re.findall(r"--[a-z-]+", command):
                assert option in names[mine], command


def test_the_topic_of_exit_statuses_tells_those_of_the_code():
    code = set(map(int, re.findall(r"ErrorKind kind\{(\d+),", (ROOT / "src/bpg/util/error.cpp").read_text())))
    topic = told("help", "exit-status")
    assert {int(status) for status in re.findall(r"^ +(\d+)  ", topic, re.M)} == code | {0}


@pytest.mark.parametrize(
    "words, hint",
    [(["storge"], "Did you mean 'storage'?"), (["brunch"], "Did you mean 'branch'?"), (["branch", "crate"], "Did you mean 'create'?")],
)
def test_help_on_what_there_is_not_suggests_what_there_is(words, hint):
    result = subprocess.run([PROGRAM, "help", *words], capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (2, "")
    assert hint in result.stderr


def test_reference_is_up_to_date():
    assert (ROOT / "docs" / "reference.md").read_text() == told("__reference", "markdown"), (
        "docs/reference.md differs from the program: run scripts/reference"
    )


def test_manual_pages_are_clean(tmp_path):
    told("__reference", "man", str(tmp_path), SOURCE_DATE_EPOCH="86400")
    names = {page["name"].replace(" ", "-") + ".1" for page in commands()}
    assert {path.name for path in tmp_path.iterdir()} == names
    lint = subprocess.run(["mandoc", "-Tlint", "-Wwarning", *tmp_path.iterdir()], capture_output=True, text=True)
    assert lint.stdout == "" and lint.returncode == 0
    assert ' 1 1970-01-02 "bpg ' in (tmp_path / "bpg.1").read_text()
    shown = subprocess.run(["mandoc", "-Tutf8", tmp_path / "bpg-branch-create.1"], capture_output=True, text=True).stdout
    shown = re.sub(r".\x08", "", shown)
    for words in ("bpg branch create app/old --from app/main@before-v2", "SEE ALSO", "bpg-branch(1)", "--no-start"):
        assert words in shown


def test_table_of_examples_that_are_not_run_is_up_to_date():
    examples = {example["command"] for page in commands() for example in page["examples"]}
    assert NOT_RUN.keys() | BEFORE_EXAMPLE.keys() | FOREVER <= examples
    assert BEFORE.keys() <= {page["name"] for page in commands()}


class Shell:
    """Runs examples as a user would, with `bpg` in the PATH, in one home."""

    def __init__(self, home, directory):
        self.home = home
        self.directory = directory
        program = directory / "bpg"
        program.write_text(f'#!/bin/bash\nexec {shlex.quote(PROGRAM)} --config {shlex.quote(str(home.config))} "$@"\n')
        program.chmod(0o755)
        (directory / ".zfunc").mkdir()

    def start(self, command):
        environment = self.home.environment(PATH=f"{self.directory}:{os.environ['PATH']}", HOME=str(self.directory))
        return subprocess.Popen(
            ["bash", "-o", "pipefail", "-c", command], env=environment, cwd=self.directory, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )

    def run(self, command):
        process = self.start(command)
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, f"$ {command}\n{out}{err}"

    def interrupt(self, command):
        """Runs what goes on until Ctrl-C, once it has printed something."""
        process = self.start(f"exec {command}")
        assert process.stdout.readline()
        process.send_signal(2)
        _, err = process.communicate(timeout=30)
        assert process.returncode in (0, 130), err


def make_ready(home):
    """app/main, app/fix-login, app/feature and app/main@before-v2, running, and nothing else."""
    for database in home.json("db", "list"):
        if database["name"] != "app":
            home.ok("db", "delete", database["name"], "--force", "--now")
    if "app" not in [database["name"] for database in home.json("db", "list")]:
        home.ok("db", "create", "app")
    wanted = {"app/main", "app/fix-login", "app/feature"}
    for subject in sorted(home.branches().keys() - wanted):
        home.ok("branch", "delete", subject, "--reparent", "--now")
    for subject in sorted(wanted - home.branches().keys()):
        home.ok("branch", "create", subject)
    if not any(snapshot["label"] == "before-v2" for snapshot in home.json("snapshot", "list", "app/main")):
        home.ok("snapshot", "create", "app/main", "--label", "before-v2")
    home.ok("start", "--all")


def test_examples_work(new_bpg, tmp_path):
    home = new_bpg("btrfs" if os.environ.get("BPG_TEST_BTRFS") else "copy")
    shell = Shell(home, tmp_path)
    run = 0
    for page in commands():
        examples = [example["command"] for example in page["examples"] if example["command"] not in NOT_RUN]
        if not examples:
            continue
        make_ready(home)
        for command in BEFORE.get(page["name"], []):
            shell.run(command)
        for example in examples:
            for command in BEFORE_EXAMPLE.get(example, []):
                shell.run(command)
            if example in FOREVER:
                shell.interrupt(example)
            else:
                shell.run(example)
            run += 1
    assert run > 30
