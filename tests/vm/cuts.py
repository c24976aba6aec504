"""Where the power is cut: in which command, at which of its steps (BPG_FAULT), and which state it must be found in."""

import typing


class Cut(typing.NamedTuple):
    command: str
    fault: str
    outcome: str


CUTS = {
    "reset without a server": Cut("reset", "start server:stop", "old"),
    "restore with the other server": Cut("restore", "recover:stop-after", "old"),
    "restore as it has happened": Cut("restore", "store result:stop-after", "new"),
}
