"""Bodies whose length the server is not told, and refusals that spare the body."""

from __future__ import annotations

from ..lab import KIB, MIB, Lab, body_of
from ..verdict import Fail, NotApplicable

#: How long a server may take to notice that what it was sent no longer fits.
NOTICE_SECONDS = 15
_PIECE = 64 * KIB


def unknown_length(lab: Lab):
    limit = MIB
    lab.make_bucket(limit)
    fitting = lab.begin_put("object", None)
    _send(fitting, limit)
    fitting.send_chunk(b"")
    reply = fitting.read()
    if reply.status == 411 or reply.code == "MissingContentLength":
        raise NotApplicable(f"bodies of unknown length: the server answers {reply}")
    lab.supported(reply, "a body of unknown length that fits to the byte")
    lab.holds(limit, "filling the bucket")
    lab.accepted(lab.delete("object"), "a delete")

    growing = lab.begin_put("object", None)
    _send(growing, limit + _PIECE)
    # The body is above the limit and has not ended: a server that keeps watch answers now.
    noticed = growing.answered(NOTICE_SECONDS)
    if not noticed:
        _send(growing, MIB)
        growing.send_chunk(b"")
    reply = growing.read()
    lab.refused(reply, "a body of unknown length that outgrew the limit")
    lab.holds(0, "the refusal")
    if not noticed:
        raise Fail("refused, but only after the whole body had been sent")


def _send(exchange, size: int):
    piece = body_of(_PIECE)
    for start in range(0, size, _PIECE):
        exchange.send_chunk(piece[: size - start])


def refused_before_body(lab: Lab):
    unit = lab.size(100 * KIB)
    lab.make_bucket(2 * unit)
    reply, spared = _expecting(lab, "fits", unit)
    lab.accepted(reply, "an object that fits, sent with Expect: 100-continue")
    if spared:
        raise Fail("an object that fits was answered before its body")
    reply, spared = _expecting(lab, "too-much", unit + 1)
    lab.refused(reply, "an object that does not fit, sent with Expect: 100-continue")
    lab.holds(unit, "the refusal")
    if not spared:
        raise Fail("the server asked for the body with 100 Continue and refused it afterwards")


def _expecting(lab: Lab, key: str, size: int):
    """The answer, and whether it came without the body."""
    body = body_of(size)
    exchange = lab.begin_put(key, size, {"expect": "100-continue"}, body)
    # RFC 9110 lets a server answer nothing at first; clients then send the body after a while.
    if not exchange.answered(NOTICE_SECONDS):
        raise Fail("no answer to Expect: 100-continue")
    status, headers = exchange.status()
    if status != 100:
        return exchange.finish(status, headers), True
    exchange.send(body)
    return exchange.read(), False
