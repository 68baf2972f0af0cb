"""The rules in order. A rule is a function of a `Lab` that returns when the rule holds and raises when it does not."""

from __future__ import annotations

from typing import Callable, NamedTuple

from ..lab import Lab
from . import basic, body, crash, growth, race


class Rule(NamedTuple):
    id: str
    sentence: str
    check: Callable[[Lab], None]


RULES = [
    Rule("R01", "What fits exactly is accepted", basic.exact_fit),
    Rule("R02", "One byte more is refused with 403 and a code that says why and is not retried", basic.one_byte_over),
    Rule("R03", "Room for k small objects among 64 clients: exactly k are accepted", race.small_bodies),
    Rule("R03b", "The same with bodies of 256 KiB", race.large_bodies),
    Rule("R04", "An overwrite is charged the difference, and credited", basic.overwrite),
    Rule("R05", "Every version counts, and deleting one frees it", growth.versions),
    Rule("R06", "A delete frees its bytes before it is answered", basic.delete_frees),
    Rule("R07", "Parts count from their upload and are freed by abort; completing needs no further room", growth.parts),
    Rule("R07b", "A part uploaded again is charged the difference, and credited", growth.part_again),
    Rule("R08", "A server-side copy is charged in full", growth.copy),
    Rule("R09", "An append is charged what it appends", growth.append),
    Rule("R10", "A body of unknown length is cut off where it no longer fits", body.unknown_length),
    Rule("R11", "A limit set below usage keeps every object, refuses growth, lets objects shrink", basic.lowered),
    Rule("R12", "A client that waits for 100-continue is refused before it sends its body", body.refused_before_body),
    Rule("R13", "A PUT retried by 32 clients at once is charged once", race.retry_storm),
    Rule("R14", "After kill -9 under load usage equals the listing and the limit holds", crash.kill_and_restart),
    Rule("R15", "Usage equals the sum of the listed sizes after every step", basic.read_your_writes),
    Rule("R16", "A limit of the account holds over its buckets together", race.account_limit),
    Rule("R17", "Room for k objects by number among 64 clients: exactly k are accepted", race.object_limit),
    Rule("R18", "Usage is kept without a limit, so that one can be set at any time", basic.no_limit),
]
