"""What a screen shows that differs between runs, replaced by what does not."""

import re

SIZES = "B|KB|MB|GB"
TIMES = "ms|s|min"
TITLE = re.compile(r"\b(AGE|UNIQUE|SHARED|SIZE)\b")
CELL = re.compile(rf"  ({TITLE.pattern}|-|[\d.]+ (?:{SIZES}|{TIMES}))$")


def without_number(match):
    return "N MB" if re.fullmatch(SIZES, match[1]) else "N s"


def numbers(text):
    return re.sub(rf"\b(?:[\d.]+ min )?[\d.]+ ({SIZES}|{TIMES})\b", without_number, text)


def even_columns(text):
    """Columns of sizes and times, of one width whatever they hold, so that the table remains one."""
    lines = text.splitlines()
    for top, title_line in enumerate(lines):
        if not title_line.startswith(("BRANCH", "WHAT")):
            continue
        for title in reversed(list(TITLE.finditer(title_line))):
            end = title.end()
            cells = []
            for line in lines[top:]:
                cell = CELL.search(line[:end])
                if not cell:
                    break
                cells.append(cell[1])
            begin = end - max(map(len, cells))
            for index, cell in enumerate(cells, top):
                lines[index] = lines[index][:begin] + numbers(cell).rjust(4 if title[1] == "AGE" else 6) + lines[index][end:]
    return "\n".join(lines)


class StandIns:
    """A thing that is seen again gets what it got before. `directories`: {path: what is shown for it}."""

    def __init__(self, directories):
        self.directories = directories
        self.given = {}

    def next(self, kind, word, first):
        """A number of as many digits as the word has letters."""
        known = self.given.setdefault(kind, {})
        return str(known.setdefault(word, first + len(known))).rjust(len(word), "0")

    def replace(self, text):
        for path, shown in self.directories.items():
            text = text.replace(path, shown)
        text = re.sub(r"\b(vol_|snap_|exec-)([0-9a-z]{10})\b", lambda match: match[1] + self.next(match[1], match[2], 1), text)
        text = re.sub(r"(running  |127\.0\.0\.1:)(\d{5})\b", lambda match: match[1] + self.next("port", match[2], 15432), text)
        text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "2026-11-02T09:30:00Z", text)
        text = re.sub(r"PostgreSQL \d+", "PostgreSQL 15", text)
        return numbers(even_columns(text))
