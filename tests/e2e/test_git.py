"""A database branch follows the git branch: real repositories, real checkouts, the hook run by git itself."""

import json
import os
import pathlib
import re
import shutil
import stat
import subprocess

import pytest

of_git = pytest.mark.native("git's hook and the pin, wherever servers run")
HOOK = ".git/hooks/post-checkout"
OTHER_HOOK = "#!/bin/sh\necho \"other: $3\" >&2\nexit ${OTHER_STATUS:-0}\n"


class Repository:
    """A git repository in which bpg is used."""

    def __init__(self, bpg, directory):
        self.bpg = bpg
        self.directory = directory
        directory.mkdir()
        self.git("init", "--quiet", "--initial-branch", "main")
        self.git("config", "user.name", "t")
        self.git("config", "user.email", "t@example.org")
        (directory / "file").write_text("1\n")
        self.git("add", "file")
        self.git("commit", "--quiet", "--message", "first")

    def environment(self, **more):
        return self.bpg.environment(**{"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", **more})

    def git(self, *arguments, status=0, below=".", **environment):
        """Runs git, and gives what it and its hooks said on standard error."""
        result = subprocess.run(
            ["git", *arguments], cwd=self.directory / below, env=self.environment(**environment), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=120,
        )
        assert result.returncode == status, f"git {arguments}: {result.returncode}\n{result.stdout}{result.stderr}"
        return result.stderr

    def run(self, *arguments, below=".", **environment):
        return subprocess.run(
            self.bpg.command(*arguments), cwd=self.directory / below, env=self.environment(**environment),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
        )

    def ok(self, *arguments, **options):
        result = self.run(*arguments, **options)
        assert result.returncode == 0, f"bpg {arguments}: {result.returncode}\n{result.stdout}{result.stderr}"
        return result.stdout

    def json(self, *arguments, **options):
        return json.loads(self.ok(*arguments, "-o", "json", **options))

    def fails(self, status, code, *arguments, **options):
        result = self.run(*arguments, "-o", "json", **options)
        assert (result.returncode, result.stdout) == (status, ""), f"{arguments}: {result.returncode}\n{result.stdout}{result.stderr}"
        error = json.loads(result.stderr.strip().splitlines()[-1])["error"]
        assert error["code"] == code, error
        return error["message"] + " " + (error["hint"] or "")

    @property
    def hook(self):
        return self.directory / HOOK

    @property
    def pin(self):
        return self.directory / ".bpg.yaml"

    def write_hook(self, text=OTHER_HOOK):
        self.hook.parent.mkdir(exist_ok=True)
        self.hook.write_text(text)
        self.hook.chmod(0o751)

    def picture(self):
        """Hooks and pin, to the last bit."""
        hooks = {path.name: (path.read_bytes(), path.stat().st_mode) for path in self.hook.parent.iterdir()}
        return hooks, self.pin.read_bytes() if self.pin.exists() else None


@pytest.fixture
def repository(any_bpg, tmp_path):
    return Repository(any_bpg, tmp_path / "r")


@pytest.fixture
def followed(repository):
    """With the hook, and the database app pinned."""
    repository.ok("git", "install", "--database", "app")
    return repository


def test_the_branch_follows_git_checkout(followed):
    said = followed.git("checkout", "-b", "feature/login")
    assert re.search(r"^bpg: made app/feature--login from app/main in .*$", said, re.M)
    bpg = followed.bpg
    assert bpg.sql("app/feature--login", "SELECT count(*) FROM t") == 3
    bpg.sql("app/feature--login", "DELETE FROM t")
    assert "bpg: app/main is running\n" in followed.git("checkout", "main")
    assert bpg.sql("app", "SELECT count(*) FROM t") == 3
    bpg.ok("stop", "app/feature--login")
    assert "bpg: started app/feature--login\n" in followed.git("switch", "feature/login")
    assert bpg.sql("app/feature--login", "SELECT count(*) FROM t") == 0
    assert set(bpg.branches()) == {"app/main", "app/feature--login"}
    # Nothing is deleted by itself.
    followed.git("checkout", "main")
    followed.git("branch", "-D", "feature/login")
    assert set(bpg.branches()) == {"app/main", "app/feature--login"}


def test_what_is_no_checkout_of_a_branch_does_nothing(followed):
    (followed.directory / "file").write_text("2\n")
    followed.git("commit", "--quiet", "--all", "--message", "second")
    before = followed.bpg.picture()
    for arguments in (["--", "file"], ["HEAD~", "--", "file"]):
        assert "bpg" not in followed.git("checkout", *arguments)
    followed.git("checkout", "--quiet", "HEAD", "--", "file")
    assert "bpg" not in followed.git("checkout", "--quiet", "--detach", "HEAD~")
    assert followed.bpg.picture() == before
    status = followed.json("git", "status")
    assert (status["git_branch"], status["subject"], status["url"]) == (None, None, None)
    assert "no git branch is checked out" in followed.fails(5, "refused", "git", "sync")
    assert "no git branch is checked out" in followed.fails(2, "usage", "url")


