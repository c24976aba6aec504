#include "bpg/cli/topics.hpp"

#include <fmt/format.h>

#include "bpg/cli/command_page.hpp"

namespace bpg::cli {

namespace {

constexpr const char* subjects = R"(Commands act on subjects:

  app              the database app; where a branch is wanted, its branch main
  app/fix-login    the branch fix-login of the database app

Names of databases, branches and snapshots consist of a-z, 0-9, '_' and '-',
begin with a letter or a digit, and have at most 63 characters. Ids say the same
and never change: db_…, br_…, vol_… and snap_…; -o json prints them.

A branch is a name with a server (port, password) that points at a volume, the
directory with the data. Reset and undo point it at another volume; the URL of
the branch stays the same. 'bpg info SUBJECT' shows all of it.
)";

constexpr const char* moments = R"(A moment is a state of a branch that can be gone back to. It is a snapshot:

  before-v2                 by its label
  snap_…                    by its id

or any other moment of the branch's history:

  2026-10-07T14:30:00Z      a time, with at most six digits of a fraction; the T
                            may be a blank, the seconds may be left out, and the
                            offset is Z, UTC or like +02:00
  2026-10-07 14:30          the same in the time zone of --timezone; without a
                            zone it is refused
  2026-10-07                midnight, when that day began
  yesterday 14:30           or today; midnight where no time is given
  '2 hours ago'             or '1 hour 30 minutes ago', -90s, -1d12h; the units
                            are us, ms, s, m (minutes), h, d (24 hours), w
  0/953F5508                a place in the write-ahead log (LSN)
  xid:1234                  a transaction
  @before-v2                a restore point: pg_create_restore_point('before-v2')
  now                       the present state

A snapshot comes first where its label is a time, too. A time zone is a name such
as Europe/Berlin, UTC, local (that of the machine) or an offset such as +02:00. A
time that its clocks show twice, or not at all, is refused.

Moments are said to 'bpg branch create --at', 'bpg branch reset --to' and
'bpg branch restore --at', and as SUBJECT@MOMENT: app/main@before-v2,
'app/main@2 hours ago', app/main@@before-v2 (a restore point).

'bpg snapshot create app/main --label before-v2' takes a snapshot, and 'bpg
snapshot list' shows what there is. 'bpg branch create app/old --from
app/main@before-v2' makes a branch of it; 'bpg branch reset app/main --to
before-v2' takes app/main itself back. A branch of a branch without a moment is
cut from its present state.

'bpg snapshot schedule app/main --keep hourly=24,daily=7' lets 'bpg snapshot
tick', run every hour, take them and delete them again.

What a branch held before a reset is kept, too: 'bpg branch undo' goes back to
it, also further back with --to VOLUME, until 'bpg cleanup' frees it.
)";

constexpr const char* storage = R"('bpg init' chooses how copies share what they have in common, and says why:

  zfs        snapshots and clones of a ZFS dataset
  btrfs      snapshots of Btrfs subvolumes; as root also in a file, where the
             machine has no such file system
  reflink    files that share their blocks (XFS, Btrfs)
  copy       full copies: works everywhere, and costs the whole size and time

A branch on the first three costs at first next to nothing, and then what it
changes. In tables, UNIQUE is what deleting the thing would free, and SHARED is
what others hold, too. Both are measured where that is quick, and everywhere with
--sizes; what was not measured is shown as '-'.

Nothing is freed by reset, undo and delete: the old volume is kept for the time of
retention.deleted (one day) and then until 'bpg cleanup'. --now frees at once.
)";

constexpr const char* consistency = R"(Every copy is a state that PostgreSQL recovers from by itself. How it was made is
its consistency, which 'bpg snapshot list' shows:

  checkpoint    of a running server, on zfs or btrfs: a checkpoint, then a
                snapshot of one moment; its clones recover quickly
  crash         the same without the checkpoint (--fast), or of a server that
                had been killed; its clones recover as after a power cut
  labelled      of a running server, on reflink or copy: made in backup mode,
                with the WAL that it needs
  clean         of a server that was stopped: nothing to recover

All of them hold what was committed before the copy began. Unlogged tables are
empty in copies of a running server: PostgreSQL does not recover them.
)";

constexpr const char* environment = R"(BPG_HOME        keep the configuration and all else below this directory
BPG_KEY_FILE    the key that encrypts passwords in the catalog, if not secret.key
NO_COLOR        if set: no colours
COLUMNS         the width of the terminal, if not what the terminal says
PATH            where, among other places, PostgreSQL's programs are looked for

Without BPG_HOME, root keeps the configuration in /etc/betterpg and all else in
/var/lib/betterpg; other users in $XDG_CONFIG_HOME/betterpg (~/.config) and
$XDG_DATA_HOME/betterpg (~/.local/share).
)";

std::string exit_status() {
  std::string text;
  for (const int status : all_exit_statuses()) {
    text += fmt::format("{:>5}    {}\n", status, meaning_of(status));
  }
  return text +
         "\nWith -o json an error is an object on standard error whose 'code' tells more.\n"
         "'bpg connect' ends with the exit status of psql.\n";
}

}  // namespace

const std::vector<Topic>& topics() {
  static const std::vector<Topic> all{{"subjects", "How databases and branches are named", subjects},
                                      {"moments", "Snapshots, times, and going back", moments},
                                      {"storage", "What copies share, and what they cost", storage},
                                      {"consistency", "What a copy of a running database holds", consistency},
                                      {"environment", "Variables and places", environment},
                                      {"exit-status", "What the exit status says", exit_status()}};
  return all;
}

}  // namespace bpg::cli
