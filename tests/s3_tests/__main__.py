"""python3 tests/s3_tests [--fast] [-k REGEX] [--part PART] [--strict] --binary PATH

Runs ceph/s3-tests against gateways it starts, and holds the results against the lists in this folder. See
docs/s3-tests.md. With UPDATE=1 a whole run writes the lists and that page anew.
"""

import argparse
import os
import re
import shutil
import sys
import time
from pathlib import Path

import page
import selfcheck
from lab import Lab
from suite import Suite
from tiers import RULES, RUN, part_of
from verdict import Lists, Verdict, server_faults

ROOT = Path(__file__).resolve().parents[2]


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests/s3_tests/run", description="Runs ceph/s3-tests against the gateway.")
    parser.add_argument("--binary", type=Path, required=True, help="the obs-gateway to run")
    parser.add_argument("--folder", type=Path, default=ROOT / "target" / "s3-tests", help="where the suite is unpacked")
    parser.add_argument("--fast", action="store_true", help="those of passing.txt that are not in slow.txt")
    parser.add_argument("-k", metavar="REGEX", dest="match", help="those whose name this is found in")
    known = sorted({rule.part for rule in RULES})
    parser.add_argument("--part", action="append", choices=known, help="another part of the suite; nothing is compared")
    parser.add_argument("--strict", action="store_true", help="a test that passes and is not listed is an error")
    parser.add_argument("--jobs", type=int, default=min(os.cpu_count() or 1, 8), help="gateways, and tests at a time")
    return parser.parse_args()


def main() -> int:
    option = options()
    selfcheck.run()
    os.environ["OBS_GATEWAY_BIN"] = str(option.binary.resolve())
    suite = Suite(option.folder.resolve())
    suite.prepare()
    work = suite.folder / "last"  # of this run, and kept for whoever looks into it
    shutil.rmtree(work, ignore_errors=True)
    labs = [Lab(work / f"gw{number}") for number in range(option.jobs)]
    started = time.monotonic()
    try:
        parts = {test: part_of(test, markers) for test, markers in suite.collect(work, work).items()}
        lists = Lists.read()
        chosen = choose(option, lists, parts)
        if not chosen:
            sys.exit("s3-tests: no test has such a name")
        results = suite.run(work, work, chosen, option.jobs)
        faults = server_faults(sum((lab.answered() for lab in labs[1:]), start=labs[0].answered()))
    finally:
        left = [fault for lab in labs for fault in lab.close()]
    return conclude(option, lists, parts, chosen, results, faults + left, time.monotonic() - started)


def choose(option: argparse.Namespace, lists: Lists, parts: dict[str, str]) -> list[str]:
    wanted = option.part or RUN
    chosen = lists.fast() if option.fast else sorted(test for test, part in parts.items() if part in wanted)
    return [test for test in chosen if test in parts and (not option.match or re.search(option.match, test))]


def conclude(option, lists, parts, chosen, results, faults, seconds) -> int:
    """Tells what came out, and returns the exit code."""
    whole = not (option.fast or option.match or option.part)
    if whole and os.environ.get("UPDATE") == "1" and results.keys() == set(chosen):
        lists.take(results)
        page.write(lists, parts)
    if os.environ.get("UPDATE_DOCS") == "1":
        page.write(lists, parts)
    verdict = Verdict.of(lists, chosen, results)
    if option.part:
        tell(verdict.broken, results, lists)
        tell_faults(faults)
        print(
            f"s3-tests: {', '.join(option.part)}: {len(verdict.passed)} of {len(chosen)} passed, {len(faults)} faults"
        )
        return 1 if faults else 0
    tell(verdict.expected, results, lists, in_full=not whole)
    tell(verdict.broken, results, lists, in_full=True)
    for test in verdict.missing:
        print(f"DID NOT RUN: {test}")
    for test in verdict.news:
        print(f"******** PASSES, and is not in passing.txt: {test} ********")
    if not option.match:
        faults = [*faults, *lists.faults(parts), *page.faults(lists, parts)]
    tell_faults(faults)
    failed = verdict.broken or verdict.missing or faults or (option.strict and verdict.news)
    what = "fast subset" if option.fast else "whole" if whole else "chosen"
    extra = f", {len(faults)} FAULTS" if faults else ""
    print(f"s3-tests: {what}: {verdict.line()}{extra}, in {seconds:.0f} s: {'FAILED' if failed else 'passed'}")
    return 1 if failed else 0


def tell_faults(faults: list[str]):
    for fault in faults:
        print(f"FAULT: {fault}")


def tell(tests: list[str], results: dict[str, dict], lists: Lists, in_full: bool = False):
    for test in tests:
        result = results[test]
        if in_full and result["text"]:
            print(f"\n---- {test} ({result['phase']})\n{result['text']}")
        reason = lists.failing.get(test)
        print(f"{result['outcome']}: {test}: {result['why']}" + (f"  [{reason}]" if reason else ""))


if __name__ == "__main__":
    sys.exit(main())
