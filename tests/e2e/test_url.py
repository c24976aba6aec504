"""What bpg prints for programs to connect with, tried with libpq and with shells; and bpg connect's psql."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import urllib.parse

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from betterpg import installed

VARIABLES = ["PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE", "DATABASE_URL"]


def rows(*arguments, **options):
    with psycopg.connect(*arguments, **options) as connection:
        return connection.execute("SELECT count(*) FROM t").fetchone()[0]


def test_every_format_connects(any_bpg):
    url = any_bpg.ok("url", "app").out.strip()
    assert any_bpg.ok("url", "app", "--format", "url").out.strip() == url
    dsn = any_bpg.ok("url", "app", "--format", "dsn").out.strip()
    assert rows(url) == rows(dsn) == 3
    assert conninfo_to_dict(url) == conninfo_to_dict(dsn)

    jdbc = urllib.parse.urlsplit(any_bpg.ok("url", "app", "--format", "jdbc").out.strip().removeprefix("jdbc:"))
    query = {key: values[0] for key, values in urllib.parse.parse_qs(jdbc.query, strict_parsing=True).items()}
    assert jdbc.scheme == "postgresql" and query.keys() == {"user", "password"}
    assert rows(host=jdbc.hostname, port=jdbc.port, dbname=jdbc.path[1:], **query) == 3

    lines = any_bpg.ok("url", "app", "--format", "env").out.splitlines()
    variables = dict(line.split("=", 1) for line in lines)
    assert list(variables) == VARIABLES and variables["DATABASE_URL"] == url

    answer = any_bpg.json("url", "app")
    assert json.loads(any_bpg.ok("url", "app", "--format", "json").out) == answer
    assert any_bpg.json("url", "app", "--format", "dsn") == answer == any_bpg.json("env", "app")
    assert (answer["subject"], answer["url"], answer["dsn"], answer["env"]) == ("app/main", url, dsn, variables)
    assert rows(host=answer["host"], port=answer["port"], user=answer["user"], password=answer["password"], dbname=answer["database"]) == 3
    assert any_bpg.ok("-q", "url", "app", "--format", "dsn").out.strip() == dsn


def shell(any_bpg, name, script):
    """The output of a script in which `bpg` is the program with its configuration."""
    words = " ".join(any_bpg.command())
    result = subprocess.run(
        [name, "-c", script.replace("bpg ", words + " ")], env=any_bpg.environment(), cwd="/",
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize("name", ["sh", "bash"])
def test_env_in_a_shell(any_bpg, name):
    count = 'psql -XAtc "SELECT count(*) FROM t"'
    assert shell(any_bpg, name, f'eval "$(bpg env app)" && {count} && psql "$DATABASE_URL" -XAtc "SELECT 1"') == "3\n1\n"
    said = shell(any_bpg, name, 'eval "$(bpg env app)"; eval "$(bpg env --unset)"; env')
    assert not [line for line in said.splitlines() if line.split("=")[0] in VARIABLES]


@pytest.mark.parametrize("name, variable", [("fish", "$DATABASE_URL"), ("csh", "$DATABASE_URL:q")])
def test_env_in_other_shells(any_bpg, name, variable):
    lines = any_bpg.ok("env", "app", "--shell", name).out.splitlines()
    assert [line.split()[2 if name == "fish" else 1] for line in lines] == VARIABLES
    take = {"fish": "bpg env {} --shell fish | source", "csh": "eval `bpg env {} --shell csh`"}[name]
    count = 'psql -XAtc "SELECT count(*) FROM t"'
    script = "\n".join([take.format("app"), count, f'psql "{variable}" -XAtc "SELECT 1"', take.format("--unset"), "env"])
    said = shell(any_bpg, name, script).splitlines()
    assert said[:2] == ["3", "1"]
    assert not [line for line in said[2:] if line.split("=")[0] in VARIABLES]


def test_unset_is_printed(any_bpg):
    assert any_bpg.ok("env", "--unset").out.splitlines() == [f"unset {name}" for name in VARIABLES]
    assert any_bpg.json("env", "--unset") == VARIABLES


def test_wrong_use(any_bpg):
    assert any_bpg.fails(2, "usage", "url", "app", "--format", "jdbd")["hint"] == "Did you mean 'jdbc'?"
    assert "It is one of" in any_bpg.fails(2, "usage", "url", "app", "--format", "xml-rpc")["hint"]
    assert any_bpg.fails(2, "usage", "env", "app", "--shell", "bahs")["hint"] == "Did you mean 'bash'?"
    for command in ("url", "env", "info", "logs"):
        error = any_bpg.fails(2, "usage", command)
        assert error["message"] == "name a branch" and ".bpg.yaml" in error["hint"]
    any_bpg.fails(3, "not_found", "env", "app/nothing")
    any_bpg.fails(2, "usage", "env", "app", "--unset")
    assert "names a moment" in any_bpg.fails(2, "usage", "url", "app@x")["message"]


def test_the_prompt_names_the_branch(any_bpg):
    asked = any_bpg.ok("connect", "app", "--", "-XAt", "-c", r"\echo :PROMPT1").out
    assert asked == "app/main%R%x%# \n"
    asked = any_bpg.ok("connect", "app", "--", "-XAt", "--set=PROMPT1=mine", "-c", r"\echo :PROMPT1").out
    assert asked == "mine\n"


def test_a_psqlrc_has_the_last_word(any_bpg, tmp_path):
    psqlrc = tmp_path / "psqlrc"
    psqlrc.write_text("\\set PROMPT1 'of my own> '\n")
    tmp_path.chmod(0o755)
    script = tmp_path / "script"
    script.write_text("\\echo :PROMPT1\n")
    assert any_bpg.ok("connect", "app", "--", "-At", "-f", script, PSQLRC=str(psqlrc)).out == "of my own> \n"


@pytest.fixture
def programs():
    """A directory that the servers' account may look into."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="bpgt-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


def test_psql_of_another_major_is_said(new_bpg, programs):
    bare = programs / "bare"
    bare.mkdir()
    for program in installed().iterdir():
        if program.name != "psql":
            (bare / program.name).symlink_to(program)
    older = programs / "psql"
    older.write_text("#!/bin/sh\n[ \"$1\" = --version ] && echo 'psql (PostgreSQL) 11.22' || echo \"ran $*\"\n")
    older.chmod(0o755)
    driver = "btrfs" if os.environ.get("BPG_TEST_BTRFS") else "copy"
    bpg = new_bpg(driver, config=f"native.bin_dirs: [{bare}]\n")
    bpg.ok("db", "create", "app")
    result = bpg.ok("connect", "app", PATH=f"{programs}:/bin")
    assert result.err.startswith(f"{older} is of PostgreSQL 11, the server of ")
    assert result.out.startswith("ran --host ")
    older.unlink()
    error = bpg.fails(6, "environment", "connect", "app", PATH=str(programs))
    assert error["message"] == "psql is not installed" and "postgresql-client-" in error["hint"]
