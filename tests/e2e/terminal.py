"""A terminal that one can type into and look at: tmux."""

import pathlib
import shlex
import subprocess
import tempfile

from betterpg import eventually


class Terminal:
    """Runs one command in a terminal of this size. To be used in `with`."""

    def __init__(self, command, environment, columns=80, rows=50, cwd="/"):
        self.directory = tempfile.TemporaryDirectory(prefix="bpgt-tmux-", dir="/tmp")
        environment = {**environment, "TMUX_TMPDIR": self.directory.name, "LC_ALL": "C.UTF-8"}
        environment.pop("TMUX", None)
        environment.pop("COLUMNS", None)
        self.environment = environment
        self.ended = pathlib.Path(self.directory.name) / "status"
        # What it leaves on the screen stays there until it has been looked at. Ctrl-C is for the command alone.
        script = f"trap : INT; {shlex.join(command)}; echo $? >{self.ended}; exec sleep infinity"
        self.tmux("new-session", "-d", "-x", str(columns), "-y", str(rows), "-c", cwd, shlex.join(["bash", "-c", script]))

    def tmux(self, *arguments):
        words = ["tmux", "-u", "-f", "/dev/null", *arguments]
        return subprocess.run(words, env=self.environment, check=True, capture_output=True, text=True).stdout

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tmux("kill-server")
        self.directory.cleanup()

    def type(self, text):
        self.tmux("send-keys", "-l", "--", text)

    def press(self, *keys):
        self.tmux("send-keys", *keys)

    def screen(self, colours=False):
        """What is to be seen, without blanks at the ends of lines and empty lines at the end."""
        text = self.tmux("capture-pane", "-p", *(["-e"] if colours else []))
        return [line.rstrip() for line in text.rstrip().splitlines()]

    def wait_for(self, condition, words, seconds=60):
        """Waits until the screen is such that `condition(lines)`; the lines."""
        seen = []

        def is_so():
            seen[:] = self.screen()
            return condition(seen)

        try:
            eventually(is_so, words, seconds)
        except AssertionError as error:
            raise AssertionError(f"{words}; the screen is:\n" + "\n".join(seen)) from error
        return seen

    def status(self):
        """Waits for the end of the command; its exit status."""
        eventually(lambda: self.ended.exists() and self.ended.read_text().endswith("\n"), "the command does not end", 60)
        return int(self.ended.read_text())
