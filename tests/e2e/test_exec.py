"""A command with a branch of its own: it is told where, its streams and status are its own, and nothing is left."""

import concurrent.futures
import contextlib
import os
import pathlib
import pty
import re
import signal
import subprocess
import sys
import threading

import psycopg
import pytest

from betterpg import RUNTIME, alive, eventually

SQL = ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-c"]
# Tells its process id when it runs, and then has nothing to do.
WAITING = ["sh", "-c", "echo $$ $PGPORT $PGPASSFILE; exec sleep 31557600"]


def exec_sql(bpg, source, query, *options):
    return bpg.ok("exec", source, *options, "--", *SQL, query).out.strip()


def start(bpg, *arguments, **environment):
    """Starts bpg exec as a terminal's foreground job: in a group of its own, with Ctrl-C as it comes."""
    return subprocess.Popen(
        ["env", "--default-signal=INT,QUIT,HUP", *bpg.command("exec", *arguments)], env=bpg.environment(**environment), cwd="/",
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )


@contextlib.contextmanager
def bounded(process, seconds=300):
    """It does not outlive this, and a wait for what it says ends: whoever fails holds nobody up."""
    end = threading.Timer(seconds, process.kill)
    end.start()
    try:
        yield process
    finally:
        end.cancel()
        process.kill()
        process.communicate()


@contextlib.contextmanager
def running(bpg, *options, command=WAITING, **environment):
    """A bpg exec whose command waits, and what it told first: its process id, its port, its password file."""
    with bounded(start(bpg, "app", *options, "--", *command, **environment)) as process:
        words = process.stdout.readline().split()
        assert len(words) == 3, process.communicate()
        pid, port, passfile = words
        yield process, int(pid), int(port), pathlib.Path(passfile)


def nothing_is_left(bpg):
    assert set(bpg.branches()) == {"app/main"}
    bpg.assert_tidy()
    main = bpg.branch("app")["volume"]["id"]
    logs = {path.name.split(".")[0] for path in (bpg.home / "logs").iterdir()}
    # A container has its log with it, until that is saved from one that is removed.
    assert logs == {main} or (RUNTIME == "docker" and not logs)
    assert bpg.locks() <= bpg.locks_before
    assert not waiting_commands(bpg)
    assert bpg.json("status")["retained"] == []


def waiting_commands(bpg):
    """The commands of this home that wait."""
    found = []
    for directory in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if b"31557600" in (directory / "cmdline").read_bytes() and str(bpg.home).encode() in (directory / "environ").read_bytes():
                found.append(int(directory.name))
    return found


def test_the_command_has_a_copy_of_its_own(bpg):
    assert exec_sql(bpg, "app", "INSERT INTO t VALUES (4); SELECT count(*) FROM t") == "4"
    assert bpg.sql("app", "SELECT count(*) FROM t") == 3
    nothing_is_left(bpg)


def test_of_a_snapshot_and_of_a_branch(one_of_each):
    bpg = one_of_each
    bpg.ok("snapshot", "create", "app", "--label", "before")
    bpg.sql("app", "DELETE FROM t")
    bpg.ok("branch", "create", "app/dev", "--from", "app@before")
    bpg.sql("app/dev", "INSERT INTO t VALUES (4)")
    count = "SELECT count(*) FROM t"
    assert [exec_sql(bpg, source, count) for source in ("app", "app@before", "app/main@before", "app/dev")] == ["0", "3", "3", "4"]
    bpg.ok("branch", "delete", "app/dev", "--now")
    bpg.ok("snapshot", "delete", "app@before")


def test_fast(any_bpg):
    if any_bpg.atomic:
        assert exec_sql(any_bpg, "app", "SELECT count(*) FROM t", "--fast") == "3"
    else:
        any_bpg.fails(5, "refused", "-o", "json", "exec", "app", "--fast", "--", "true")


