"""What people see: screens of a terminal, and plain lines where there is none."""

import contextlib
import re
import sqlite3
import subprocess
import unicodedata

import pytest

from betterpg import PROGRAM
from terminal import Terminal

of_screens = pytest.mark.native("the command line by itself, wherever servers run")
LONG = "app/a-branch-with-a-name-that-is-longer-than-most-names-are"


@pytest.fixture
def home(any_bpg):
    any_bpg.ok("branch", "create", "app/fix-login", "--no-start")
    any_bpg.ok("branch", "create", LONG, "--from", "app/fix-login", "--no-start")
    any_bpg.ok("snapshot", "create", "app/main", "--label", "before-v2")
    return any_bpg


def terminal(home, *arguments, columns=80, **environment):
    return Terminal(home.command(*arguments), home.environment(TERM="xterm-256color", **environment), columns=columns)


def screen(home, *arguments, columns=80, colours=False, **environment):
    """The screen that a command leaves."""
    with terminal(home, *arguments, columns=columns, **environment) as shown:
        assert shown.status() == 0
        return shown.screen(colours)


def rows(lines):
    return [line.split() for line in lines if line]


@of_screens
@pytest.mark.parametrize(
    "columns, titles",
    [
        (120, ["BRANCH", "STATE", "PORT", "AGE", "UNIQUE", "SHARED"]),
        (80, ["BRANCH", "STATE"]),
        (60, ["BRANCH"]),
    ],
)
def test_the_tree_fits_the_terminal(home, columns, titles):
    lines = screen(home, "branch", "list", columns=columns)
    assert lines[0].split() == titles
    assert len(lines) == 4, "a line was broken"
    if columns > 60:
        assert LONG in lines[3]
        assert lines[1].split()[:2] == ["app/main", "running"]
    else:
        assert lines[3].startswith("   └─ app/a-branch") and lines[3].endswith("…")
    assert max(map(len, lines)) <= columns


@of_screens
def test_snapshots_and_what_is_kept_fit_the_terminal(home):
    home.ok("branch", "reset", LONG)
    for columns in (120, 80, 60, 40):
        snapshots = screen(home, "snapshot", "list", columns=columns)
        assert len(snapshots) == 2 and snapshots[1].split()[-1 if columns < 60 else 2].startswith("before-v2"[:8])
        kept = screen(home, "cleanup", "--dry-run", columns=columns)
        assert kept[0].split()[0] in ("VOLUME", "BRANCH")
        assert kept[2] == "would free 0 of 1 volume"
        assert kept[3].startswith("  bpg cleanup --now     frees")
    assert rows(screen(home, "snapshot", "list", columns=120))[0][-1] == "LSN"
    assert "LSN" not in rows(screen(home, "snapshot", "list", columns=60))[0]


@of_screens
def test_columns_says_how_wide_the_terminal_is(home):
    words = ["env", "COLUMNS=40", *home.command("branch", "list")]
    with Terminal(words, home.environment(TERM="xterm-256color"), columns=120) as shown:
        assert shown.status() == 0
        assert shown.screen()[0].split() == ["BRANCH"]


@of_screens
def test_a_pipe_gets_all_of_it_plain(home):
    result = home.ok("branch", "list", COLUMNS="20")
    lines = result.out.splitlines()
    assert lines[0].split() == ["BRANCH", "STATE", "PORT", "AGE", "UNIQUE", "SHARED"]
    assert LONG in lines[3]
    assert "\x1b" not in result.out + result.err and result.err == ""
    created = home.ok("branch", "create", "app/x")
    assert created.err == "" and "\r" not in created.out and "\x1b" not in created.out


GREEN = "\x1b[32m"


@of_screens
def test_colours_mean_something_and_can_be_off(home):
    coloured = "\n".join(screen(home, "branch", "list", colours=True))
    assert f"{GREEN}running" in coloured and f"{GREEN}stopped" not in coloured
    for options, environment in (((), {"NO_COLOR": "1"}), (("--no-color",), {})):
        assert "\x1b[" not in "\n".join(screen(home, *options, "branch", "list", colours=True, **environment))
        assert "\x1b[" not in "\n".join(screen(home, *options, "branch", "--help", colours=True, **environment))
    assert "\x1b[1mCOMMANDS" in "\n".join(screen(home, "branch", "--help", colours=True))


@of_screens
def test_help_fits_a_narrow_terminal(home):
    lines = screen(home, "db", "rename", "--help", columns=50)
    assert "SYNOPSIS" in lines and "  bpg db rename app shop" in lines
    # Broken between words only: the terminal had nothing to break.
    text = " ".join(line.strip() for line in lines)
    assert "bpg db rename - Give a database another name; servers and connections go on" in text


