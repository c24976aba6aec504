"""Walks a newcomer's path in a terminal. As a program it writes docs/newcomer.md: `/usr/bin/python3 tests/e2e/newcomer.py`.

It needs the built program and BPG_TEST_BTRFS, the directory on a Btrfs that tests/filesystems.sh makes."""

import contextlib
import json
import os
import pathlib
import random
import re
import shlex
import shutil
import signal
import subprocess
import tempfile

from betterpg import PROGRAM, ROOT, eventually
from stand_ins import StandIns
from terminal import Terminal

PAGE = ROOT / "docs" / "newcomer.md"
COLUMNS = 100
PROMPT = "$ "

INTRODUCTION = """# A newcomer's path

What somebody sees who has read the [README](../README.md) and tries `bpg` where it is [installed](install.md), from the first
command to the clean-up: screens of a terminal, 100 columns wide, whole. What differs from one time to the next is replaced:
`N` stands for a size or a time, and ids, ports, dates and directories for others. Real figures are in the README.

A test walks the path again and compares (`tests/e2e/test_newcomer.py`). `/usr/bin/python3 tests/e2e/newcomer.py` writes this page.
"""

MIGRATION = """ALTER TABLE orders ADD COLUMN euros int;
UPDATE orders SET euros = cents / 100;
ALTER TABLE orders DROP COLUMN cents;
"""

PRODUCTION = """
CREATE ROLE webshop;
GRANT webshop TO owner;
CREATE EXTENSION pg_trgm;
CREATE TABLE customers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL);
CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer bigint NOT NULL REFERENCES customers, note text);
CREATE TABLE lines (order_id bigint NOT NULL, item text NOT NULL, cents bigint NOT NULL);
INSERT INTO customers (name) SELECT 'customer ' || n FROM generate_series(1, 1000) n;
INSERT INTO orders (customer, note) SELECT 1 + n % 1000, md5(n::text) FROM generate_series(1, 100000) n;
INSERT INTO lines SELECT 1 + n % 100000, 'item ' || n % 1000, n % 5000 FROM generate_series(1, 300000) n;
CREATE INDEX ON orders (customer);
CREATE INDEX ON lines (order_id);
CREATE INDEX ON lines USING gin (item gin_trgm_ops) WHERE cents = 1;
ALTER TABLE customers OWNER TO webshop;
ALTER TABLE orders OWNER TO webshop;
ALTER TABLE lines OWNER TO webshop;
"""

# Deletes an order, and looks whether its lines go with it. They do not.
RUN_TESTS = """#!/bin/sh
psql -qX "$DATABASE_URL" -c "DELETE FROM orders WHERE id = 1"
left=$(psql -qXAt "$DATABASE_URL" -c "SELECT count(*) FROM lines WHERE order_id = 1")
if [ "$left" != 0 ]; then
  echo "FAILED: $left lines are left of a deleted order"
  exit 1
fi
echo "ok"
"""

FIX = """DELETE FROM lines WHERE order_id NOT IN (SELECT id FROM orders);
ALTER TABLE lines ADD FOREIGN KEY (order_id) REFERENCES orders ON DELETE CASCADE;
"""


class Shell:
    """bash in a terminal, at which one command is typed after another. To be used in `with`."""

    def __init__(self, directory, environment):
        self.prompts = directory / "prompts"
        self.prompts.touch()
        start = directory / ".bashrc"
        start.write_text(f"unset HISTFILE\nPS1={shlex.quote(PROMPT)}\nPROMPT_COMMAND='echo $? >>{self.prompts}'\n")
        self.terminal = Terminal(["bash", "--noprofile", "--rcfile", str(start), "-i"], environment, columns=COLUMNS, cwd=str(directory))
        self.shown = 0  # prompts that have been waited for

    def __enter__(self):
        self.await_prompt()
        return self

    def __exit__(self, *exception):
        self.terminal.__exit__(*exception)

    def screen(self):
        """As the terminal shows it, with lines whole that were too long for it."""
        return [line.rstrip() for line in self.terminal.tmux("capture-pane", "-p", "-J").rstrip().splitlines()]

    def await_prompt(self):
        self.shown += 1
        self.terminal.wait_for(
            lambda lines: lines[-1:] == [PROMPT.strip()] and len(self.prompts.read_text().split()) == self.shown,
            "the command does not end", 60,
        )

    def clear(self):
        self.terminal.press("C-l")
        self.terminal.wait_for(lambda lines: lines == [PROMPT.strip()], "the screen is not cleared")

    def enter(self, line):
        self.terminal.type(line)
        self.terminal.press("Enter")


