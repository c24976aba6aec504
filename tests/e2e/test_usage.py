"""Wrong use that changes nothing: each command line here fails with its code, its words and a hint."""

import os
import shutil

import pytest

from betterpg import RUNTIME, STATUS, VARIABLES, Bpg

# Command line, code, what the message says, what the hint says.
LINES = [
    ("", "usage", "'bpg' needs a command: init, db", "bpg --help"),
    ("brunch list", "usage", "'bpg brunch' is not a command", "Did you mean 'branch'?"),
    ("frobnicate", "usage", "'bpg frobnicate' is not a command", "'bpg --help' shows how."),
    ("db", "usage", "'bpg db' needs a command: create", "'bpg db --help'"),
    ("db crate app", "usage", "'bpg db crate' is not a command", "Did you mean 'create'?"),
    ("branch lst", "usage", "'bpg branch lst' is not a command", "Did you mean 'list'?"),
    ("branch", "usage", "'bpg branch' needs a command: create", "'bpg branch --help'"),
    ("snapshot", "usage", "'bpg snapshot' needs a command: create", "'bpg snapshot --help'"),
    ("snapshot crate app", "usage", "'bpg snapshot crate' is not a command", "Did you mean 'create'?"),
    ("status --size", "usage", "unknown option '--size' for 'bpg status'", "Did you mean '--sizes'?"),
    ("branch delete app/x --casade", "usage", "unknown option '--casade' for 'bpg branch delete'", "Did you mean '--cascade'?"),
    ("db delete app --forse=1", "usage", "unknown option '--forse' for 'bpg db delete'", "Did you mean '--force'?"),
    ("init --strage btrfs", "usage", "unknown option '--strage' for 'bpg init'", "Did you mean '--storage'?"),
    ("status --outptu json", "usage", "unknown option '--outptu'", "Did you mean '--output'?"),
    ("status --zzz", "usage", "unknown option '--zzz' for 'bpg status'", "'bpg status --help' shows how."),
    ("db create app shop", "usage", "'bpg db create' has no place for 'shop'", "'bpg db create --help'"),
    ("status app", "usage", "'bpg status' has no place for 'app'", "'bpg status --help'"),
    ("cleanup app", "usage", "'bpg cleanup' has no place for 'app'", "'bpg cleanup --help'"),
    ("db create", "usage", "name is required", "'bpg db create --help'"),
    ("db get", "usage", "name is required", "'bpg db get --help'"),
    ("db rename app", "usage", "new is required", "'bpg db rename --help'"),
    ("db delete", "usage", "name is required", "'bpg db delete --help'"),
    ("db undelete", "usage", "name is required", "'bpg db undelete --help'"),
    ("branch create", "usage", "subject is required", "'bpg branch create --help'"),
    ("branch get", "usage", "subject is required", "'bpg branch get --help'"),
    ("branch rename app/dev", "usage", "name is required", "'bpg branch rename --help'"),
    ("branch reset", "usage", "subject is required", "'bpg branch reset --help'"),
    ("branch sync", "usage", "subject is required", "'bpg branch reset --help'"),
    ("branch undo", "usage", "subject is required", "'bpg branch undo --help'"),
    ("branch delete", "usage", "subject is required", "'bpg branch delete --help'"),
    ("branch undelete", "usage", "subject is required", "'bpg branch undelete --help'"),
    ("snapshot create", "usage", "subject is required", "'bpg snapshot create --help'"),
    ("snapshot get", "usage", "snapshot is required", "'bpg snapshot get --help'"),
    ("snapshot delete", "usage", "snapshot is required", "'bpg snapshot delete --help'"),
    ("info", "usage", "name a branch", ".bpg.yaml"),
    ("url", "usage", "name a branch", ".bpg.yaml"),
    ("connect", "usage", "subject is required", "'bpg connect --help'"),
    ("logs", "usage", "name a branch", ".bpg.yaml"),
    ("start", "usage", "name a branch, or say --all", "'bpg status' lists the branches"),
    ("stop", "usage", "name a branch, or say --all", "'bpg status' lists the branches"),
    ("restart", "usage", "name a branch, or say --all", "'bpg status' lists the branches"),
    ("snapshot cleanup --keep 1", "usage", "name a branch, or say --all", "'bpg status' lists the branches"),
    ("snapshot cleanup app", "usage", "say which may go", "--keep N, --older-than AGE"),
    ("snapshot cleanup app --older-than soon", "usage", "'soon' is not an age", "30d"),
    ("snapshot cleanup app --keep some", "usage", "some", "'bpg snapshot cleanup --help'"),
    ("snapshot cleanup app --keep -1", "usage", "--keep", "'bpg snapshot cleanup --help'"),
    ("snapshot cleanup app --all --keep 1", "usage", "--all", "'bpg snapshot cleanup --help'"),
    ("start app --all", "usage", "--all", "'bpg start --help'"),
    ("branch delete app/dev --cascade --reparent", "usage", "--reparent", "'bpg branch delete --help'"),
    ("logs app -n many", "usage", "many", "'bpg logs --help'"),
    ("logs app -n -1", "usage", "--lines", "'bpg logs --help'"),
    ("db create app --pg-version new", "usage", "new", "'bpg db create --help'"),
    ("init --storage zsf", "usage", "unknown storage 'zsf'", "Did you mean 'zfs'?"),
    ("init --storage floppy", "usage", "unknown storage 'floppy'", "auto, zfs, btrfs, reflink, copy"),
    ("init --size large", "usage", "'large' is not a size", "20G"),
    ("init --storage copy --pool tank", "usage", "a pool is of no use to copy", "Leave it out"),
    ("init --storage copy --size 20G", "usage", "a size is of use to a file-backed pool only", "Leave out --size"),
    ("init --storage btrfs --size 1M", "usage", "1.0 MB is too small for a pool", "Give at least"),
]
if os.environ.get(VARIABLES["zfs"]):
    LINES.append(("init --storage zfs --pool no-such-pool", "not_found", "there is no zfs pool or dataset 'no-such-pool'", "'zfs list'"))