def test_a_long_command_shows_what_it_is_at_and_takes_it_away(home, tmp_path):
    """A checkpoint waits for as long as the server is stopped by SIGSTOP."""
    server = home.postmaster("app/main")
    subprocess.run(["kill", "-STOP", str(server)], check=True)
    try:
        with terminal(home, "branch", "create", "app/slow", "--no-start", columns=60) as shown:
            lines = shown.wait_for(lambda lines: any(" … " in line for line in lines), "no progress is shown")
            assert len(lines) == 1 and len(lines[0]) < 60
            assert re.search(r"^[a-z ]+ … [\d.]+ m?s$", lines[0])
            subprocess.run(["kill", "-CONT", str(server)], check=True)
            assert shown.status() == 0
            left = shown.screen()
            assert left[0].startswith("created app/slow from app/main in ")
            assert not any(" … " in line for line in left)
    finally:
        subprocess.run(["kill", "-CONT", str(server)], check=True)


def test_a_restore_that_will_take_long_is_told_before_it_begins(home):
    """What earlier restores of a slow machine would have left."""
    moment = home.sql("app", "SELECT clock_timestamp()").isoformat()
    home.sql("app", "INSERT INTO t VALUES (4)")
    with contextlib.closing(sqlite3.connect(home.home / "catalog.db")) as catalog, catalog:
        catalog.execute("REPLACE INTO setting (key, value) VALUES ('restore speed/fixed microseconds', '90000000')")
    lines = screen(home, "branch", "create", "app/then", "--at", moment, columns=160)
    told = [i for i, line in enumerate(lines) if line.endswith(", estimated: about 1 min 30 s")]
    done = next(i for i, line in enumerate(lines) if line.startswith("created app/then from "))
    assert lines[0] == "restoring" and told == [2, done + 2], lines
    assert not home.ok("branch", "create", "app/again", "--at", moment).err, "there is no terminal to wait at"


def test_logs_follow_until_ctrl_c(home):
    with terminal(home, "logs", "app/main", "-n", "0", "-f", columns=120) as shown:
        marker = "a word that is to be seen"
        with home.connect("app/main") as connection:
            def is_shown(lines):
                connection.execute(f"DO $$ BEGIN RAISE LOG '{marker}'; END $$")
                return any(marker in line for line in lines)

            shown.wait_for(is_shown, "the log is not followed")
        shown.press("C-c")
        assert shown.status() in (0, 130)


@of_screens
@pytest.mark.parametrize("answer, stays", [("n", True), ("", True), ("y", False)])
def test_what_cannot_be_undone_is_asked_for(home, answer, stays):
    with terminal(home, "branch", "delete", LONG, "--now", columns=100) as shown:
        question = f"Delete {LONG} for good? [y/N]"
        shown.wait_for(lambda lines: lines and lines[0].startswith(question), "nothing is asked")
        shown.type(answer)
        shown.press("Enter")
        assert shown.status() == (130 if stays else 0)
        if stays:
            assert "bpg: nothing was changed" in shown.screen()
    assert (LONG in home.branches()) == stays


@of_screens
def test_ctrl_c_at_the_question_changes_nothing(home):
    with terminal(home, "branch", "delete", LONG, "--now", columns=100) as shown:
        shown.wait_for(lambda lines: lines and "[y/N]" in lines[0], "nothing is asked")
        shown.press("C-c")
        assert shown.status() == 130
    assert LONG in home.branches()


@of_screens
def test_words_from_elsewhere_cannot_move_the_cursor(home):
    evil = "x\x1b[2J\x1b[31m\ry\u202ez"
    result = subprocess.run([PROGRAM, "connect", evil], capture_output=True, text=True, env=home.environment())
    assert result.returncode == 2
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e]", result.stderr)
    assert "x\ufffd[2J" in result.stderr


def cells(line):
    """What stands in each column of the terminal: behind a wide character comes an empty cell. tmux gives an isolate,
    which has no width, as it got it."""
    found = []
    for character in line:
        if unicodedata.category(character) in ("Cf", "Mn"):
            continue
        found.append(character)
        if unicodedata.east_asian_width(character) in "WF":
            found.append("")
    return found


@of_screens
@pytest.mark.parametrize("columns", [100, 60, 40])
def test_wide_and_right_to_left_text_breaks_no_table(home, columns):
    home.ok("db", "set", "app", "log_line_prefix=数据库🐘 %m ", 'search_path="שלום עולם", public', "event_source=é̂té")
    lines = screen(home, "settings", "app", columns=columns)
    table = [cells(line) for line in lines[lines.index("") + 1 :]]
    assert all(len(line) <= columns for line in table), "a line was broken"
    text = "\n".join(lines)
    assert "数据库" in text and "שלום" in text and "é̂té" in text
    # Each column begins where its title does, in every line.
    title = "".join(table[0])
    for name in ("VALUE", "SOURCE", "IN EFFECT"):
        start = title.find(name)
        if start < 0:
            assert columns < 100, f"{name} is left out although there is room"
            continue
        for line in table[1:]:
            assert start == 0 or line[start - 1] == " ", f"{name} is not in line:\n{text}"
            assert start >= len(line) or line[start] not in (" ", ""), f"{name} is not in line:\n{text}"