def test_a_rebase_does_nothing(followed):
    followed.git("checkout", "--quiet", "-b", "topic")
    (followed.directory / "other").write_text("1\n")
    followed.git("add", "other")
    followed.git("commit", "--quiet", "--message", "topic")
    followed.git("checkout", "--quiet", "main")
    (followed.directory / "file").write_text("2\n")
    followed.git("commit", "--quiet", "--all", "--message", "second")
    followed.git("checkout", "--quiet", "topic")
    followed.bpg.ok("branch", "delete", "app/topic", "--now")
    before = followed.bpg.picture()
    assert "bpg" not in followed.git("rebase", "main")
    assert followed.bpg.picture() == before


def test_git_names_do_not_collide(followed):
    for name in ("a-b", "A-b", "a--b", "a.b"):
        followed.git("checkout", "--quiet", "-b", name)
        followed.bpg.sql(followed.json("git", "status")["subject"], f"CREATE TABLE marker AS SELECT '{name}' AS name")
    subjects = set()
    for name in ("a-b", "A-b", "a--b", "a.b"):
        followed.git("checkout", "--quiet", name)
        subject = followed.json("git", "status")["subject"]
        assert followed.bpg.sql(subject, "SELECT name FROM marker") == name
        subjects.add(subject)
    assert len(subjects) == 4


def test_the_parent_is_what_the_pin_says(repository):
    bpg = repository.bpg
    bpg.ok("snapshot", "create", "app", "--label", "three")
    bpg.sql("app", "INSERT INTO t VALUES (4)")
    repository.ok("git", "install", "--database", "app", "--parent", "main@three")
    repository.git("checkout", "--quiet", "-b", "old")
    assert bpg.sql("app/old", "SELECT count(*) FROM t") == 3
    repository.pin.write_text("database: app\nparent: develop\n")
    said = repository.git("checkout", "--quiet", "-b", "early")
    assert "bpg: the database branch does not follow: there is no branch 'app/develop'" in said
    # The parent itself comes from main.
    assert "made app/develop from app/main" in repository.git("checkout", "--quiet", "-b", "develop")
    assert "made app/late from app/develop" in repository.git("checkout", "--quiet", "-b", "late")


def test_the_followed_branch_is_told_to_programs(followed):
    bpg = followed.bpg
    followed.git("checkout", "--quiet", "-b", "dev")
    (followed.directory / "deep" / "er").mkdir(parents=True)
    for below in (".", "deep/er"):
        status = followed.json("git", "status", below=below)
        assert (status["git_branch"], status["subject"], status["status"]) == ("dev", "app/dev", "running")
        assert status["installed"] and status["hook"] == str(followed.hook) and status["pin"] == str(followed.pin)
        assert followed.ok("url", below=below) == bpg.ok("url", "app/dev").out
        assert followed.ok("env", below=below) == bpg.ok("env", "app/dev").out
    password = followed.json("url")["password"]
    shown = followed.ok("git", "status")
    assert status["url"] in shown and password not in shown and password not in json.dumps(status)
    assert status["url"].replace("@", f":{password}@") == bpg.ok("url", "app/dev").out.strip()
    assert followed.json("info")["branch"]["subject"] == "app/dev"
    assert followed.ok("logs", "-n", "1")
    bpg.ok("branch", "delete", "app/dev", "--now")
    assert "'bpg git sync' makes it" in followed.fails(3, "not_found", "env")
    status = followed.json("git", "status")
    assert (status["subject"], status["status"], status["url"]) == ("app/dev", None, None)
    assert followed.json("git", "sync")["subject"] == "app/dev"
    assert followed.ok("git", "sync") == "app/dev is running\n"
    # An empty word is not "no word".
    assert "empty" in followed.fails(2, "usage", "url", "")


def test_two_at_once_make_one_branch(followed):
    """As an editor's git and one's own do."""
    followed.git("symbolic-ref", "HEAD", "refs/heads/dev")
    words = followed.bpg.command("git", "sync", "-q")
    both = [subprocess.Popen(words, cwd=followed.directory, env=followed.environment(), stdout=subprocess.PIPE, text=True)
            for _ in range(2)]
    assert [(process.communicate(timeout=120)[0], process.returncode) for process in both] == [("app/dev\n", 0)] * 2
    followed.bpg.assert_tidy()