# Of names, which are looked at before anything is opened, or right after.
NAMES = [
    ("db create App", "'App' is not a valid database name", "lower-case letters"),
    ("db create -- ''", "the database name is empty", "lower-case letters"),
    ("db create template0", "'template0' is a name of PostgreSQL's own", "another name"),
    (f"db create {'x' * 64}", "is longer than 63 bytes", "shorter"),
    ("db rename app My-App", "'My-App' is not a valid database name", "lower-case letters"),
    ("branch create app/", "the branch name is empty", "lower-case letters"),
    ("branch create app/a/b", "'a/b' is not a valid branch name", "lower-case letters"),
    ("branch create app/dev@s", "'app/dev@s' names a moment where a branch is wanted", "'@'"),
    ("branch create app/new --from app@", "no moment follows the '@' of 'app@'", "leave '@' out"),
    ("branch create app/new --from other/main", "'app/new' and 'other/main' are of different databases", "--from app/"),
    ("branch rename app/dev New", "'New' is not a valid branch name", "lower-case letters"),
    ("branch rename app/dev other/new", "'other/new' is not a valid branch name", "lower-case letters"),
    ("snapshot create app --label Über", "'Über' is not a valid label name", "lower-case letters"),
    ("snapshot create app --label snap_0123456789", "'snap_0123456789' has the form of a snapshot id", "another label"),
    ("snapshot get app", "'app' names no snapshot", "DB/BRANCH@LABEL"),
    ("snapshot delete app/dev", "'app/dev' names no snapshot", "DB/BRANCH@LABEL"),
]

NO_SUCH_MAJOR = {
    "native": ("postgres", "PostgreSQL 99 is not installed", "Installed: "),
    "docker": ("usage", "has PostgreSQL 15, not 99", "--image postgres:99"),
}[RUNTIME]

