"""Completion: what `bpg __complete` offers, and that bash, zsh and fish offer it."""

import os
import sqlite3
import subprocess
import time

import pytest

from betterpg import PROGRAM
from terminal import Terminal

pytestmark = pytest.mark.native("the command line by itself, wherever servers run")


@pytest.fixture
def home(any_bpg):
    any_bpg.ok("branch", "create", "app/fix-login", "--no-start")
    any_bpg.ok("snapshot", "create", "app/main", "--label", "before-v2")
    return any_bpg


def offers(home, *words, **environment):
    """The candidates for the last of the words."""
    result = subprocess.run(
        [PROGRAM, "__complete", "--", *words], env=home.environment(**environment), capture_output=True, text=True
    )
    assert (result.returncode, result.stderr) == (0, "")
    return [line.split("\t")[0] for line in result.stdout.splitlines()]


def test_commands_and_options_are_offered(home):
    assert {"db", "branch", "connect", "help", "completion"} <= set(offers(home, ""))
    assert offers(home, "br") == ["branch"]
    assert {"create", "reset", "undo"} <= set(offers(home, "branch", ""))
    assert offers(home, "branch", "create", "--fa") == ["--fast"]
    assert "--output" in offers(home, "branch", "create", "app/x", "--")
    assert "sync" not in offers(home, "branch", "s")
    assert offers(home, "branch", "sync", "app/fi") == ["app/fix-login"]
    assert not any(word.startswith("__") for word in offers(home, "_"))


def test_live_names_are_offered_where_they_are_taken(home):
    assert offers(home, "db", "get", "") == ["app"]
    assert offers(home, "url", "app/") == ["app/main", "app/fix-login"]
    assert offers(home, "connect", "app/m") == ["app/main", "app/main@before-v2"]
    assert offers(home, "-v", "stop", "app/main", "app/f") == ["app/fix-login"]
    assert offers(home, "branch", "create", "") == ["app/"]
    assert offers(home, "branch", "create", "app/x", "--from", "app/m") == ["app/main", "app/main@before-v2"]
    assert offers(home, "branch", "create", "app/x", "--from=app/main@") == ["--from=app/main@before-v2"]
    assert offers(home, "snapshot", "get", "") == ["app/main@before-v2"]
    assert offers(home, "branch", "reset", "app/fix-login", "--to", "") == ["before-v2"]
    assert offers(home, "branch", "undelete", "") == []
    home.ok("branch", "reset", "app/fix-login")
    kept = [volume["volume"] for volume in home.json("status")["retained"]]
    assert offers(home, "branch", "undo", "app/fix-login", "--to", "") == kept
    home.ok("branch", "delete", "app/fix-login")
    assert offers(home, "url", "") == ["app/main"]
    assert offers(home, "branch", "undelete", "") == ["app/fix-login"]


def test_settings_keys_and_profiles_are_offered(home):
    """A setting that is to be given a value goes on with it."""
    assert offers(home, "branch", "set", "app/fix-login", "maintenance_work_m") == ["maintenance_work_mem="]
    assert "work_mem" in offers(home, "branch", "unset", "app/fix-login", "work")
    assert offers(home, "db", "set", "ap") == ["app"]
    assert offers(home, "db", "create", "x", "--set", "timezone_") == ["timezone_abbreviations="]
    assert offers(home, "config", "get", "retention") == ["retention.deleted"]
    assert {"ci", "dev", "prod-like"} <= set(offers(home, "branch", "create", "app/x", "--profile", ""))


def test_words_files_and_directories_are_offered(home):
    assert offers(home, "-o", "") == ["table", "json"]
    assert offers(home, "--output=j") == ["--output=json"]
    assert offers(home, "init", "--storage", "z") == ["zfs"]
    assert offers(home, "completion", "") == ["bash", "zsh", "fish"]
    assert offers(home, "--config", "") == [":files"]
    assert offers(home, "init", "--path", "") == [":directories"]
    assert offers(home, "help", "m") == ["moments"]
    assert offers(home, "help", "branch", "cr") == ["create"]
    # Nothing is known of a new name or a number, nor after the last argument.
    assert offers(home, "db", "create", "") == offers(home, "logs", "app", "-n", "") == offers(home, "url", "app", "") == []