def test_a_pin_stands_for_the_database(followed):
    bpg = followed.bpg
    assert followed.json("branch", "create", "feature")["subject"] == "app/feature"
    assert followed.json("snapshot", "create", "feature", "--label", "x")["subject"] == "app/feature"
    assert followed.json("branch", "create", "other", "--from", "feature@x")["parent"] == "feature"
    assert followed.json("snapshot", "get", "feature@x")["branch"] == "feature"
    assert [one["label"] for one in followed.json("snapshot", "list", "feature")] == ["x"]
    assert followed.ok("connect", "feature", "--", "-XAtc", "SELECT count(*) FROM t") == "3\n"
    assert followed.ok("url", "app/feature") == followed.ok("url", "feature")
    assert [one["subject"] for one in followed.json("stop", "feature", "app/other")] == ["app/feature", "app/other"]
    followed.ok("branch", "rename", "feature", "renamed")
    followed.ok("branch", "reset", "renamed")
    followed.ok("snapshot", "delete", "renamed@x")
    followed.ok("branch", "delete", "other")
    assert set(bpg.branches()) == {"app/main", "app/renamed"}
    # Errors tell where the database comes from.
    said = followed.fails(3, "not_found", "url", "app")
    assert "no branch 'app/app'" in said and f"a branch of 'app' here, because {followed.pin} pins it; its own branch is 'main'" in said
    assert "pins" not in followed.fails(3, "not_found", "url", "app/nothing")
    # Elsewhere it does not hold.
    assert bpg.ok("url", "app").out == followed.ok("url", "main")


@of_git
def test_a_wrong_pin_is_refused_with_its_line(followed):
    followed.pin.write_text("database: app\nparnet: main\n")
    assert f"{followed.pin}:2: unknown key 'parnet' Did you mean 'parent'?" in followed.fails(2, "usage", "url", "x")
    followed.ok("url", "app/main")
    # Git goes on.
    said = followed.git("checkout", "-b", "next")
    assert f"bpg: the database branch does not follow: {followed.pin}:2: unknown key" in said


@of_git
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")
def test_a_pin_of_another_user_is_passed_over(followed):
    shutil.chown(followed.pin, "nobody")
    assert followed.ok("url", "app") == followed.ok("url", "app/main")
    assert f"{followed.pin} is passed over" in followed.fails(3, "not_found", "url", "feature")
    assert "belongs to another user" in followed.fails(5, "refused", "git", "install")


@of_git
def test_install_is_repeatable_and_uninstall_restores_exactly(repository):
    repository.write_hook()
    before = repository.picture()
    for _ in range(2):
        repository.ok("git", "install", "--database", "app")
        assert stat.S_IMODE(repository.hook.stat().st_mode) == 0o755
    said = repository.git("checkout", "-b", "one")
    assert "other: 1\n" in said and "bpg: made app/one" in said
    # The former hook decides whether the checkout seems to have failed.
    assert "bpg: made app/two" in repository.git("checkout", "-b", "two", status=1, OTHER_STATUS="7")
    assert repository.json("git", "uninstall")["outcome"] == "put_back"
    assert repository.picture() == before
    assert repository.json("git", "uninstall")["outcome"] == "not_there"
    assert repository.picture() == before
    assert "bpg" not in repository.git("checkout", "--quiet", "one")


@of_git
def test_uninstall_leaves_a_pin_that_is_not_only_bpgs(followed):
    followed.git("add", ".bpg.yaml")
    assert not followed.json("git", "uninstall")["removed_pin"]
    followed.git("rm", "--quiet", "--cached", ".bpg.yaml")
    followed.ok("git", "install")
    followed.pin.write_text(followed.pin.read_text() + "# mine\n")
    assert not followed.json("git", "uninstall")["removed_pin"]
    assert followed.pin.exists() and not followed.hook.exists()


@of_git
@pytest.mark.parametrize("step", ["write pin", "keep hook", "write hook"])
@pytest.mark.parametrize("action", ["fail", "fail-after", "kill", "kill-after"])
def test_install_interrupted_anywhere_leaves_git_working(repository, step, action):
    repository.write_hook()
    before = repository.picture()
    result = repository.run("git", "install", "--database", "app", BPG_FAULT=f"{step}:{action}")
    assert result.returncode != 0
    assert "other: 1\n" in repository.git("checkout", "--quiet", "-b", "x")
    if action.startswith("fail"):
        assert repository.picture() == before
    repository.ok("git", "install", "--database", "app")
    assert "other: 1\n" in repository.git("checkout", "--quiet", "main")
    repository.ok("git", "uninstall")
    assert repository.picture() == before


