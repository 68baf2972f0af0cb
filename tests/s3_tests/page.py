"""The printed parts of docs/s3-tests.md: numbers, what is left out, and the tests that fail with their reasons."""

from collections import Counter
from pathlib import Path

from suite import COMMIT, COMMIT_DATE
from tiers import RULES, RUN, TIER_1

PASSING_PERCENT_MIN = 95  # of tier 1

PAGE = Path(__file__).resolve().parents[2] / "docs" / "s3-tests.md"


def percent(lists, parts: dict[str, str]) -> float:
    """How much of tier 1 passes."""
    tests = [test for test, part in parts.items() if part == TIER_1]
    return 100 * len(lists.passing.intersection(tests)) / len(tests)


def blocks(lists, parts: dict[str, str]) -> dict[str, str]:
    sizes = Counter(parts.values())
    passing = Counter(parts.get(test) for test in lists.passing)
    whys = {}
    for rule in RULES:
        whys[rule.part] = rule.why or whys.get(rule.part, "")
    head = f"Commit `{COMMIT}` of {COMMIT_DATE}: {sum(sizes.values())} tests. "
    numbers = [
        head + f"Of tier 1, {percent(lists, parts):.1f} % pass.",
        "",
        "| part | tests | pass | what it is |",
        "|---|---|---|---|",
        *(f"| {part} | {sizes[part]} | {passing[part]} | {whys[part]} |" for part in RUN),
    ]
    outside = [
        "| part | tests | what it is, and why it is not run |",
        "|---|---|---|",
        *(f"| {part} | {sizes[part]} | {why} |" for part, why in whys.items() if part not in RUN),
    ]
    reasons = {}
    for test, why in sorted(lists.failing.items()):
        reasons.setdefault(why, []).append(f"`{test.partition('::')[2]}`")
    failing = ["| test | why it fails |", "|---|---|"]
    failing += [f"| {'<br>'.join(tests)} | {why} |" for why, tests in sorted(reasons.items(), key=lambda pair: pair[1])]
    return {"numbers": "\n".join(numbers), "outside": "\n".join(outside), "failing": "\n".join(failing)}


def printed(lists, parts: dict[str, str]) -> str:
    """The page as it should be: each block between its mark and the next `<!-- end -->`."""
    text = PAGE.read_text()
    for name, block in blocks(lists, parts).items():
        before, mark, rest = text.partition(f"<!-- printed: {name} -->\n")
        _, end, after = rest.partition("<!-- end -->\n")
        assert mark and end, f"{PAGE.name} has no place for {name}"
        text = f"{before}{mark}{block}\n{end}{after}"
    return text


def faults(lists, parts: dict[str, str]) -> list[str]:
    """What the page should not say: anything but what the lists say, and too little."""
    found = []
    if printed(lists, parts) != PAGE.read_text():
        found.append("docs/s3-tests.md does not show what the lists say; UPDATE_DOCS=1 prints it anew")
    if percent(lists, parts) < PASSING_PERCENT_MIN:
        found.append(f"{percent(lists, parts):.1f} % of tier 1 pass, which is less than {PASSING_PERCENT_MIN} %")
    return found


def write(lists, parts: dict[str, str]):
    PAGE.write_text(printed(lists, parts))