def test_completion_mends_nothing_and_never_complains(home, tmp_path):
    def catalog(statement):
        with sqlite3.connect(home.home / "catalog.db") as connection:
            return connection.execute(statement).fetchall()

    catalog("UPDATE branch SET state = 'creating' WHERE name = 'fix-login' AND state = 'ready'")
    offers(home, "connect", "")
    assert catalog("SELECT count(*) FROM branch WHERE state = 'creating'") == [(1,)]
    catalog("UPDATE branch SET state = 'ready' WHERE state = 'creating'")
    for environment in ({"BPG_HOME": str(tmp_path)}, {"BPG_HOME": "/" + "x" * 200}, {"BPG_HOME": "/proc/1/nowhere"}):
        assert offers(home, "connect", "", **environment) == []
    (tmp_path / "catalog.db").write_text("no database" * 100)
    assert offers(home, "connect", "", BPG_HOME=str(tmp_path)) == []
    assert offers(home, "nonsense", "--wrong", "x", "") == offers(home, "db", "x", "--y=", "=") == []


def test_completion_is_quick(home):
    def took():
        began = time.monotonic()
        offers(home, "connect", "")
        return time.monotonic() - began

    assert min(took() for _ in range(5)) < 0.5


def program_directory(tmp_path):
    (tmp_path / "bpg").symlink_to(PROGRAM)
    return str(tmp_path)


def environment_of(home, tmp_path):
    return home.environment(PATH=f"{program_directory(tmp_path)}:{os.environ['PATH']}", HOME=str(tmp_path), PS1="$ ")


SHELLS = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "--private"],
}
PREPARE = {
    "bash": "source <(bpg completion bash)",
    "zsh": "autoload -U compinit && compinit -u -D && source <(bpg completion zsh)",
    "fish": "bpg completion fish | source",
}


@pytest.mark.parametrize("shell", SHELLS)
def test_tab_completes_in_a_real_shell(home, shell, tmp_path):
    home.ok("branch", "create", "app/feature", "--no-start")
    (tmp_path / "settings.yaml").touch()
    (tmp_path / "volumes").mkdir()
    typed = [
        ("bpg bran", "bpg branch"),
        ("bpg branch crea", "bpg branch create"),
        ("bpg connect app/fi", "bpg connect app/fix-login"),
        ("bpg snapshot get app/main@be", "bpg snapshot get app/main@before-v2"),
        ("bpg snapshot get app/main@", "bpg snapshot get app/main@before-v2"),
        ("bpg branch reset app/main --to be", "bpg branch reset app/main --to before-v2"),
        ("bpg status --output=j", "bpg status --output=json"),
        ("bpg --config set", "bpg --config settings.yaml"),
        ("bpg init --path vol", "bpg init --path volumes/"),
        ("bpg branch create a", "bpg branch create app/"),
    ]
    with Terminal(SHELLS[shell], environment_of(home, tmp_path), columns=100, rows=60, cwd=str(tmp_path)) as terminal:
        terminal.type(f"{PREPARE[shell]} && echo pre''pared")
        terminal.press("Enter")
        terminal.wait_for(lambda lines: "prepared" in lines, "the shell does not take the script")
        for text, result in typed:
            terminal.press("C-u")
            terminal.press("C-l")
            terminal.type(text)
            terminal.wait_for(lambda lines: any(line.endswith(text) for line in lines), f"'{text}' was not typed")
            terminal.press("Tab")
            terminal.wait_for(lambda lines: any(line.endswith(result) for line in lines), f"Tab after '{text}'")
        # Two that begin so: both are shown.
        terminal.press("C-u")
        terminal.press("C-l")
        terminal.type("bpg connect app/f")
        terminal.press("Tab", "Tab")
        terminal.wait_for(
            lambda lines: "app/feature" in "\n".join(lines) and "app/fix-login" in "\n".join(lines), "both are offered"
        )


def test_fish_shows_what_a_command_does(home, tmp_path):
    script = f"{PREPARE['fish']}; complete -C 'bpg branch un'"
    shown = subprocess.run(
        ["fish", "--no-config", "-c", script], env=environment_of(home, tmp_path), capture_output=True, text=True, check=True
    ).stdout
    assert "undelete\tBring a deleted branch back" in shown.splitlines()


def test_scripts_are_clean(tmp_path):
    for shell, check in {"bash": ["bash", "-n"], "zsh": ["zsh", "-n"], "fish": ["fish", "--no-execute"]}.items():
        script = tmp_path / shell
        script.write_text(subprocess.run([PROGRAM, "completion", shell], check=True, capture_output=True, text=True).stdout)
        subprocess.run([*check, str(script)], check=True)
    wrong = subprocess.run([PROGRAM, "completion", "fich"], capture_output=True, text=True)
    assert wrong.returncode == 2 and "Did you mean 'fish'?" in wrong.stderr