def test_the_hook_never_makes_a_checkout_fail(followed, tmp_path):
    bpg = followed.bpg
    # bpg has moved, and is not in PATH.
    ours = followed.hook.read_text()
    followed.hook.write_text(re.sub(r"bpg='.*'", "bpg='/nowhere/bpg'", ours))
    assert "bpg: not found in PATH" in followed.git("checkout", "-b", "a", PATH="/usr/bin:/bin")
    followed.hook.write_text(ours)
    # Not set up.
    assert "bpg: the database branch does not follow: betterpg has not been set up" in followed.git(
        "checkout", "-b", "b", BPG_HOME=str(tmp_path / "none")
    )
    # The making fails in the middle.
    assert "does not follow" in followed.git("checkout", "-b", "c", BPG_FAULT="start server:fail")
    followed.git("checkout", "-b", "d", BPG_FAULT="start server:kill")
    assert set(bpg.branches()) == {"app/main"}
    bpg.assert_tidy()
    # The next one mends what was left.
    assert "made app/e" in followed.git("checkout", "-b", "e")
    # The database is gone.
    bpg.ok("db", "delete", "app", "--force", "--now")
    assert "there is no database 'app'" in followed.git("checkout", "-b", "f")


@of_git
def test_install_refuses_what_cannot_be(repository, tmp_path):
    nowhere = tmp_path / "plain"
    nowhere.mkdir()
    before = repository.picture()
    for arguments in (["git", "install", "--database", "app"], ["git", "status"], ["git", "sync"], ["git", "uninstall"]):
        assert "there is no git work tree here" in repository.fails(3, "not_found", *arguments, below=nowhere)
    assert "say which database" in repository.fails(2, "usage", "git", "install")
    assert "pins a database" in repository.fails(3, "not_found", "git", "status")
    assert "pins a database" in repository.fails(3, "not_found", "git", "sync")
    assert "'apq'" in repository.fails(3, "not_found", "git", "install", "--database", "apq")
    assert "no branch 'app/x'" in repository.fails(3, "not_found", "git", "install", "--database", "app", "--parent", "x")
    assert "another database" in repository.fails(2, "usage", "git", "install", "--database", "app", "--parent", "shop/main")
    repository.fails(2, "usage", "git", "install", "--database", "App")
    repository.fails(6, "not_initialised", "git", "install", "--database", "app", BPG_HOME=str(tmp_path / "none"))
    repository.git("config", "core.hooksPath", "/dev/null")
    repository.fails(6, "environment", "git", "install", "--database", "app")
    repository.git("config", "--unset", "core.hooksPath")
    assert repository.picture() == before
    repository.ok("git", "install", "--database", "app")
    assert "has the parent 'app/main'" in repository.fails(5, "refused", "git", "install", "--parent", "app/other")
    assert "has the database 'app'" in repository.fails(5, "refused", "git", "install", "--database", "shop")


@of_git
def test_a_hook_of_somebody_else_in_our_place_is_not_touched(repository):
    repository.write_hook()
    repository.ok("git", "install", "--database", "app")
    repository.write_hook("#!/bin/sh\n# a third one\n")
    before = repository.picture()
    assert "is not bpg's hook" in repository.fails(5, "refused", "git", "install")
    assert "is not bpg's hook" in repository.fails(5, "refused", "git", "uninstall")
    assert repository.picture() == before


def test_git_worktrees_have_branches_of_their_own(followed, tmp_path):
    followed.git("add", ".bpg.yaml")
    followed.git("commit", "--quiet", "--message", "pin")
    tree = tmp_path / "tree"
    assert "bpg: made app/wt from app/main" in followed.git("worktree", "add", str(tree), "-b", "wt")
    status = followed.json("git", "status", below=tree)
    assert (status["subject"], status["work_tree"], status["installed"]) == ("app/wt", str(tree), True)
    assert followed.json("git", "status")["subject"] == "app/main"


@of_git
def test_hooks_where_git_looks_for_them(repository):
    repository.git("config", "core.hooksPath", "my hooks")
    (repository.directory / "deep").mkdir()
    repository.ok("git", "install", "--database", "app", below="deep")
    assert (repository.directory / "my hooks" / "post-checkout").exists()
    assert "bpg: made app/x" in repository.git("checkout", "-b", "x", below="deep")


def test_two_checkouts_at_once_make_one_branch(followed):
    followed.git("checkout", "--quiet", "-b", "x")
    followed.bpg.ok("branch", "delete", "app/x", "--now")
    syncs = [
        subprocess.Popen(
            followed.bpg.command("git", "sync"), cwd=followed.directory, env=followed.environment(),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(3)
    ]
    answers = [(*sync.communicate(timeout=120), sync.returncode) for sync in syncs]
    assert any(status == 0 for *_, status in answers)
    # Who comes while it is being made is told so.
    assert all(status in (0, 7) for *_, status in answers), answers
    assert set(followed.bpg.branches()) == {"app/main", "app/x"}
    assert pathlib.Path(followed.json("git", "status")["work_tree"]) == followed.directory
