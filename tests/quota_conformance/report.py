"""What a run found, as a table that is Markdown too, and as JSON."""

from __future__ import annotations

import json
from typing import NamedTuple, Optional

PASS, FAIL, NOT_APPLICABLE = "pass", "FAIL", "n/a"


class Finding(NamedTuple):
    id: str
    sentence: str
    verdict: str
    reason: str
    notes: list[str]
    #: How often usage was read while clients raced.
    samples: int
    #: Bytes above the limit at the worst instant that was sampled, and at the end; None where nothing was sampled.
    overshoot_worst: Optional[int]
    overshoot_final: Optional[int]
    seconds: float


def table(findings: list[Finding]) -> str:
    head = ["rule", "what must hold", "verdict", "worst overshoot, bytes", "overshoot at the end, bytes", "seen"]
    rows = [head, ["---"] * 3 + ["---:"] * 2 + ["---"]]
    for finding in findings:
        samples = [f"{finding.samples} samples"] if finding.samples else []
        seen = finding.reason or "; ".join(finding.notes + samples)
        bytes_over = [_number(finding.overshoot_worst), _number(finding.overshoot_final)]
        rows.append([finding.id, finding.sentence, finding.verdict, *bytes_over, seen])
    widths = [max(len(row[column]) for row in rows[:1] + rows[2:]) for column in range(5)] + [0]
    return "\n".join("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in rows)


def _number(value: Optional[int]) -> str:
    return "–" if value is None else f"{value:,}"


def summary(findings: list[Finding]) -> str:
    verdicts = [finding.verdict for finding in findings]
    seconds = sum(finding.seconds for finding in findings)
    counts = [f"{verdicts.count(PASS)} passed", f"{verdicts.count(FAIL)} failed"]
    counts.append(f"{verdicts.count(NOT_APPLICABLE)} not applicable")
    return f"quota conformance: {', '.join(counts)}, in {seconds:.0f} s"


def passed(findings: list[Finding]) -> bool:
    """Every applicable rule holds, and at least one is applicable."""
    verdicts = [finding.verdict for finding in findings]
    return FAIL not in verdicts and PASS in verdicts


def document(adapter: str, server: str, findings: list[Finding]) -> str:
    rules = [
        {
            "id": finding.id,
            "rule": finding.sentence,
            "verdict": {PASS: "pass", FAIL: "fail", NOT_APPLICABLE: "not applicable"}[finding.verdict],
            "reason": finding.reason or None,
            "notes": finding.notes,
            "samples": finding.samples,
            "overshoot_bytes_worst": finding.overshoot_worst,
            "overshoot_bytes_final": finding.overshoot_final,
            "seconds": round(finding.seconds, 3),
        }
        for finding in findings
    ]
    whole = {"adapter": adapter, "server": server, "passed": passed(findings), "rules": rules}
    return json.dumps(whole, indent=2)
