"""The server dies while clients write, and comes back."""

from __future__ import annotations

import threading

from ..lab import KIB, Lab, is_refusal
from ..verdict import Fail

_WRITERS = 16
#: Objects a writer tries at most.
_TRIES_MAX = 400


class _Load:
    """Writers that go on until the server is gone."""

    def __init__(self, lab: Lab, size: int, enough: int):
        self.acknowledged: set[str] = set()
        self._lab, self._size, self._enough = lab, size, enough
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self._threads = [threading.Thread(target=self._write, args=(name,), daemon=True) for name in range(_WRITERS)]

    def start(self):
        for thread in self._threads:
            thread.start()
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.acknowledged) >= self._enough, timeout=60):
                raise Fail(f"only {len(self.acknowledged)} objects were accepted in 60 s")

    def join(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _write(self, name: int):
        for index in range(_TRIES_MAX):
            if self._stop.is_set():
                return
            key = f"object-{name}-{index}"
            try:
                reply = self._lab.put(key, self._size)
            except (OSError, ValueError):
                return  # the server is gone, as it should
            if reply.ok:
                with self._changed:
                    self.acknowledged.add(key)
                    self._changed.notify_all()
            elif is_refusal(reply):
                return


def kill_and_restart(lab: Lab):
    restart = lab.adapter.restarter()
    room = 160
    for size in (lab.size(KIB), lab.size(200 * KIB)) * (1 if lab.quick else 3):
        limit = room * size
        lab.make_bucket(limit)
        load = _Load(lab, size, enough=room // 4)
        load.start()
        restart()
        load.join()
        listed = _recovered(lab)
        lost = load.acknowledged - listed.keys()
        if lost:
            raise Fail(f"{len(lost)} acknowledged objects are gone")
        left = room - len(listed)
        for index in range(left):
            lab.accepted(lab.put(f"after-{index}", size), f"object {index + 1} of {left} that fit after the restart")
        lab.refused(lab.put("last", size), "an object in a full bucket, after the restart")
        lab.holds(limit, "filling the bucket after the restart")
        lab.note(f"killed at {len(load.acknowledged)} of {room}")


def _recovered(lab: Lab) -> dict[str, int]:
    """The listing, if usage equals it. Where it does not, the report says whether the server mends it by itself."""
    try:
        return lab.equals_listing("the restart")
    except Fail as first:
        try:
            lab.equals_listing("the restart")
        except Fail as second:
            raise Fail(f"{first}; at the second look {second}") from None
        raise Fail(f"{first}; equal at the second look") from None
