"""Databases that begin with something: extensions, another database, a dump."""

import gzip
import lzma
import os
import pathlib
import signal
import subprocess

import psycopg
import pytest

from betterpg import eventually, installed

# What dumps of production hold: roles that are nowhere else, extensions, large objects, triggers, policies, strange data.
PRODUCTION = r"""
CREATE ROLE prod_user; CREATE ROLE "App RO"; CREATE ROLE tenant;
CREATE EXTENSION pg_trgm; CREATE EXTENSION adminpack; COMMENT ON EXTENSION pg_trgm IS 'trigrams';
CREATE SCHEMA sales AUTHORIZATION prod_user;
SET ROLE prod_user;
CREATE TABLE sales.customer (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL);
CREATE TABLE sales.orders (id bigserial PRIMARY KEY, customer bigint REFERENCES sales.customer, note text, changes int DEFAULT 0);
INSERT INTO sales.customer (name) SELECT 'customer ' || n FROM generate_series(1, 10) n;
INSERT INTO sales.orders (customer, note) SELECT 1 + n % 10, E'\\.\n\\.;\ttab '' $$ "' || n FROM generate_series(1, 5000) n;
CREATE INDEX ON sales.orders (customer);
CREATE FUNCTION sales.count_change() RETURNS trigger LANGUAGE plpgsql AS $f$
BEGIN
-- ALTER TABLE x OWNER TO y;
NEW.changes := OLD.changes + 1; RETURN NEW;
END $f$;
CREATE FUNCTION sales.sign(a int) RETURNS text BEGIN ATOMIC SELECT CASE WHEN a > 0 THEN ';' ELSE '-' END; END;
CREATE TRIGGER t BEFORE UPDATE ON sales.orders FOR EACH ROW EXECUTE FUNCTION sales.count_change();
CREATE MATERIALIZED VIEW sales.totals AS SELECT customer, count(*) FROM sales.orders GROUP BY 1;
GRANT USAGE ON SCHEMA sales TO "App RO"; GRANT SELECT ON sales.orders TO "App RO";
ALTER DEFAULT PRIVILEGES IN SCHEMA sales GRANT SELECT ON TABLES TO "App RO";
ALTER TABLE sales.orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON sales.orders TO tenant USING (customer = 1);
COMMENT ON POLICY own ON sales.orders IS 'a policy';
RESET ROLE;
CREATE TABLE public.of_superuser (id serial PRIMARY KEY);
CREATE FUNCTION public.on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$;
CREATE EVENT TRIGGER audit ON ddl_command_end EXECUTE FUNCTION public.on_ddl();
COMMENT ON EVENT TRIGGER audit IS 'an event trigger';
CREATE PUBLICATION everything FOR ALL TABLES;
SELECT lo_from_bytea(4711, 'a large object');
"""

# One line that tells whether everything came along, and to whom it belongs.
PICTURE = """
SELECT concat_ws(' ', (SELECT count(*) FROM sales.orders), (SELECT md5(string_agg(note, '' ORDER BY id)) FROM sales.orders),
  (SELECT sum(count) FROM sales.totals), (SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal), sales.sign(1),
  (SELECT string_agg(conname, ',' ORDER BY conname) FROM pg_constraint WHERE connamespace = 'sales'::regnamespace),
  convert_from(lo_get(4711), 'UTF8'), (SELECT polroles::regrole[] FROM pg_policy), (SELECT evtname FROM pg_event_trigger),
  obj_description((SELECT oid FROM pg_extension WHERE extname = 'pg_trgm'), 'pg_extension'),
  has_table_privilege('App RO', 'sales.orders', 'SELECT'), (SELECT count(*) FROM pg_default_acl), (SELECT last_value FROM sales.orders_id_seq))
"""
OWNERS = """
SELECT string_agg(DISTINCT owner::regrole::text, ',') FROM (
  SELECT relowner FROM pg_class WHERE relnamespace IN ('sales'::regnamespace, 'public'::regnamespace)
  UNION SELECT nspowner FROM pg_namespace WHERE nspname = 'sales'
  UNION SELECT proowner FROM pg_proc WHERE oid IN ('public.on_ddl'::regproc, 'sales.sign'::regproc)
  UNION SELECT lomowner FROM pg_largeobject_metadata) AS belongs (owner)
"""


