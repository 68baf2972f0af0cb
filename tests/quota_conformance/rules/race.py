"""Many clients, one limit. Every client holds back its last byte until all have come as far, so the requests overlap
whatever the server's or this machine's speed.
"""

from __future__ import annotations

from typing import Callable

from ..lab import CLIENTS, KIB, Lab, is_refusal, together
from ..verdict import Fail

#: Objects there is room for.
ROOM = 20


def _race(lab: Lab, puts: list[Callable], room: int) -> str:
    """All at once; exactly `room` of them are accepted. Returns what was wrong, so that a rule runs all its races and
    the worst overshoot is the worst of them."""
    with lab.sampling():
        answers = together(puts)
    accepted = sum(answer.ok for answer in answers)
    lab.note(f"{accepted} of {len(answers)}")
    for answer in answers:
        if not answer.ok and not is_refusal(answer):
            return f"{accepted} accepted where {room} fit, and a client was answered {answer}"
    return f"{accepted} objects were accepted where {room} fit" if accepted != room else ""


def _raise_worst(faults: list[str]):
    found = [fault for fault in faults if fault]
    if found:
        raise Fail(f"{max(found, key=lambda fault: int(fault.split()[0]))} ({len(found)} of {len(faults)} races)")


def _held(lab: Lab, size: int) -> list[Callable]:
    return [
        lambda gate, index=index: lab.put_held(f"/{lab.bucket}/object-{index}", size, gate) for index in range(CLIENTS)
    ]


def _at_once(lab: Lab, size: int) -> list[Callable]:
    def put(index: int):
        def work(gate):
            gate.wait()
            return lab.put(f"object-{index}", size)

        return work

    return [put(index) for index in range(CLIENTS)]


def _bodies(lab: Lab, size: int):
    faults = []
    for _ in range(1 if lab.quick else 3):
        for puts in (_at_once, _held):
            lab.make_bucket(ROOM * lab.size(size))
            faults.append(_race(lab, puts(lab, size), ROOM))
            lab.equals_listing("the race")
            lab.refused(lab.put("late", size), "an object after the race")
    _raise_worst(faults)


def small_bodies(lab: Lab):
    _bodies(lab, KIB)


def large_bodies(lab: Lab):
    _bodies(lab, 256 * KIB)


def retry_storm(lab: Lab):
    for size in (lab.size(KIB), lab.size(200 * KIB)):
        for objects in (1, 4):
            lab.make_bucket(objects * size)
            path = f"/{lab.bucket}/object"
            with lab.sampling():
                answers = together([lambda gate: lab.put_held(path, size, gate)] * 32)
            accepted = sum(answer.ok for answer in answers)
            for answer in answers:
                # While the first is under way its copies may count as growth of their own.
                if not answer.ok and answer.status != 409 and not is_refusal(answer):
                    raise Fail(f"a retry was answered {answer}")
            if accepted == 0:
                raise Fail(f"none of 32 equal PUTs was accepted where {objects} would have fitted")
            lab.holds(size, "32 equal PUTs at once")
            if len(lab.equals_listing("the storm")) != 1:
                raise Fail("the storm left more than one object")
            lab.note(f"{accepted} of 32 with room for {objects}")


def account_limit(lab: Lab):
    size = lab.size(16 * KIB)
    account, client = lab.make_account()
    buckets = [lab.make_bucket_of(client) for _ in range(3)]
    limit = ROOM * size
    lab.adapter.set_account_limit(account, limit)
    lab.watch(limit, lambda: lab.adapter.account_usage(account, buckets))

    def put(index: int):
        path = f"/{buckets[index % len(buckets)]}/object-{index}"
        return lambda gate: lab.put_held(path, size, gate, client)

    _raise_worst([_race(lab, [put(index) for index in range(CLIENTS)], ROOM)])
    lab.holds(limit, "the race over three buckets")
    late = client.request("PUT", f"/{buckets[0]}/late", body=b"x")
    lab.refused(late, "one byte in a full account")


def object_limit(lab: Lab):
    lab.make_bucket(None)
    lab.adapter.set_object_limit(lab.bucket, ROOM)
    _raise_worst([_race(lab, _held(lab, KIB), ROOM)])
    if len(lab.equals_listing("the race")) != ROOM:
        raise Fail("the listing has another number of objects than were accepted")
    lab.refused(lab.put("late", 1), "an object more than the limit allows")
