"""What one client can see: exact fit, refusal, overwrite, delete, a lowered limit, and usage after every step."""

from __future__ import annotations

import random

from ..lab import KIB, Lab, together
from ..verdict import Fail

# Codes that clients retry, or that hide what is wrong.
_MISLEADING = ("", "AccessDenied", "Forbidden", "InternalError", "InvalidRequest", "ServiceUnavailable", "SlowDown")


def exact_fit(lab: Lab):
    first, second = lab.size(30_001), lab.size(69_999)
    lab.make_bucket(first + second)
    lab.accepted(lab.put("first", first), "an object that leaves room")
    lab.accepted(lab.put("second", second), "the object that fills the bucket to the byte")
    lab.holds(first + second, "filling the bucket")
    lab.accepted(lab.put("empty", 0), "an empty object in a full bucket")
    lab.make_bucket(first)
    lab.accepted(lab.put("only", first), "an object as large as the limit")
    lab.holds(first, "filling the second bucket")


def one_byte_over(lab: Lab):
    room = lab.size(5_000)
    lab.make_bucket(3 * room)
    lab.accepted(lab.put("first", 2 * room), "an object that leaves room")
    reply = lab.refused(lab.put("second", room + 1), "an object of one byte more than the room left")
    lab.holds(2 * room, "the refusal")
    if lab.request("HEAD", "second").ok:
        raise Fail("the refused object can be read")
    lab.refused(lab.put("third", 3 * room + 1), "an object larger than the limit")
    lab.accepted(lab.put("second", room), "an object of exactly the room left")
    lab.refused(lab.put("last", 1), "one byte in a full bucket")
    lab.note(str(reply))
    if reply.status != 403 or reply.code in _MISLEADING:
        raise Fail(f"the refusal is {reply}: not a 403 with a code of its own")
    if "retry-after" in reply.headers:
        raise Fail("the refusal has Retry-After, which makes clients try again")


def overwrite(lab: Lab):
    unit = lab.size(4_096)
    lab.make_bucket(10 * unit)
    lab.accepted(lab.put("object", 6 * unit), "an object")
    lab.accepted(lab.put("object", 8 * unit), "a larger object over it that fits by the difference")
    lab.holds(8 * unit, "growing the object")
    lab.accepted(lab.put("object", 10 * unit), "an object that fills the bucket, over it")
    lab.accepted(lab.put("object", 10 * unit), "the same again in a full bucket")
    lab.refused(lab.put("object", 10 * unit + 1), "one byte more over it")
    lab.holds(10 * unit, "the refusal")
    if len(lab.request("GET", "object").body) != 10 * unit:
        raise Fail("the refused overwrite changed the object")
    lab.accepted(lab.put("object", 3 * unit), "a smaller object over it")
    lab.holds(3 * unit, "shrinking the object")
    lab.accepted(lab.put("other", 7 * unit), "an object of what the shrinking freed")
    lab.holds(10 * unit, "filling the bucket")


def delete_frees(lab: Lab):
    unit = lab.size(20_000)
    clients = 8
    rounds = 5 if lab.quick else 20
    lab.make_bucket(clients * unit)
    for index in range(clients):
        lab.accepted(lab.put(f"object-{index}", unit), "filling the bucket")
    for turn in range(rounds):
        lab.refused(lab.put("extra", unit), "an object in a full bucket")
        lab.accepted(lab.delete("object-0"), "a delete")
        lab.accepted(lab.put("object-0", unit), f"an object of the size just freed (round {turn + 1})")

    def replace(index: int):
        def work(gate):
            gate.wait()
            for turn in range(rounds):
                lab.accepted(lab.delete(f"object-{index}"), "a delete")
                put = lab.put(f"object-{index}", unit)
                if not put.ok:
                    raise Fail(f"what a client's own delete freed was refused: {put}, round {turn + 1}")
            return put

        return work

    with lab.sampling():
        together(replace(index) for index in range(clients))
    lab.holds(clients * unit, "deletes and puts by 8 clients")


def lowered(lab: Lab):
    unit = lab.size(10_000)
    lab.make_bucket(4 * unit)
    for index in range(4):
        lab.accepted(lab.put(f"object-{index}", unit), "filling the bucket")
    lab.set_limit(2 * unit, strict=False)
    lab.holds(4 * unit, "lowering the limit")
    for index in range(4):
        if len(lab.request("GET", f"object-{index}").body) != unit:
            raise Fail("lowering the limit took an object away")
    lab.refused(lab.put("more", 1), "one more byte above the limit")
    lab.refused(lab.put("object-0", unit + 1), "a larger object over another, above the limit")
    lab.accepted(lab.put("object-0", unit // 2), "a smaller object over another, above the limit")
    lab.holds(3 * unit + unit // 2, "shrinking an object")
    for index in range(3):
        lab.accepted(lab.delete(f"object-{index}"), "a delete above the limit")
    lab.accepted(lab.put("more", unit), "an object, with usage below the limit again")
    lab.refused(lab.put("last", 1), "one byte in a full bucket")
    lab.holds(2 * unit, "filling the bucket to its lowered limit")


def read_your_writes(lab: Lab):
    steps = 40 if lab.quick else 150
    random_walk = random.Random(lab.seed)
    lab.make_bucket(lab.size(300 * KIB))
    refused = 0
    for step in range(steps):
        key = f"object-{random_walk.randrange(12)}"
        if random_walk.random() < 0.25:
            reply, what = lab.delete(key), f"step {step + 1}, a delete,"
        else:
            reply, what = lab.put(key, random_walk.randrange(100 * KIB)), f"step {step + 1}, a put,"
            refused += not reply.ok
        if not reply.ok and reply.status != 404:
            lab.refused(reply, what)
        lab.equals_listing(what)
    lab.note(f"{steps} steps, {refused} refused, seed {lab.seed}")


def no_limit(lab: Lab):
    unit = lab.size(1_000)
    clients = 32
    lab.make_bucket(None)
    answers = together(
        lambda gate, index=index: lab.put_held(f"/{lab.bucket}/object-{index}", unit, gate) for index in range(clients)
    )
    for answer in answers:
        lab.accepted(answer, "an object in a bucket without a limit")
    lab.holds(clients * unit, f"{clients} puts at once")
    lab.accepted(lab.put("object-0", 5 * unit), "an overwrite")
    lab.accepted(lab.delete("object-1"), "a delete")
    lab.equals_listing("an overwrite and a delete")
    total = (clients + 3) * unit
    lab.set_limit(total + unit)
    lab.accepted(lab.put("fits", unit), "an object that fits the limit just set")
    lab.refused(lab.put("too-much", unit), "an object in the bucket now full")
    lab.set_limit(None)
    lab.accepted(lab.put("too-much", unit), "an object after the limit was taken away")
    lab.holds(total + 2 * unit, "taking the limit away")