def test_the_environment_leads_to_the_branch_and_nowhere_else(any_bpg):
    script = 'psql -XAtc "$1"; psql -XAt "$DATABASE_URL" -c "$1"; env; stat -c "%a %F" "$PGPASSFILE"'
    query = "SELECT current_user, current_database(), inet_server_port(), current_setting('fsync')"
    misleading = {"PGPASSWORD": "wrong", "PGHOST": "/nowhere", "PGSERVICE": "none", "PGOPTIONS": "-c port=1", "PGSSLMODE": "require"}
    lines = any_bpg.ok("exec", "app", "--", "sh", "-c", script, "sh", query, **misleading).out.splitlines()
    env = dict(line.split("=", 1) for line in lines[2:-1] if "=" in line)
    assert lines[:2] == [f"owner|app|{env['PGPORT']}|off"] * 2
    assert (env["PGHOST"], env["PGUSER"], env["PGDATABASE"]) == ("127.0.0.1", "owner", "app")
    assert re.fullmatch(r"app/exec-\w{10}", env["BPG_EXEC"])
    assert not {"PGPASSWORD", "PGSERVICE", "PGOPTIONS", "PGSSLMODE"} & env.keys()
    assert lines[-1] == "600 regular file"
    assert not pathlib.Path(env["PGPASSFILE"]).exists()


def test_the_streams_are_the_commands_alone(any_bpg):
    result = subprocess.run(
        any_bpg.command("exec", "app", "--", "sh", "-c", "tr a-z A-Z; echo err >&2"), env=any_bpg.environment(),
        input=b"in\0\xff", capture_output=True, timeout=120,
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, b"IN\0\xff", b"err\n")


@pytest.mark.parametrize(
    "status, command",
    [(0, ["true"]), (7, ["sh", "-c", "exit 7"]), (143, ["sh", "-c", "kill -TERM $$"]), (137, ["sh", "-c", "kill -KILL $$"]),
     (127, ["no-such-command"]), (127, ["/no/such/command"]), (126, ["/etc/passwd"]), (126, ["/etc"])],
)
def test_the_status_is_the_commands(any_bpg, status, command):
    result = any_bpg.run("exec", "app", "--", *command)
    assert (result.status, result.out) == (status, "")
    assert bool(result.err) == (status in (126, 127)), result.err
    nothing_is_left(any_bpg)


def test_a_command_without_its_interpreter(any_bpg, tmp_path):
    script = tmp_path / "script"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    assert any_bpg.run("exec", "app", "--", script).status == 126
    nothing_is_left(any_bpg)


def test_words_of_the_command_are_not_ours(any_bpg):
    assert any_bpg.ok("exec", "app", "--", "echo", "status", "--keep", "-v", "--", "-o", "json").out == "status --keep -v -- -o json\n"


def test_wrong_use(any_bpg):
    any_bpg.fails(2, "usage", "exec")
    any_bpg.fails(2, "usage", "exec", "app")
    json = ["-o", "json", "exec"]
    any_bpg.fails(2, "usage", *json, "app", "--kep", "--", "true")
    any_bpg.fails(2, "usage", *json, "app/main/x", "--", "true")
    for nothing in ("nope", "app/nope", "app@nope"):
        any_bpg.fails(3, "not_found", *json, nothing, "--", "true")
    nothing_is_left(any_bpg)


def test_kept_it_is_an_ordinary_branch(one_of_each):
    bpg = one_of_each
    result = bpg.run("exec", "app", "--keep", "--", "sh", "-c", "psql -XAtqc 'INSERT INTO t VALUES (4)'; exit 3")
    assert (result.status, result.out) == (3, "")
    subject = result.err.strip()
    kept = bpg.branch(subject)
    assert (kept["status"], kept["ephemeral"], kept["parent"]) == ("running", False, "main")
    bpg.assert_tidy()
    assert bpg.sql(subject, "SELECT count(*) FROM t") == 4
    assert [bpg.sql(subject, f"SHOW {name}") for name in ("fsync", "synchronous_commit", "full_page_writes")] == ["on"] * 3
    bpg.kill_server(subject)
    bpg.ok("start", subject)
    assert bpg.sql(subject, "SELECT count(*) FROM t") == 4
    bpg.ok("branch", "delete", subject, "--now")
    nothing_is_left(bpg)