# With a database app (main, dev, dev's child, the snapshot app@s) and a database other.
STATE = [
    ("db get ap", "not_found", "there is no database 'ap'", "Did you mean 'app'?"),
    ("db get nothing-like-it", "not_found", "there is no database 'nothing-like-it'", "'bpg db list'"),
    ("db delete ap", "not_found", "there is no database 'ap'", "Did you mean 'app'?"),
    ("db rename ap shop", "not_found", "there is no database 'ap'", "Did you mean 'app'?"),
    ("db create app", "already_exists", "database 'app' exists already", "'bpg db list'"),
    ("db rename app other", "already_exists", "database 'other' exists already", "'bpg db list'"),
    ("db undelete app", "already_exists", "database 'app' exists", "'bpg db rename app NEW'"),
    ("db undelete never", "not_found", "no deleted database 'never' is kept", "'bpg cleanup --dry-run'"),
    ("db delete app", "has_children", "database 'app' has branches besides main: ", "--force"),
    ("db create more --pg-version 99", *NO_SUCH_MAJOR),
    ("branch list ap", "not_found", "there is no database 'ap'", "Did you mean 'app'?"),
    ("branch create ap/new", "not_found", "there is no database 'ap'", "Did you mean 'app'?"),
    ("branch create app/dev", "already_exists", "branch 'app/dev' exists already", "'bpg branch reset app/dev'"),
    ("branch create app/main", "already_exists", "branch 'app/main' exists already", "app/NAME"),
    ("branch create app", "already_exists", "branch 'app/main' exists already", "app/NAME"),
    ("branch create app/new --from app/dve", "not_found", "there is no branch 'app/dve'", "Did you mean 'app/dev'?"),
    ("branch create app/new --from app@t", "not_found", "app/main has no snapshot 't'", "'bpg snapshot list app/main'"),
    ("branch create app/new --from app@Not", "usage", "'Not' is not a moment", "'bpg help moments'"),
    ("snapshot get app/main@Bad!", "not_found", "app/main has no snapshot 'Bad!'", "'bpg snapshot list app/main'"),
    ("branch create app/new --from app@bfore-v2", "not_found", "has no snapshot 'bfore-v2'", "Did you mean 'before-v2'?"),
    ("branch rename app/dve new", "not_found", "there is no branch 'app/dve'", "Did you mean 'app/dev'?"),
    ("branch rename app/dev child", "already_exists", "branch 'app/child' exists already", "another name"),
    ("branch rename app/main new", "refused", "app/main keeps its name", "'bpg db rename app NEW'"),
    ("branch reset app/dve", "not_found", "there is no branch 'app/dve'", "Did you mean 'app/dev'?"),
    ("branch reset app", "refused", "app/main has no parent to be reset to", "'bpg branch reset app/main --to SNAPSHOT'"),
    ("branch reset app/dev --to never", "not_found", "neither app/dev nor its parent app/main has a snapshot 'never'", "'bpg snapshot list"),
    ("branch undo app/dev", "not_found", "app/dev has never been reset", "'bpg branch reset'"),
    ("branch undo app/dve", "not_found", "there is no branch 'app/dve'", "Did you mean 'app/dev'?"),
    ("branch undo app/dev --to vol_0123456789", "not_found", "volume vol_0123456789 of app/dev is not kept", "'bpg info app/dev'"),
    ("branch delete app/dve", "not_found", "there is no branch 'app/dve'", "Did you mean 'app/dev'?"),
    ("branch delete app/dev", "has_children", "app/dev has children: app/child", "--reparent"),
    ("branch delete app/main", "refused", "app/main cannot be deleted by itself", "'bpg db delete app'"),
    ("branch delete app/main --cascade", "refused", "app/main cannot be deleted by itself", "'bpg db delete app'"),
    ("branch undelete app/dev", "already_exists", "branch 'app/dev' exists", "'bpg branch rename app/dev NAME'"),
    ("branch undelete app/never", "not_found", "no deleted branch 'app/never' is kept", "'bpg cleanup --dry-run'"),
    ("snapshot create app/dve", "not_found", "there is no branch 'app/dve'", "Did you mean 'app/dev'?"),
    ("snapshot create app --label before-v2", "already_exists", "app/main has a snapshot 'before-v2' already", "'bpg snapshot delete app/main@before-v2'"),
    ("snapshot list ap", "not_found", "there is no database 'ap'", "Did you mean 'app'?"),
    ("snapshot get app@bfore-v2", "not_found", "app/main has no snapshot 'bfore-v2'", "Did you mean 'before-v2'?"),
    ("snapshot get snap_0123456789", "not_found", "there is no snapshot 'snap_0123456789'", "'bpg snapshot list'"),
    ("snapshot delete app@never", "not_found", "app/main has no snapshot 'never'", "'bpg snapshot list app/main'"),
    ("snapshot cleanup app/dve --keep 1", "not_found", "there is no branch 'app/dve'", "Did you mean 'app/dev'?"),
    ("start app/dve", "not_found", "there is no branch 'app/dve'", "Did you mean 'app/dev'?"),
    ("start app/child app/dve", "not_found", "there is no branch 'app/dve'", "Did you mean 'app/dev'?"),
    ("stop app app/dve", "not_found", "there is no branch 'app/dve'", "Did you mean 'app/dev'?"),
    ("restart app app/dve", "not_found", "there is no branch 'app/dve'", "Did you mean 'app/dev'?"),
    ("info app/dve", "not_found", "there is no branch 'app/dve'", "Did you mean 'app/dev'?"),
    ("url app/dve", "not_found", "there is no branch 'app/dve'", "Did you mean 'app/dev'?"),
    ("connect app/dve", "not_found", "there is no branch 'app/dve'", "Did you mean 'app/dev'?"),
    ("connect app/child", "refused", "app/child is not running", "'bpg start app/child'"),
    ("logs app/dve", "not_found", "there is no branch 'app/dve'", "Did you mean 'app/dev'?"),
    ("logs app/child", "not_found", "app/child has no log: it has not been started", "'bpg start app/child'"),
    ("init --remove", "refused", "there are still databases, 'app' among them", "'bpg db delete NAME --force --now'"),
    ("init --storage zfs", "refused", "betterpg is already set up on ", "'bpg init --remove'"),
]