def pg_dump(bpg, subject, *arguments):
    url = f"host={bpg.home}/run/{bpg.branch(subject)['volume']['id']} port={bpg.branch(subject)['port']} user=postgres"
    database = bpg.json("db", "get", subject)["pg_database"]
    return subprocess.run([installed() / "pg_dump", *arguments, f"{url} dbname={database}"], check=True, capture_output=True).stdout


@pytest.fixture
def production(any_bpg):
    subprocess.run(
        any_bpg.command("connect", "app", "--superuser", "--", "-qX", "-v", "ON_ERROR_STOP=1"), env=any_bpg.environment(),
        input=PRODUCTION, text=True, check=True, capture_output=True,
    )
    return any_bpg


def load_from_stdin(bpg, data, *arguments):
    return subprocess.run(
        bpg.command("db", "create", "loaded", "--from-dump", "-", *arguments), env=bpg.environment(), input=data, capture_output=True, timeout=120,
    )


def compressed_by(program):
    return lambda data: subprocess.run([program, "-c"], input=data, check=True, capture_output=True).stdout


one_more = pytest.mark.native("one more kind of dump: bpg reads it, wherever servers run")
FORMS = [
    ("plain", "file"), ("custom", "file"), ("directory", "file"), ("xz", "stdin"),
    *(pytest.param(*words.rsplit(" ", 1), marks=one_more)
      for words in ("tar file", "gzip file", "zstd file", "xz file", "tar stdin", "custom in gzip stdin")),
]


@pytest.mark.parametrize("form, way", FORMS)
def test_a_dump_of_production_comes_in_whole(production, tmp_path, form, way):
    picture = production.superuser("app", PICTURE)
    dump = tmp_path / "dump"
    if form == "directory":
        pg_dump(production, "app", "-Fd", "-f", str(dump))
    else:
        data = pg_dump(production, "app", {"custom": "-Fc", "custom in gzip": "-Fc", "tar": "-Ft"}.get(form, "-Fp"))
        compress = {"gzip": gzip.compress, "custom in gzip": gzip.compress, "xz": lzma.compress, "zstd": compressed_by("zstd")}
        dump.write_bytes(compress.get(form, bytes)(data))
    if way == "file":
        production.ok("db", "create", "loaded", "--from-dump", dump)
    else:
        assert load_from_stdin(production, dump.read_bytes()).returncode == 0
    assert production.superuser("loaded", PICTURE) == picture
    assert production.superuser("loaded", OWNERS) == "owner"
    assert production.superuser("loaded", "SELECT rolname FROM pg_roles WHERE rolname = 'betterpg_load'") == ""
    assert production.superuser("loaded", "SELECT bool_or(rolcanlogin OR rolsuper) FROM pg_roles WHERE rolname IN ('App RO', 'tenant')") == "f"
    # The owner works with it, has the roles, and has not become a superuser by an extension.
    production.sql("loaded", "UPDATE sales.orders SET note = 'x' WHERE id = 1")
    assert production.sql("loaded", "SELECT changes FROM sales.orders WHERE id = 1") == 1
    production.sql("loaded", 'DROP OWNED BY "App RO"; DROP ROLE "App RO"')
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        production.sql("loaded", "SELECT pg_file_write('/tmp/never', 'x', false)")
    # The planner knows it, the loader's settings are gone, and nothing else is left in the volume.
    assert production.superuser("loaded", "SELECT count(*) > 0 FROM pg_stats WHERE schemaname = 'sales'") == "t"
    assert production.superuser("loaded", "SELECT current_setting('fsync') || current_setting('autovacuum')") == "onon"
    assert not (production.volume("loaded") / "load").exists()


BAD = {
    "syntax": (b"CREATE TABLE a (n int);\n\nINSERT INTO a VALUES (1);\nSELEC 1;", 6, "postgres", "line 4 of the dump"),
    "data": (b"CREATE TABLE a (n int);\nCOPY a FROM stdin;\n1\nx\n\\.\n", 6, "postgres", "line 4 of the dump"),
    "no end of data": (b"CREATE TABLE a (n int);\nCOPY a FROM stdin;\n1\n2", 1, "failure", "the script ends in the data"),
    "no end of a string": (b"SELECT 'a", 1, "failure", "the script ends inside a string"),
    "no commit": (b"BEGIN;\nCREATE TABLE a (n int);", 1, "failure", "ends inside a transaction"),
    "a program": (b"SELECT 1;\n\\! touch /tmp/bpg-never\n", 5, "refused", r"a command of psql's: \!"),
    "a cluster": (b"CREATE ROLE a;\n\\connect b\n", 5, "refused", "connects to another database"),
    "extension": (b"CREATE EXTENSION vector;", 6, "postgres", 'extension "vector" is not available'),
    "broken gzip": (gzip.compress(b"SELECT 1;" * 1000)[:-9], 1, "failure", "the gzip data ends too early"),
    "broken archive": (b"PGDMP and nothing of it", 1, "failure", "pg_restore"),
    "binary": (b"\0\1\2\3", 2, "usage", "is not a dump"),
    "nothing": (b"", 2, "usage", "is empty"),
}
ALSO_IN_CONTAINERS = ("syntax", "no commit", "extension", "broken archive")