def test_while_it_runs_it_can_be_looked_at_but_not_changed(any_bpg):
    bpg = any_bpg
    bpg.ok("branch", "create", "app/dev")
    with running(bpg) as (process, pid, port, _):
        [subject] = [name for name in bpg.branches() if name.startswith("app/exec-")]
        branch = bpg.branch(subject)
        assert (branch["status"], branch["ephemeral"], branch["port"], branch["parent"]) == ("running", True, port, "main")
        assert "ephemeral" in bpg.ok("status").out
        assert bpg.sql(subject, "SELECT count(*) FROM t") == 3
        assert bpg.json("info", subject)["branch"]["ephemeral"]
        for command in (["branch", "delete", subject], ["branch", "reset", subject], ["branch", "rename", subject, "x"], ["stop", subject],
                        ["branch", "create", "app/x", "--from", subject], ["snapshot", "create", subject], ["branch", "protect", subject],
                        ["db", "delete", "app", "--force"]):
            assert "bpg exec" in bpg.fails(7, "busy", *command)["message"]
        os.killpg(process.pid, signal.SIGTERM)
        assert process.wait(60) == 128 + signal.SIGTERM
    bpg.ok("branch", "delete", "app/dev", "--now")
    nothing_is_left(bpg)


def test_its_parent_can_be_reset_but_not_deleted_meanwhile(bpg):
    bpg.ok("branch", "create", "app/dev")
    script = "trap 'psql -XAtqc \"SELECT count(*) FROM t\"; exit' USR1; echo $$ $PGPORT $PGPASSFILE; while :; do sleep 0.05; done"
    process = start(bpg, "app/dev", "--", "bash", "-c", script)
    process.stdout.readline()
    for options in ([], ["--cascade"]):
        assert "bpg exec" in bpg.fails(7, "busy", "branch", "delete", "app/dev", *options)["message"]
    bpg.ok("branch", "reset", "app/dev", "--now")
    process.send_signal(signal.SIGUSR1)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "3\n", "")
    bpg.ok("branch", "delete", "app/dev", "--now")
    nothing_is_left(bpg)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1])
def test_a_signal_is_passed_on(any_bpg, number):
    trap = f"trap 'echo trapped; exit 9' {number.name[3:]}; echo $$ $PGPORT $PGPASSFILE; while :; do sleep 0.05; done"
    with running(any_bpg, command=["bash", "-c", trap]) as (process, *_):
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out, err) == (9, "trapped\n", "")
    nothing_is_left(any_bpg)


def test_a_signal_of_a_script_is_passed_on(any_bpg):
    """Without job control a script is in the same process group as what it starts, and its `kill $!` means bpg alone."""
    trap = "trap 'echo trapped; exit 9' TERM; echo $$; while :; do sleep 0.05; done"
    with bounded(any_bpg.start("exec", "app", "--", "bash", "-c", trap), 60) as process:
        assert os.getpgid(process.pid) == os.getpgrp()
        process.stdout.readline()
        process.terminate()
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out, err) == (9, "trapped\n", "")
    nothing_is_left(any_bpg)


@pytest.mark.native("bpg in a PID namespace of its own: it does not see the processes of containers")
def test_a_signal_from_outside_of_a_container(any_bpg, pid_namespace):
    """bpg is its first process, as `docker stop` finds it. Servers outside of it are none of its business: app/main is stopped."""
    any_bpg.ok("stop", "app")
    trap = "trap 'echo trapped; exit 9' TERM; echo $$; while :; do sleep 0.05; done"
    process = subprocess.Popen(
        [*pid_namespace, *any_bpg.command("exec", "app", "--", "bash", "-c", trap)], env=any_bpg.environment(), cwd="/",
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )
    assert process.stdout.readline()
    children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (9, "trapped\n", "")
    any_bpg.ok("start", "app")
    nothing_is_left(any_bpg)


