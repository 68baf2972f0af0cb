"""The three ways a request is signed: OBS and AWS V2 (HMAC-SHA1 over the request), and AWS V4.

Paths are signed as they are sent. Keys and bucket names of this suite need no percent-encoding.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from email.utils import formatdate
from typing import Dict, Optional
from urllib.parse import quote

UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"

# Query parameters that V2 and OBS signatures cover, of those this suite sends.
_COVERED = frozenset(
    "append delete partNumber position quota storageinfo uploadId uploads versionId versioning versions".split()
)

Query = Dict[str, Optional[str]]


class Signer:
    """Signs for one key pair. `scheme` is `obs`, `v2` or `v4`."""

    def __init__(self, scheme: str, access_key: str, secret_key: str, region: str = "us-east-1"):
        if scheme not in ("obs", "v2", "v4"):
            raise ValueError(f"no such signature scheme: {scheme}")
        self.scheme = scheme
        self.access_key = access_key
        self._secret = secret_key.encode()
        self.region = region

    @property
    def prefix(self) -> str:
        """Of the headers that are the dialect's own."""
        return "x-obs-" if self.scheme == "obs" else "x-amz-"

    def sign(self, method: str, host: str, path: str, query: Query, headers: dict[str, str], payload: bytes | None):
        """Adds what makes the request signed. `payload` is None where the body is not known yet.

        The names in `headers` are in lower case.
        """
        if self.scheme == "v4":
            self._sign_v4(method, host, path, query, headers, payload)
        else:
            self._sign_v2(method, path, query, headers)

    def _sign_v2(self, method: str, path: str, query: Query, headers: dict[str, str]):
        headers["date"] = formatdate(usegmt=True)
        own = sorted(name for name in headers if name.startswith(self.prefix))
        covered = sorted(name for name in query if name in _COVERED)
        resource = path
        if covered:
            resource += "?" + "&".join(name if query[name] is None else f"{name}={query[name]}" for name in covered)
        lines = [method, headers.get("content-md5", ""), headers.get("content-type", ""), headers["date"]]
        lines += [f"{name}:{headers[name].strip()}" for name in own]
        lines.append(resource)
        digest = hmac.new(self._secret, "\n".join(lines).encode(), hashlib.sha1).digest()
        word = "OBS" if self.scheme == "obs" else "AWS"
        headers["authorization"] = f"{word} {self.access_key}:{base64.b64encode(digest).decode()}"

    def _sign_v4(self, method: str, host: str, path: str, query: Query, headers: dict[str, str], payload: bytes | None):
        now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        scope = f"{now[:8]}/{self.region}/s3/aws4_request"
        content = UNSIGNED_PAYLOAD if payload is None else hashlib.sha256(payload).hexdigest()
        headers["x-amz-date"] = now
        headers["x-amz-content-sha256"] = content
        covered = {"host": host, **{name: text.strip() for name, text in headers.items() if _covered_by_v4(name)}}
        names = ";".join(sorted(covered))
        canonical = "\n".join(
            [method, path, encode_query(query, equals_always=True)]
            + [f"{name}:{covered[name]}" for name in sorted(covered)]
            + ["", names, content]
        )
        string = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        key = b"AWS4" + self._secret
        for step in scope.split("/"):
            key = hmac.new(key, step.encode(), hashlib.sha256).digest()
        signature = hmac.new(key, string.encode(), hashlib.sha256).hexdigest()
        headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
        )


def _covered_by_v4(name: str) -> bool:
    return name.startswith("x-amz-") or name in ("content-md5", "content-type")


def encode_query(query: Query, equals_always: bool = False) -> str:
    """The query as sent (`name` alone where there is no value), or as V4 signs it (`name=`)."""
    pairs = []
    for name in sorted(query):
        value = query[name]
        pairs.append(quote(name, safe="-_.~"))
        if value is not None or equals_always:
            pairs[-1] += "=" + quote(value or "", safe="-_.~")
    return "&".join(pairs)
