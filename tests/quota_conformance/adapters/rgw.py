"""Ceph RGW: limits are set and usage is read by its admin API (what `radosgw-admin quota` and `bucket stats` show).

The keys must be of a user with the capabilities `users=*;buckets=*;metadata=*`. RGW tests limits against sizes rounded
up to 4 KiB, so the suite uses multiples of that and measures overshoot in rounded bytes.
"""

from __future__ import annotations

import json
import secrets
from typing import Optional

from ..verdict import WrongUsage
from .base import Adapter, Credentials, Usage


class Rgw(Adapter):
    scheme = "v4"
    granule = 4096
    append = "rgw"

    @classmethod
    def add_options(cls, parser):
        parser.add_argument("--uid", help="the user the keys belong to")

    def start(self):
        super().start()
        if not self.options.uid:
            raise WrongUsage("give --uid, the user the keys belong to")
        self.credentials = self.credentials._replace(account=self.options.uid)

    def set_limit(self, bucket: str, limit: Optional[int]):
        self._bucket_quota(bucket, -1 if limit is None else limit, -1)

    def set_object_limit(self, bucket: str, limit: int):
        self._bucket_quota(bucket, -1, limit)

    def _bucket_quota(self, bucket: str, size: int, objects: int):
        query = {"quota": None, "uid": self.credentials.account, "bucket": bucket}
        self._admin("PUT", "bucket", query, self._quota(size, objects))

    def usage(self, bucket: str) -> Usage:
        stats = json.loads(self._admin("GET", "bucket", {"bucket": bucket, "stats": "true"}))
        parts = stats["usage"].values()
        return Usage(
            sum(part["size"] for part in parts),
            stats["usage"].get("rgw.main", {}).get("num_objects", 0),
            sum(part["size_actual"] for part in parts),
        )

    def make_account(self) -> Credentials:
        uid = "quota-" + secrets.token_hex(4)
        query = {"uid": uid, "display-name": uid, "generate-key": "true"}
        key = json.loads(self._admin("PUT", "user", query))["keys"][0]
        return Credentials(key["access_key"], key["secret_key"], uid)

    def set_account_limit(self, account: Credentials, limit: int):
        query = {"quota": None, "uid": account.account, "quota-type": "user"}
        self._admin("PUT", "user", query, self._quota(limit, -1))

    def remove_account(self, account: Credentials):
        self._admin("DELETE", "user", {"uid": account.account})

    @staticmethod
    def _quota(size: int, objects: int) -> bytes:
        return json.dumps({"enabled": True, "max_size": size, "max_objects": objects}).encode()

    def _admin(self, method: str, noun: str, query: dict, body: bytes = b"") -> bytes:
        # RGW answers 501 to admin requests whose signature covers the body.
        query = {**query, "format": "json"}
        exchange = self.client(scheme="v4").begin(method, f"/admin/{noun}", query, None, len(body))
        exchange.send(body)
        reply = exchange.read()
        if not reply.ok:
            raise RuntimeError(f"{method} /admin/{noun} answered {reply.status} {reply.body[:200]!r}")
        return reply.body