def test_ctrl_c_reaches_the_command_once(any_bpg):
    # A second one would come within half a second.
    script = "import os, signal\ndef count(*_):\n  print('once', flush=True)\n  signal.setitimer(0, 0.5)\n" \
             "signal.signal(14, lambda *_: exit(5))\nsignal.signal(2, count)\n" \
             "print(os.getpid(), os.environ['PGPORT'], 0, flush=True)\nwhile True: signal.pause()"
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        ["setsid", "--ctty", "--wait", "env", "--default-signal=INT", *any_bpg.command("exec", "app", "--", sys.executable, "-c", script)],
        env=any_bpg.environment(), stdin=terminal, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )
    os.close(terminal)
    process.stdout.readline()
    os.write(controller, b"\x03")
    out, _ = process.communicate(timeout=60)
    assert (out, process.returncode) == ("once\n", 5)
    os.close(controller)
    nothing_is_left(any_bpg)


def test_a_lost_terminal(any_bpg):
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        ["setsid", "--ctty", "--wait", "env", "--default-signal=HUP", *any_bpg.command("exec", "app", "--", *WAITING)],
        env=any_bpg.environment(), stdin=terminal, stdout=subprocess.PIPE, stderr=terminal, text=True,
    )
    os.close(terminal)
    pid = int(process.stdout.readline().split()[0])
    os.close(controller)
    process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGHUP
    assert not alive(pid)
    nothing_is_left(any_bpg)


def steps_of_making(bpg):
    """What bpg exec does before the command runs, which differs from storage to storage."""
    steps = bpg.steps("exec", "app", "--", "true")
    making = steps[:steps.index("run command")]
    assert {"store intent", "start server"} < set(making)
    return making


def test_ctrl_c_while_the_branch_is_made(any_bpg):
    for step in steps_of_making(any_bpg):
        with bounded(start(any_bpg, "app", "-v", "--", "echo", "ran")) as process:
            while step not in (line := process.stderr.readline()):
                assert line
            os.killpg(process.pid, signal.SIGINT)
            out, _ = process.communicate()
        # The command may have its Ctrl-C between its word and its end.
        assert (process.returncode, out) in [(130, ""), (130, "ran\n"), (0, "ran\n")], step
        nothing_is_left(any_bpg)


def test_killed_the_next_command_removes_it_and_the_command_is_ended(bpg):
    with running(bpg) as (process, pid, port, passfile):
        process.kill()
        process.wait()
        eventually(lambda: not alive(pid), "the command lives on")
        assert passfile.exists()
        assert bpg.ok("db", "list")
        assert not passfile.exists()
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(host="127.0.0.1", port=port, user="owner", dbname="app", password="x", connect_timeout=5)
    nothing_is_left(bpg)


def delete_kept(bpg):
    """Deletes what --keep has left, and tells what that was."""
    kept = [name for name in bpg.branches() if name != "app/main"]
    for subject in kept:
        bpg.ok("branch", "delete", subject, "--now")
    return kept


def test_every_step_that_fails_or_is_killed_leaves_nothing(any_bpg):
    bpg = any_bpg
    for options in ([], ["--keep"]):
        steps = bpg.steps("exec", "app", *options, "--", "true")
        delete_kept(bpg)
        for step in steps:
            for action in ("fail", "fail-after", "kill", "kill-after"):
                result = bpg.run("exec", "app", *options, "--", "true", BPG_FAULT=f"{step}:{action}")
                assert result.out == "", f"{step}:{action}"
                # What stops the server is the clean-up: the command has ended, and its status is told.
                assert result.status != 0 or (step, action) in (("stop server", "fail"), ("stop server", "fail-after")), f"{step}:{action}"
                for subject in delete_kept(bpg):
                    assert options and step in ("store result", "start server", "check endpoint"), f"{step}:{action} left {subject}"
                if (step, action) == ("store intent", "kill"):
                    bpg.locks_before = bpg.locks()  # who is killed before the row is stored leaves a lock file
                nothing_is_left(bpg)