class Walk:
    """The page, as it grows."""

    def __init__(self, shell, stand_ins):
        self.shell = shell
        self.stand_ins = stand_ins
        self.page = INTRODUCTION

    def heading(self, text):
        self.page += f"\n## {text}\n"

    def show(self, sentence, lines):
        text = self.stand_ins.replace("\n".join(lines).rstrip())
        self.page += f"\n{sentence}\n\n```\n{text}\n```\n"

    def step(self, sentence, *commands):
        """Types the commands on a clear screen; what is then to be seen, without the last prompt."""
        self.shell.clear()
        for command in commands:
            self.shell.enter(command)
            self.shell.await_prompt()
        screen = self.shell.screen()[:-1]
        self.show(sentence, screen)
        return "\n".join(screen)

    def load_step(self, before, after, home, command):
        """Also shows what is to be seen while the command loads. The server is held for that: how quick it is must not matter."""
        self.shell.clear()
        self.shell.enter(command)
        backend = copying_backend(home)
        os.kill(backend, signal.SIGSTOP)
        try:
            self.shell.terminal.wait_for(lambda lines: re.search(r" of .* left … ", lines[-1]), "no progress is shown")
            self.show(before, self.shell.screen())
        finally:
            os.kill(backend, signal.SIGCONT)
        self.shell.await_prompt()
        self.show(after, self.shell.screen()[:-1])

    def answered_step(self, sentence, command, question, answer):
        self.shell.clear()
        self.shell.enter(command)
        self.shell.terminal.wait_for(lambda lines: lines and lines[-1].endswith(question), "nothing is asked")
        self.shell.enter(answer)
        self.shell.await_prompt()
        self.show(sentence, self.shell.screen()[:-1])


def copying_backend(home):
    """Waits for a process of a server of this home that is at a COPY."""
    found = []

    def look():
        for directory in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                copies = re.match(rb"postgres: .* COPY", (directory / "cmdline").read_bytes())
                if copies and (directory / "cwd").readlink().is_relative_to(home):
                    found.append(int(directory.name))
        return found

    eventually(look, "nothing is loaded", 60)
    return found[0]


def make_production(bpg, services):
    """A database beside demo, as a service of libpq."""
    bpg("connect", "demo", "--superuser", "--", "-qX", "-c", "CREATE DATABASE production")
    bpg("connect", "demo", "--superuser", "--", "-qX", "-v", "ON_ERROR_STOP=1", "-c", "\\connect production", "-f", "-", input=PRODUCTION)
    url = json.loads(bpg("url", "demo", "-o", "json"))
    services.write_text("[production]\n" + "".join(f"{key}={url[key]}\n" for key in ("host", "port", "user", "password")) + "dbname=production\n")