@pytest.mark.parametrize("name", [name if name in ALSO_IN_CONTAINERS else pytest.param(name, marks=one_more) for name in BAD])
def test_a_bad_dump_leaves_nothing(any_bpg, tmp_path, name):
    data, status, code, words = BAD[name]
    before = any_bpg.picture()
    dump = tmp_path / "dump"
    dump.write_bytes(data)
    error = any_bpg.fails(status, code, "db", "create", "loaded", "--from-dump", dump)
    assert words in error["message"]
    if name == "extension":
        assert "postgresql-" in error["hint"] and "pgvector" in error["hint"]
    assert any_bpg.picture() == before
    assert not pathlib.Path("/tmp/bpg-never").exists()
    any_bpg.assert_tidy()


def test_an_archive_that_fails_in_the_middle_leaves_nothing(production, tmp_path):
    dump = tmp_path / "dump"
    dump.write_bytes(pg_dump(production, "app", "-Fc"))
    before = production.picture()
    with open(dump, "r+b") as file:
        file.truncate(dump.stat().st_size * 2 // 3)
    production.fails(1, "failure", "db", "create", "loaded", "--from-dump", dump)
    for step in ("load dump", "load privileges", "hand over", "analyze", "store result"):
        dump.write_bytes(pg_dump(production, "app", "-Fc"))
        production.fails(1, "failure", "db", "create", "loaded", "--from-dump", dump, BPG_FAULT=f"{step}:fail")
    assert production.picture() == before
    production.assert_tidy()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_load_that_is_ended_leaves_nothing(any_bpg, how):
    before = any_bpg.picture()
    reader, writer = os.pipe()
    loading = subprocess.Popen(
        any_bpg.command("db", "create", "loaded", "--from-dump", "-"), env=any_bpg.environment(), stdin=reader,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )
    os.close(reader)
    os.write(writer, b"CREATE TABLE a (n int);\nCOPY a FROM stdin;\n" + b"1\n" * 1000)  # enough to tell what it is
    eventually(lambda: any_bpg.picture()["servers"] == before["servers"] + 1, "the server does not start", 60)
    os.write(writer, b"2\n")
    loading.send_signal(how)
    _, err = loading.communicate(timeout=60)
    os.close(writer)
    assert loading.returncode == (-how if how == signal.SIGKILL else 130), err
    assert any_bpg.picture() == before
    any_bpg.assert_tidy()


@pytest.mark.parametrize("form", ["plain", "custom"])
def test_settings_do_not_keep_a_dump_out(any_bpg, tmp_path, form):
    bpg = any_bpg
    file = tmp_path / "dump"
    file.write_bytes(pg_dump(bpg, "app", f"--format={form}"))
    bpg.ok("db", "create", "other", "--from-dump", str(file), "--set", "default_transaction_read_only=on", "--set", "statement_timeout=1ms")
    count = bpg.ok("connect", "other", "--superuser", "--", "-XAtc", "SELECT count(*) FROM t", PGOPTIONS="-c statement_timeout=0")
    assert count.out.strip() == "3"


def test_a_terminal_sees_how_far_a_load_is(any_bpg):
    data, feed = os.pipe()
    terminal, theirs = os.openpty()
    loading = subprocess.Popen(
        any_bpg.command("db", "create", "loaded", "--from-dump", "-"), env=any_bpg.environment(), stdin=data,
        stdout=subprocess.DEVNULL, stderr=theirs,
    )
    os.close(data)
    os.close(theirs)
    os.write(feed, b"CREATE TABLE a (n int);\nCOPY a FROM stdin;\n" + b"1\n" * 5000)
    seen = b""
    while b"load dump: " not in seen or b"B/s" not in seen:  # ends with an error (EIO) where bpg ends before
        seen += os.read(terminal, 4096)
    os.write(feed, b"\\.\n")
    os.close(feed)
    assert loading.wait(60) == 0
    os.close(terminal)
    assert any_bpg.sql("loaded", "SELECT count(*) FROM a") == 5000


def test_a_dump_runs_as_whoever_wrote_it_meant(any_bpg):
    """Inside a transaction, with roles that are missing; with settings that only newer servers have."""
    script = b"""\\restrict abc
SET transaction_timeout = 0;
BEGIN;
CREATE TABLE a (n int);
ALTER TABLE a OWNER TO postgres;
GRANT SELECT ON a TO one, "Two";
COMMIT;
CREATE SCHEMA three AUTHORIZATION three;
ALTER SCHEMA three OWNER TO nobody_knows;
SET standard_conforming_strings = off;
INSERT INTO a VALUES (length('\\';'));
\\unrestrict abc
"""
    assert load_from_stdin(any_bpg, script).returncode == 0
    assert any_bpg.sql("loaded", "SELECT n FROM a") == 2
    assert any_bpg.superuser("loaded", "SELECT string_agg(rolname, ' ' ORDER BY oid) FROM pg_roles WHERE rolname IN ('one', 'Two', 'three', 'nobody_knows')") == "one Two three"
    assert any_bpg.superuser("loaded", "SELECT tableowner FROM pg_tables WHERE tablename = 'a'") == "owner"
    assert any_bpg.superuser("loaded", "SELECT nspowner::regrole FROM pg_namespace WHERE nspname = 'three'") == "owner"


def test_wrong_use_of_dumps(any_bpg, tmp_path):
    any_bpg.fails(3, "not_found", "db", "create", "loaded", "--from-dump", tmp_path / "none")
    any_bpg.fails(3, "not_found", "db", "create", "loaded", "--from-dump", "")
    any_bpg.fails(2, "usage", "db", "create", "loaded", "--from-dump", tmp_path)
    any_bpg.fails(2, "usage", "db", "create", "loaded", "--from-dump", "-", "--template", "app")
    (tmp_path / "dump").write_text("SELECT 1;")
    any_bpg.fails(4, "already_exists", "db", "create", "app", "--from-dump", tmp_path / "dump")


def test_extensions_are_there_from_the_beginning(any_bpg, tmp_path):
    (tmp_path / "dump.sql").write_text("CREATE TABLE a (n citext);")
    any_bpg.ok("db", "create", "loaded", "--extension", "citext", "--extension", "earthdistance", "--extension", "hstore=1.8",
               "--from-dump", tmp_path / "dump.sql")
    extensions = any_bpg.sql("loaded", "SELECT string_agg(extname, ' ' ORDER BY extname) FROM pg_extension")
    assert extensions == "citext cube earthdistance hstore plpgsql"  # cube is what earthdistance needs
    any_bpg.ok("branch", "create", "loaded/a")
    assert any_bpg.sql("loaded/a", "SELECT 'A'::citext = 'a'") is True


def test_wrong_extensions(any_bpg):
    before = any_bpg.picture()

    def hint(*arguments):
        return any_bpg.fails(*arguments[:2], "db", "create", "loaded", *[word for name in arguments[2:] for word in ("--extension", name)])["hint"]

    assert hint(3, "not_found", "citex") == "Did you mean 'citext'?"
    assert "apt-get install postgresql-15-pgvector" in hint(3, "not_found", "citext", "vector")
    assert "1.8" in hint(3, "not_found", "hstore=99")
    assert "shared_preload_libraries=pg_stat_statements" in hint(5, "refused", "pg_stat_statements")
    hint(2, "usage", "=1")
    hint(2, "usage", "hstore=")
    assert any_bpg.picture() == before
    any_bpg.assert_tidy()


def test_a_database_is_cut_from_another(bpg):
    """On every storage: equal at first, then on their own, and either may go first."""
    bpg.ok("branch", "create", "app/dev")
    bpg.sql("app/dev", "INSERT INTO t VALUES (4)")
    bpg.ok("snapshot", "create", "app/dev", "--label", "four")
    bpg.sql("app/dev", "INSERT INTO t VALUES (5)")
    branch = bpg.json("db", "create", "new", "--template", "app/dev")
    assert (branch["subject"], branch["parent"], branch["status"]) == ("new/main", None, "running")
    bpg.ok("db", "create", "old", "--template", "app/dev@four")
    bpg.ok("db", "create", "third", "--template", "new", "--extension", "citext")

    def count(subject):
        return bpg.sql(subject, "SELECT count(*) FROM t")

    assert [count(subject) for subject in ("app", "app/dev", "new", "old", "third")] == [3, 5, 5, 4, 5]
    for name in ("new", "old", "third"):
        assert bpg.json("db", "get", name)["pg_database"] == name
        assert bpg.sql(name, "SELECT current_database()") == name
    passwords = {bpg.ok("url", name).out.split(":")[2].split("@")[0] for name in ("app", "app/dev", "new", "old", "third")}
    assert len(passwords) == 5
    bpg.sql("new", "INSERT INTO t VALUES (6)")
    assert [count(subject) for subject in ("app/dev", "new", "third")] == [5, 6, 5]
    # A branch of its own, and the source goes for good while what was cut from it runs.
    bpg.ok("branch", "create", "new/dev")
    bpg.ok("db", "delete", "app", "--force", "--now")
    bpg.ok("db", "delete", "new", "--force")
    bpg.ok("cleanup", "--now")
    bpg.ok("restart", "old", "third")
    assert (count("old"), count("third")) == (4, 5)
    bpg.ok("branch", "create", "third/again")
    bpg.ok("snapshot", "create", "old", "--label", "s")
    bpg.assert_tidy()
    assert len(bpg.json("db", "list")) == 2


def test_what_was_cut_goes_before_its_source(bpg):
    bpg.ok("snapshot", "create", "app", "--label", "three")
    bpg.ok("db", "create", "a", "--template", "app@three")
    bpg.ok("db", "create", "b", "--template", "app")
    deleted = bpg.json("snapshot", "delete", "app@three")
    assert deleted["needed_by"] == ["a/main"]
    bpg.ok("db", "delete", "b", "--now")
    bpg.ok("db", "delete", "a")
    bpg.ok("cleanup", BPG_CLOCK_OFFSET="100000")
    assert bpg.sql("app", "SELECT count(*) FROM t") == 3
    bpg.assert_tidy()
    volumes, snapshots = bpg.stored()
    assert (len(volumes), len(snapshots)) == (1, 1), "what is left is app, and the base of its recovery"


def test_a_source_that_was_deleted_is_kept_and_comes_back(bpg):
    bpg.ok("db", "create", "new", "--template", "app")
    bpg.ok("db", "delete", "app")
    assert bpg.sql("new", "SELECT count(*) FROM t") == 3
    bpg.ok("db", "undelete", "app")
    assert bpg.sql("app", "SELECT count(*) FROM t") == 3
    bpg.ok("db", "delete", "new", "--now")
    assert bpg.sql("app", "SELECT count(*) FROM t") == 3


def test_every_step_of_cutting_can_fail(one_of_each):
    before = one_of_each.picture()
    steps = one_of_each.steps("db", "create", "new", "--template", "app")
    one_of_each.ok("db", "delete", "new", "--now")
    for step in steps[steps.index("store intent"):]:
        if step != "end purge":
            one_of_each.fails(1, "failure", "db", "create", "new", "--template", "app", BPG_FAULT=f"{step}:fail")
            assert one_of_each.picture() == before, step


def test_a_template_of_a_stopped_branch_and_of_names_that_are_taken(any_bpg):
    any_bpg.sql("app", "CREATE DATABASE taken")
    any_bpg.ok("stop", "app")
    any_bpg.ok("db", "create", "taken", "--template", "app")
    # The cluster has a database of that name: its own stays what it was called.
    assert any_bpg.json("db", "get", "taken")["pg_database"] == "app"
    assert any_bpg.sql("taken", "SELECT count(*) FROM t") == 3
    any_bpg.ok("db", "create", "free", "--template", "app")
    assert any_bpg.sql("free", "SELECT current_database()") == "free"


def test_wrong_templates(any_bpg):
    before = any_bpg.picture()
    any_bpg.fails(3, "not_found", "db", "create", "new", "--template", "ap")
    any_bpg.fails(3, "not_found", "db", "create", "new", "--template", "app/none")
    any_bpg.fails(3, "not_found", "db", "create", "new", "--template", "app@none")
    any_bpg.fails(2, "usage", "db", "create", "new", "--template", "")
    any_bpg.fails(4, "already_exists", "db", "create", "app", "--template", "app")
    any_bpg.fails(5, "refused", "db", "create", "new", "--template", "app", "--pg-version", "14")
    assert any_bpg.picture() == before
