"""A small server in memory whose limits are exact: it shows that every rule can be kept, and, made faulty on purpose,
that every rule notices. Speaks as much OBS as the rules do; checks no signatures.
"""

from __future__ import annotations

import threading
from http.server import ThreadingHTTPServer
from itertools import count
from typing import Optional

#: What can be wrong with the model, and the rule that must notice.
FAULTS = {
    "one-less-fits": "R01",
    "one-more-fits": "R02",
    "refuses-with-503": "R02",
    "refuses-with-access-denied": "R02",
    "checks-before-the-commit": "R03",
    "checks-large-bodies-before-the-commit": "R03b",
    "overwrite-is-not-credited": "R04",
    "old-versions-are-free": "R05",
    "delete-frees-late": "R06",
    "parts-are-free": "R07",
    "abort-frees-nothing": "R07",
    "parts-are-not-credited": "R07b",
    "copies-are-free": "R08",
    "appends-are-free": "R09",
    "chunked-bodies-are-free": "R10",
    "chunked-bodies-are-refused-at-their-end": "R10",
    "shrinking-is-refused": "R11",
    "asks-for-every-body": "R12",
    "old-size-is-read-early": "R13",
    "restart-miscounts": "R14",
    "restart-loses": "R14",
    "usage-is-stale": "R15",
    "accounts-have-no-limit": "R16",
    "numbers-have-no-limit": "R17",
    "unlimited-buckets-are-not-counted": "R18",
}


class Refusal(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, code: str):
        super().__init__(code)
        self.status, self.code = status, code


FULL = (403, "InsufficientStorageSpace")


class Version:
    def __init__(self, id: str, body: bytes):
        self.id, self.body = id, body


class Bucket:
    def __init__(self, account: str):
        self.account = account
        self.limit = self.object_limit = 0
        self.versioned = False
        #: Versions of each key, the current one last.
        self.objects: dict[str, list[Version]] = {}
        #: Bodies of each upload's parts, by number.
        self.uploads: dict[str, dict[int, bytes]] = {}
        #: What a fault adds to the sum.
        self.drift = 0

    def current(self, key: str) -> Optional[Version]:
        versions = self.objects.get(key, [])
        return versions[-1] if versions and versions[-1].body is not None else None

    def sizes(self) -> dict[str, int]:
        return {key: len(self.current(key).body) for key in sorted(self.objects) if self.current(key)}


class Model:
    """The state, and what changes it; the caller holds `lock`."""

    def __init__(self, fault: str = ""):
        if fault and fault not in FAULTS:
            raise ValueError(f"no such fault: {fault}")
        self.fault = fault
        self.lock = threading.Lock()
        self.buckets: dict[str, Bucket] = {}
        self.account_limits: dict[str, int] = {}
        #: Counts the restarts; a request of an earlier life changes nothing.
        self.life = 0
        self.ids = count(1)
        self._stale: dict[Bucket, int] = {}

    def used(self, bucket: Bucket) -> int:
        size = bucket.drift
        for versions in bucket.objects.values():
            bodies = [len(version.body) for version in versions if version.body is not None]
            size += sum(bodies[-1:] if self.fault == "old-versions-are-free" else bodies)
        if self.fault != "parts-are-free":
            size += sum(len(part) for parts in bucket.uploads.values() for part in parts.values())
        return size

    def shown(self, bucket: Bucket) -> int:
        """What the server says is used."""
        if self.fault == "unlimited-buckets-are-not-counted" and not bucket.limit:
            return 0
        used = self.used(bucket)
        if self.fault == "usage-is-stale":
            return self._stale.setdefault(bucket, used) if next(self.ids) % 4 else self._stale.pop(bucket, used)
        return used

    def check(self, bucket: Bucket, growth: int, objects: int = 0):
        """Raises where growth does not fit."""
        if self.fault == "shrinking-is-refused" and growth < 0 and bucket.limit and self.used(bucket) > bucket.limit:
            raise Refusal(*FULL)
        if objects > 0 and bucket.object_limit and len(bucket.sizes()) + objects > bucket.object_limit:
            if self.fault != "numbers-have-no-limit":
                raise Refusal(*FULL)
        if growth <= 0:
            return
        slack = {"one-less-fits": -1, "one-more-fits": 1}.get(self.fault, 0)
        if bucket.limit and self.used(bucket) + growth > bucket.limit + slack:
            if self.fault == "refuses-with-503":
                raise Refusal(503, "SlowDown")
            raise Refusal(*((403, "AccessDenied") if self.fault == "refuses-with-access-denied" else FULL))
        limit = self.account_limits.get(bucket.account)
        mine = sum(self.used(other) for other in self.buckets.values() if other.account == bucket.account)
        if limit and mine + growth > limit and self.fault != "accounts-have-no-limit":
            raise Refusal(*FULL)

    def put_growth(self, bucket: Bucket, key: str, size: int) -> tuple[int, int]:
        """In bytes and in objects."""
        old = bucket.current(key)
        if old is None or bucket.versioned or self.fault == "overwrite-is-not-credited":
            return size, int(old is None)
        return size - len(old.body), 0

    def put(self, bucket: Bucket, key: str, body: bytes) -> Version:
        version = Version(f"v{next(self.ids)}", body)
        kept = bucket.objects.get(key, []) if bucket.versioned else []
        bucket.objects[key] = [*kept, version]
        return version

    def delete(self, bucket: Bucket, key: str, version: str):
        if version:
            bucket.objects[key] = [kept for kept in bucket.objects.get(key, []) if kept.id != version]
        elif bucket.versioned:
            bucket.objects.setdefault(key, []).append(Version(f"v{next(self.ids)}", None))
        else:
            gone = bucket.objects.pop(key, [])
            if gone and self.fault == "delete-frees-late":
                size = len(gone[-1].body)
                bucket.drift += size
                threading.Timer(0.2, self._free, (bucket, size)).start()

    def _free(self, bucket: Bucket, size: int):
        with self.lock:
            bucket.drift -= size

    def restart(self):
        """A new life; what faults do to it."""
        self.life += 1
        for bucket in self.buckets.values():
            if self.fault == "restart-miscounts":
                bucket.drift += 1
            if self.fault == "restart-loses" and bucket.objects:
                bucket.objects.popitem()


def serve(model: Model) -> ThreadingHTTPServer:
    """Serves the model on a free port of the loopback address until `shutdown`."""
    from .model_http import Handler

    handler = type("ModelHandler", (Handler,), {"model": model, "life": model.life})
    server = _Server(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request, client_address):
        """Clients that go away are part of the play."""