# The configuration; the line that is wrong; what is said.
CONFIGURATIONS = [
    ("native.usr: me", 1, "unknown key 'native.usr'", "Did you mean 'native.user'?"),
    ("# first\nports:\n  rnage: 1-2", 3, "unknown key 'ports.rnage'", "Did you mean 'ports.range'?"),
    ("colour: red", 1, "unknown key 'colour'", "'bpg config show' lists all keys."),
    ("ports.range: high", 1, "ports.range must be two ports between 1024 and 65535", "Correct"),
    ("ports.range: 2000-1500", 1, "ports.range must be two ports", "Correct"),
    ("ports.range: 80-90", 1, "ports.range must be two ports", "Correct"),
    ("native:\n  bin_dirs: /usr/bin", 2, "native.bin_dirs must be a list of directories", "Correct"),
    ("native.user: ''", 1, "native.user must be the name of an account", "Correct"),
    ("retention.deleted: later", 1, "retention.deleted must be a duration", "Correct"),
    ("storage.reserve: [1, 2]", 1, "storage.reserve must be a size", "Correct"),
    ("lock.wait: 3 hours", 1, "lock.wait must be a duration", "Correct"),
    ("just words", 1, "expected 'key: value' lines", "Correct"),
    ("- a\n- b", 1, "expected 'key: value' lines", "Correct"),
    ("a: [1", 1, "", "Correct"),
]