def walk_the_path(walk, bpg, home, services):
    walk.heading("Set up, once")
    walk.step("`bpg init` alone takes the storage that fits the machine best, and says why; here it is asked for one.", "bpg init --storage btrfs")

    walk.heading("The tutorial's heart: a branch, a mistake, a reset")
    walk.step("A database is a server of its own. `bpg connect` is psql on it.", "bpg db create demo",
              "bpg connect demo -- -c \"CREATE TABLE orders AS SELECT n AS id, n AS cents FROM generate_series(1, 100000) n\"")
    walk.step("A branch has all of it, at once.", "bpg branch create demo/currency")
    walk.step("The migration runs on the branch alone, and loses the cents.", "cat migration.sql",
              "psql -q -f migration.sql \"$(bpg url demo/currency)\"",
              "bpg connect demo/currency -- -c \"SELECT sum(euros) AS euros FROM orders\"",
              "bpg connect demo -- -c \"SELECT sum(cents) / 100.0 AS euros FROM orders\"")
    walk.step("So back to what `main` has; the URL stays.", "bpg branch reset demo/currency",
              "bpg connect demo/currency -- -c \"SELECT sum(cents) / 100.0 AS euros FROM orders\"")
    walk.step("The reset destroyed nothing, as `bpg status` tells. A size that takes a while to measure is `-`; `--sizes` measures it.", "bpg status")

    walk.heading("Your own database, from a dump")
    make_production(bpg, services)
    walk.step("Production is a server elsewhere.", "pg_dump service=production | gzip > dump.sql.gz")
    walk.load_step("While it loads, one line says how far it is:", "And when it is done:", home,
                   "bpg db create shop --from-dump dump.sql.gz")
    walk.step("Roles that the dump names are there, without login, and all belongs to `owner`.", "bpg connect shop -- -c '\\dt'",
              "bpg connect shop -- -c 'SELECT count(*) FROM lines'")

    walk.heading("A database for a test run")
    walk.step("A test that deletes, and that knows nothing of `bpg`.", "cat run-tests")
    walk.step("It gets a branch of its own, and its exit status is that of `bpg exec`.", "bpg exec shop -- ./run-tests", "echo $?")
    screen = walk.step("With `--keep` the branch stays, to look at what a failed run left.", "bpg exec shop --keep -- ./run-tests")
    kept = re.search(r"shop/exec-\w+", screen)[0]
    walk.step("Have a look, and let it go.", f"bpg connect {kept} -- -c \"SELECT cents FROM lines WHERE order_id = 1\"", f"bpg branch delete {kept}")
    walk.step("The schema gets what it lacks, and the test passes; `shop/main` has all its orders.", "psql -f fix.sql \"$(bpg url shop)\"",
              "bpg exec shop -- ./run-tests; echo $?", "bpg connect shop -- -c 'SELECT count(*) FROM orders'")

    walk.heading("The database follows git")
    walk.step("Once in a repository:", "git init --quiet --initial-branch main webshop && cd webshop",
              "git commit --quiet --allow-empty --message first", "bpg git install --database shop")
    walk.step("From then on a new git branch comes with its database.", "git switch -c feature/discount", "bpg git status")
    walk.step("`bpg env` tells psql, and any other program, where it is. The shell keeps that: say it again after the next `git switch`.",
              "eval \"$(bpg env)\"", "psql -c 'ALTER TABLE orders ADD COLUMN discount int'", "psql -c '\\d orders'")
    walk.step("In the work tree a word without a slash is a branch of `shop`; `main` knows nothing of the column.", "git switch main",
              "bpg connect main -- -c 'SELECT discount FROM orders'", "bpg connect shop -- -c 'SELECT 1'")

    walk.heading("Look around, and clean up")
    walk.step("What there is, and what it takes:", "bpg status --sizes")
    walk.step("What reset and delete left is kept for a day.", "bpg cleanup")
    walk.answered_step("Or for less, where one says so.", "bpg cleanup --now", "[y/N]", "y")
    return walk.page


def page():
    """The page of a new walk, after which nothing is left of it."""
    programs = pathlib.Path(PROGRAM).resolve().parent
    # Servers of another account pass through to their volumes.
    place = pathlib.Path(tempfile.mkdtemp(prefix="newc-", dir=os.environ["BPG_TEST_BTRFS"]))
    place.chmod(0o711)
    home = place / "home"
    directory = pathlib.Path(tempfile.mkdtemp(prefix="bpgt-", dir="/tmp"))
    first_port = random.randrange(20000, 30000)
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("BPG_", "PG", "GIT_"))}
    environment = {
        **kept, "BPG_HOME": str(home), "BPG_PORTS_RANGE": f"{first_port}-{first_port + 300}", "PATH": f"{programs}:{os.environ['PATH']}",
        "PAGER": "cat", "LC_ALL": "C.UTF-8", "HOME": str(directory), "PGSERVICEFILE": str(directory / "services"),
        "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null",
        **{f"GIT_{who}_{what}": "you@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }
    for name, text in {"migration.sql": MIGRATION, "run-tests": RUN_TESTS, "fix.sql": FIX}.items():
        (directory / name).write_text(text)
    (directory / "run-tests").chmod(0o755)

    def bpg(*arguments, check=True, **options):
        words = ["bpg", "--yes", *arguments]
        return subprocess.run(words, env=environment, cwd=directory, check=check, capture_output=True, text=True, timeout=120, **options).stdout

    try:
        with Shell(directory, environment) as shell:
            stand_ins = StandIns({str(home): "/var/lib/betterpg", str(directory): "/home/you"})
            return walk_the_path(Walk(shell, stand_ins), bpg, home, directory / "services")
    finally:
        for database in ("demo", "shop"):
            bpg("db", "delete", database, "--force", "--now", check=False)
        bpg("cleanup", "--now", check=False)
        bpg("init", "--remove", check=False)
        shutil.rmtree(directory)
        place.rmdir()


if __name__ == "__main__":
    PAGE.write_text(page())
