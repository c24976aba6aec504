#!/usr/bin/python3
"""Adds up the reports of all suites: <suite>.status (exit status) and <suite>.xml (JUnit's format) in a directory.

Prints every skip with its reason, every failure by name, and as the last line "N passed, N failed, N skipped". Exits
with 1 where something failed."""

import argparse
import collections
import pathlib
import sys
import xml.etree.ElementTree as ElementTree


def outcome(case):
    """What became of one <testcase>, and the words about it."""
    for kind, tags in (("failed", ("failure", "error")), ("skipped", ("skipped",))):
        for tag in tags:
            found = case.find(tag)
            if found is not None:
                return kind, found.get("message") or (found.text or "").strip()
    # GoogleTest's disabled tests.
    if case.get("status") == "notrun":
        return "skipped", "disabled"
    return "passed", ""


def read_suite(status_file):
    """(outcome, name, words) of every test of a suite."""
    suite = status_file.stem
    status = int(status_file.read_text())
    results = []
    try:
        tree = ElementTree.parse(status_file.with_suffix(".xml"))
    except (FileNotFoundError, ElementTree.ParseError):
        return [("failed", suite, f"ended with status {status} and left no report")]
    for case in tree.iter("testcase"):
        kind, words = outcome(case)
        results.append((kind, f"{suite}: {case.get('classname')}.{case.get('name')}", words))
    if status != 0 and not any(kind == "failed" for kind, _, _ in results):
        results.append(("failed", suite, f"ended with status {status} though no test failed"))
    if not results:
        results.append(("failed", suite, "ran no test"))
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-skips", action="store_true", help="a skipped test fails the run")
    parser.add_argument("directory", type=pathlib.Path)
    arguments = parser.parse_args()

    results = [result for file in sorted(arguments.directory.glob("*.status")) for result in read_suite(file)]
    count = collections.Counter(kind for kind, _, _ in results)
    skipped = collections.defaultdict(list)
    for kind, name, words in results:
        if kind == "skipped":
            skipped[(words.splitlines() or ["no reason given"])[-1].strip()].append(name)
    for reason, names in skipped.items():
        print(f"skipped {len(names)}: {reason}")
        for name in names:
            print(f"    {name}")
    for kind, name, words in results:
        if kind == "failed":
            print(f"failed: {name}: {(words.splitlines() or [''])[0]}")
    if arguments.no_skips and skipped:
        print("skips count as a failure in this run")
    print(f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped")
    return 1 if count["failed"] or not count["passed"] or (arguments.no_skips and skipped) else 0


if __name__ == "__main__":
    sys.exit(main())