NEED_INIT = [
    "status", "db create app", "db list", "db get app", "db rename app b", "db delete app", "db undelete app", "branch create app/dev",
    "branch list", "branch get app", "branch rename app/dev b", "branch reset app/dev", "branch undo app/dev", "branch delete app/dev",
    "branch undelete app/dev", "snapshot create app", "snapshot list", "snapshot get app@s", "snapshot delete app@s",
    "snapshot cleanup --all --keep 1", "start app", "stop app", "restart --all", "info app", "url app", "connect app", "logs app",
    "cleanup", "init --remove",
]  # fmt: skip


def words_of(line):
    return ["" if word == "''" else word for word in line.split()]


def expect(bpg, line, code, message, hint):
    """The same in both forms: as JSON, and as plain lines without colours."""
    words = words_of(line)
    if "--" in words:  # what comes behind is no option
        words = [word for word in words if word != "--"]
    error = bpg.fails(STATUS[code], code, *words)
    assert message in error["message"], error
    assert error["hint"] and hint in error["hint"] and error["hint"][-1] in ".?…'", error
    plain = bpg.run(*words)
    assert (plain.status, plain.out) == (STATUS[code], "")
    assert plain.err == f"bpg: {error['message']}\nhint: {error['hint']}\n"


@pytest.fixture(scope="module")
def virgin():
    """A machine where `bpg init` has not been run."""
    bpg = Bpg("copy")
    yield bpg
    assert not bpg.home.exists()
    bpg.place.remove()
    shutil.rmtree(bpg.directory)


@pytest.fixture(scope="module")
def family(module_bpg):
    module_bpg.ok("branch", "create", "app/dev")
    module_bpg.ok("branch", "create", "app/child", "--from", "app/dev", "--no-start")
    module_bpg.ok("snapshot", "create", "app", "--label", "before-v2")
    module_bpg.ok("db", "create", "other")
    return module_bpg


@pytest.mark.parametrize("line, code, message, hint", LINES, ids=[row[0] or "nothing" for row in LINES])
def test_command_lines(virgin, line, code, message, hint):
    expect(virgin, line, code, message, hint)


@pytest.mark.parametrize("line", NEED_INIT)
def test_a_virgin_machine_is_told_to_run_init(virgin, line):
    expect(virgin, line, "not_initialised", f"betterpg has not been set up in {virgin.home}", "Run 'bpg init' first")


@pytest.mark.parametrize("text, line, message, hint", CONFIGURATIONS, ids=[row[0].replace("\n", " ") for row in CONFIGURATIONS])
def test_configurations(virgin, text, line, message, hint):
    with virgin.configured(text):
        expect(virgin, "status", "usage", f"{virgin.config}:{line}: {message}", hint)


def test_a_configuration_that_is_not_there(virgin):
    usual, virgin.config = virgin.config, virgin.directory / "none.yaml"
    try:
        expect(virgin, "status", "usage", f"there is no configuration file {virgin.config}", "--config")
    finally:
        virgin.config = usual


def test_an_unknown_output_format(virgin):
    for format, hint in (("jsno", "Did you mean 'json'?"), ("xml", "It is table or json.")):
        result = virgin.run("status", "-o", format)
        assert (result.status, result.out) == (2, "")
        assert result.err == f"bpg: unknown output format '{format}'\nhint: {hint}\n"


def test_a_home_with_too_long_a_name(virgin):
    error = virgin.fails(2, "usage", "status", BPG_HOME="/tmp/" + 80 * "x")
    assert "is too long" in error["message"] and "Choose a BPG_HOME" in error["hint"]


def test_names_and_state(family):
    """One test, because the picture of the whole home is compared once."""
    before = family.picture()
    for line, message, hint in NAMES:
        expect(family, line, "usage", message, hint)
    for line, code, message, hint in STATE:
        expect(family, line, code, message, hint)
    assert family.picture() == before
