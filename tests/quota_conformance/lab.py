"""What a rule works with: fresh buckets, signed requests, the limit, usage, and the worst overshoot seen."""

from __future__ import annotations

import os
import secrets
import threading
from contextlib import contextmanager
from typing import Callable, Iterable, Optional
from urllib.parse import unquote

from .adapters.base import Adapter, Credentials, Usage
from .client import Client, Reply
from .verdict import Fail, NotApplicable, OutOfTime

KIB = 1024
MIB = 1024 * KIB
#: Clients of a race.
CLIENTS = 64

# Statuses by which servers refuse growth. Which of them is right is for R02 to say.
_REFUSALS = (400, 403, 413, 429, 507)
# Codes that speak of something else.
_OTHER_FAULTS = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "RequestTimeTooSkewed", "InvalidArgument", "BadDigest")

_bodies: dict[int, bytes] = {}


def body_of(size: int) -> bytes:
    """Random bytes, the same ones for a size."""
    if size not in _bodies:
        _bodies[size] = os.urandom(size)
    return _bodies[size]


def is_refusal(reply: Reply) -> bool:
    return reply.status in _REFUSALS and reply.code not in _OTHER_FAULTS


class Lab:
    """One rule's workplace. Everything it makes is removed by `clean`."""

    def __init__(self, adapter: Adapter, quick: bool, seed: int):
        self.adapter = adapter
        self.quick = quick
        self.seed = seed
        self.notes: list[str] = []
        #: Readings of usage during races.
        self.samples = 0
        self.overshoot_worst: Optional[int] = None
        self.overshoot_final: Optional[int] = None
        self.bucket = ""
        self._limit: Optional[int] = None
        self._buckets: list[tuple[Client, str]] = []
        self._accounts: list[Credentials] = []
        self._watched: Callable[[], Usage] = lambda: self.adapter.usage(self.bucket)

    # --- Set-up -------------------------------------------------------------------------------------------------

    def size(self, count: int) -> int:
        """`count`, rounded up to what this server counts in."""
        return -(-count // self.adapter.granule) * self.adapter.granule

    def make_bucket(self, limit: Optional[int] = None) -> str:
        """A fresh bucket, which becomes the one that requests go to."""
        self.bucket = self.make_bucket_of(self.adapter.client())
        self.overshoot_final = None
        self.set_limit(limit)
        return self.bucket

    def make_bucket_of(self, client: Client) -> str:
        bucket = "quota-" + secrets.token_hex(6)
        self.accepted(client.request("PUT", f"/{bucket}"), "making a bucket")
        self._buckets.append((client, bucket))
        return bucket

    def set_limit(self, limit: Optional[int], strict: bool = True):
        """Sets the bucket's limit. `strict`: from now on usage above it is overshoot."""
        self.adapter.set_limit(self.bucket, limit)
        self._limit = limit if strict else None

    def make_account(self) -> tuple[Credentials, Client]:
        account = self.adapter.make_account()
        self._accounts.append(account)
        return account, self.adapter.client(account)

    def watch(self, limit: int, read: Callable[[], Usage]):
        """Measures overshoot of another limit than the bucket's."""
        self._limit = limit
        self._watched = read

    def note(self, text: str):
        """A figure for the report."""
        self.notes.append(text)

    # --- Requests -----------------------------------------------------------------------------------------------

    def request(self, method: str, key: str = "", query=None, headers=None, body: bytes = b"") -> Reply:
        path = f"/{self.bucket}/{key}" if key else f"/{self.bucket}"
        return self.adapter.client().request(method, path, query, headers, body)

    def put(self, key: str, size: int) -> Reply:
        return self.request("PUT", key, body=body_of(size))

    def begin_put(self, key: str, length: Optional[int], headers=None, payload: Optional[bytes] = None):
        return self.adapter.client().begin("PUT", f"/{self.bucket}/{key}", None, headers, length, payload)

    def put_held(self, path: str, size: int, gate: threading.Barrier, client: Optional[Client] = None) -> Reply:
        """A PUT whose last byte waits at the gate, so that all of a race's requests are under way together."""
        body = body_of(size)
        exchange = (client or self.adapter.client()).begin("PUT", path, None, None, size, body)
        exchange.send(body[:-1])
        gate.wait()
        exchange.send(body[-1:])
        return exchange.read()

    def delete(self, key: str, query=None) -> Reply:
        return self.request("DELETE", key, query)

    def listed(self) -> dict[str, int]:
        """Every key and its size, by the listing."""
        found: dict[str, int] = {}
        marker = ""
        while True:
            reply = self.request("GET", query={"marker": marker} if marker else None)
            self.accepted(reply, "listing")
            keys = [unquote(key) for key in reply.tags("Key")]
            found.update(zip(keys, map(int, reply.tags("Size"))))
            if reply.tag("IsTruncated") != "true" or not keys:
                return found
            marker = reply.tag("NextMarker") or keys[-1]

    # --- Usage --------------------------------------------------------------------------------------------------

    def usage(self) -> Usage:
        """Usage now, with its overshoot taken down."""
        usage = self._watched()
        if self._limit is not None:
            self.overshoot_final = max(0, usage.against_limit - self._limit)
            self.overshoot_worst = max(self.overshoot_worst or 0, self.overshoot_final)
        return usage

    @contextmanager
    def sampling(self):
        """Reads usage again and again while the block runs, and once after it."""
        over = threading.Event()
        faults: list[Exception] = []
        counted = [0]

        def sample():
            while True:
                try:
                    self.usage()
                    counted[0] += 1
                except Exception as fault:  # told below, in the rule's own thread
                    faults.append(fault)
                    return
                if over.is_set():
                    return

        sampler = threading.Thread(target=sample, daemon=True)
        sampler.start()
        try:
            yield
        finally:
            over.set()
            sampler.join()
        if faults:
            raise Fail(f"usage could not be read during the race: {faults[0]}")
        self.samples += counted[0]
        self.usage()

    # --- Expectations -------------------------------------------------------------------------------------------

    def accepted(self, reply: Reply, what: str) -> Reply:
        if not reply.ok:
            raise Fail(f"{what} was answered {reply}, not accepted")
        return reply

    def refused(self, reply: Reply, what: str) -> Reply:
        if reply.ok:
            self.usage()
            raise Fail(f"{what} was accepted, not refused")
        if not is_refusal(reply):
            raise Fail(f"{what} was answered {reply}, which is no refusal for want of room")
        return reply

    def supported(self, reply: Reply, what: str) -> Reply:
        """The first request of an operation that a server may not have."""
        if reply.status in (405, 501) or reply.code in ("NotImplemented", "MethodNotAllowed", "ServiceNotImplemented"):
            raise NotApplicable(f"{what}: the server answers {reply}")
        return self.accepted(reply, what)

    def holds(self, size: int, what: str):
        """Usage is `size`, now."""
        usage = self.usage()
        if usage.size != size:
            raise Fail(f"after {what} usage is {usage.size}, not {size}")

    def equals_listing(self, what: str) -> dict[str, int]:
        """Usage is what the listing sums up to, in bytes and in number."""
        listed = self.listed()
        usage = self.usage()
        if usage.size != sum(listed.values()):
            raise Fail(f"after {what} usage is {usage.size} bytes and the listing sums up to {sum(listed.values())}")
        if usage.objects not in (None, len(listed)):
            raise Fail(f"after {what} usage is {usage.objects} objects and the listing has {len(listed)}")
        return listed

    # --- The end ------------------------------------------------------------------------------------------------

    def clean(self):
        """Removes what the rule made; what a server will not remove stays."""
        for client, bucket in self._buckets:
            # The server may have been started again elsewhere, and tidying up has a minute beyond the deadline.
            client.endpoint = self.adapter.endpoint
            client.deadline += 60
            try:
                _empty(client, bucket)
                client.request("DELETE", f"/{bucket}")
            except (OSError, ValueError, OutOfTime):
                continue
        for account in self._accounts:
            try:
                self.adapter.remove_account(account)
            except (OSError, RuntimeError, OutOfTime):
                continue


def _empty(client: Client, bucket: str):
    uploads = client.request("GET", f"/{bucket}", {"uploads": None})
    for key, upload in zip(uploads.tags("Key"), uploads.tags("UploadId")) if uploads.ok else ():
        client.request("DELETE", f"/{bucket}/{key}", {"uploadId": upload})
    versions = client.request("GET", f"/{bucket}", {"versions": None})
    for key, version in zip(versions.tags("Key"), versions.tags("VersionId")) if versions.ok else ():
        client.request("DELETE", f"/{bucket}/{key}", {"versionId": version})
    while True:
        keys = client.request("GET", f"/{bucket}").tags("Key")
        if not any([client.request("DELETE", f"/{bucket}/{key}").ok for key in keys]):
            return


def together(jobs: Iterable[Callable[[threading.Barrier], Reply]]) -> list[Reply]:
    """Runs every job in a thread of its own, all let off at one gate, and returns their answers in order."""
    jobs = list(jobs)
    gate = threading.Barrier(len(jobs), timeout=60)
    answers: list = [None] * len(jobs)

    def work(index: int):
        try:
            answers[index] = jobs[index](gate)
        except Exception as fault:  # told below, in the rule's own thread
            answers[index] = fault
            gate.abort()

    threads = [threading.Thread(target=work, args=(index,), daemon=True) for index in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for answer in answers:
        if isinstance(answer, Exception) and not isinstance(answer, threading.BrokenBarrierError):
            raise Fail(f"a client of the race had no answer: {answer}") from answer
    if any(isinstance(answer, threading.BrokenBarrierError) for answer in answers):
        raise Fail("the clients of the race did not all get as far as their last byte")
    return answers