def test_more_than_the_limit_wait_for_their_turn(new_bpg):
    bpg = new_bpg("btrfs", config="exec.max_running: 2\n")
    bpg.ok("db", "create", "app")
    with running(bpg) as (first, *_), running(bpg) as (second, *_):
        third = start(bpg, "app", "--", "echo", "third")
        tickets = bpg.home / "locks" / "exec"
        eventually(lambda: list(tickets.glob("ticket-*")), "nobody waits")
        fourth = start(bpg, "app", "--", "echo", "fourth")
        eventually(lambda: len(list(tickets.glob("ticket-*"))) == 2, "the second does not wait")
        assert len([name for name in bpg.branches() if "exec-" in name]) == 2
        assert bpg.ok("exec", "app", "--", "true", BPG_EXEC="app/outer").out == ""  # has its turn with the outer one
        fourth.send_signal(signal.SIGINT)
        assert fourth.wait(60) == 130
        third_again = start(bpg, "app", "--", "echo", "third again")
        third.kill()
        first.send_signal(signal.SIGTERM)
        assert third_again.communicate(timeout=60)[0] == "third again\n"
        for process in (third, fourth):
            process.communicate()
        second.send_signal(signal.SIGTERM)
        second.wait(60)
        first.wait(60)
    bpg.ok("exec", "app", "--", "true")
    nothing_is_left(bpg)


def test_a_wrong_limit(any_bpg):
    config = any_bpg.config.read_text()
    try:
        for value in ("0", "-1", "many", "1.5"):
            any_bpg.config.write_text(f"{config}exec.max_running: {value}\n")
            assert "exec.max_running" in any_bpg.fails(2, "usage", "db", "list")["message"]
    finally:
        any_bpg.config.write_text(config)


def end_well(bpg, number, _):
    expected = number % 3
    done = bpg.run("exec", "app", "--", "sh", "-c", f"psql -XAtqc 'INSERT INTO t VALUES ({number}); SELECT count(*) FROM t'; exit {expected}")
    assert (done.status, done.out) == (expected, "4\n"), done.err


def end_by_kill(bpg, number, steps):
    if number % 2:
        done = bpg.run("exec", "app", "--", "true", BPG_FAULT=f"{steps[number % len(steps)]}:kill")
        assert done.status == -signal.SIGKILL
        return
    with running(bpg) as (process, *_):
        process.kill()
        assert process.wait(60) == -signal.SIGKILL


def end_by_ctrl_c(bpg, number, steps):
    if number % 2:
        with bounded(start(bpg, "app", "-v", "--", *WAITING)) as process:
            while steps[number % len(steps)] not in (line := process.stderr.readline()):
                assert line
            os.killpg(process.pid, signal.SIGINT)
            process.communicate(timeout=120)
            assert process.returncode == 130
        return
    with running(bpg) as (process, *_):
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=120)
        assert process.returncode == 130


def test_very_many_from_eight_workers_leave_nothing(any_bpg):
    number_of_them = 60 if RUNTIME == "docker" else 200  # containers take their time
    ends = [end_by_kill if n % 10 == 3 else end_by_ctrl_c if n % 10 == 7 else end_well for n in range(number_of_them)]
    assert ends.count(end_by_kill) == ends.count(end_by_ctrl_c) == number_of_them // 10
    # Who is killed before the row is stored leaves a lock file.
    steps = [step for step in steps_of_making(any_bpg) if step != "store intent"]
    with concurrent.futures.ThreadPoolExecutor(8) as workers:
        outcomes = [workers.submit(end, any_bpg, number // 10 if end is not end_well else number, steps) for number, end in enumerate(ends)]
        try:
            for outcome in outcomes:
                outcome.result()
        finally:
            workers.shutdown(cancel_futures=True)
    eventually(lambda: not waiting_commands(any_bpg), "commands live on")
    any_bpg.ok("status")
    nothing_is_left(any_bpg)
    assert any_bpg.sql("app", "SELECT count(*) FROM t") == 3
