"""Arguments in, verdicts out. Exit code 0 when every applicable rule holds, 1 when one does not, 2 for wrong usage."""

from __future__ import annotations

import argparse
import random
import sys
import time
from typing import Callable

from . import report
from .adapters import ADAPTERS, Adapter
from .lab import Lab
from .report import Finding
from .rules import RULES, Rule
from .verdict import Fail, NotApplicable, WrongUsage


def main() -> int:
    options = _parse(None)
    server, findings = _run_rules(options, _tell)
    if options.json:
        print(report.document(options.adapter, server, findings))
    else:
        print(report.table(findings), report.summary(findings), sep="\n\n")
    return 0 if report.passed(findings) else 1


def run(arguments: list[str]) -> list[Finding]:
    """A run with these arguments, for other programs; says nothing."""
    return _run_rules(_parse(arguments), lambda _: None)[1]


def _tell(rule: Rule):
    print(f"{rule.id}  {rule.sentence}", file=sys.stderr, flush=True)


def _run_rules(options: argparse.Namespace, tell: Callable[[Rule], None]) -> tuple[str, list[Finding]]:
    """The server's name for itself, and what was found."""
    adapter = options.made
    try:
        adapter.start()
        server = adapter.client().request("GET", "/").headers.get("server", "")
        findings = []
        for rule in RULES:
            if not options.rule or rule.id in options.rule:
                tell(rule)
                findings.append(_check(adapter, rule, options))
        return server, findings
    except WrongUsage as why:
        print(f"quota_conformance: {why}", file=sys.stderr)
        sys.exit(2)
    finally:
        adapter.stop()


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = _parser()
    options = parser.parse_args(arguments)
    options.deadline_at = time.monotonic() + options.deadline
    try:
        options.made = ADAPTERS[options.adapter](options)
    except ValueError as why:
        parser.error(str(why))
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="quota_conformance", description="Tells whether an S3 or OBS server's storage limits are limits."
    )
    parser.add_argument("--adapter", choices=sorted(ADAPTERS), required=True, help="which server this is")
    parser.add_argument("--endpoint", metavar="URL", help="where it is: http://host:port")
    parser.add_argument("--access-key", metavar="KEY", help="or QUOTA_ACCESS_KEY")
    parser.add_argument("--secret-key", metavar="SECRET", help="or QUOTA_SECRET_KEY, which other users cannot see")
    parser.add_argument("--signature", choices=("obs", "v2", "v4"), help="unless the adapter's own choice will do")
    parser.add_argument("--region", default="us-east-1", help="for V4 signatures (%(default)s)")
    parser.add_argument("--restart-command", metavar="COMMAND", help="kills the server (SIGKILL) and starts it")
    rules = [rule.id for rule in RULES]
    parser.add_argument("--rule", action="append", choices=rules, metavar="ID", help="only this rule; repeatable")
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--json", action="store_true", help="prints JSON in place of the table")
    parser.add_argument("--timeout", type=float, default=30, metavar="SECONDS", help="for one answer (%(default)s)")
    parser.add_argument("--deadline", type=float, default=900, metavar="SECONDS", help="for the run (%(default)s)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6), help="of the random walk")
    for name, adapter in ADAPTERS.items():
        adapter.add_options(parser.add_argument_group(f"adapter {name}"))
    return parser


def _check(adapter: Adapter, rule: Rule, options: argparse.Namespace) -> Finding:
    lab = Lab(adapter, options.quick, options.seed)
    started = time.monotonic()
    verdict, reason = report.PASS, ""
    try:
        rule.check(lab)
        if lab.overshoot_worst:
            raise Fail("usage was above the limit")
    except NotApplicable as why:
        verdict, reason = report.NOT_APPLICABLE, str(why)
    except Fail as why:
        verdict, reason = report.FAIL, str(why)
    except Exception as why:  # a rule without a verdict must not look like one that holds
        verdict, reason = report.FAIL, f"could not be carried out: {why or type(why).__name__}"
    finally:
        lab.clean()
    seconds = time.monotonic() - started
    return Finding(
        rule.id,
        rule.sentence,
        verdict,
        reason,
        lab.notes,
        lab.samples,
        lab.overshoot_worst,
        lab.overshoot_final,
        seconds,
    )
