"""The model's HTTP side: requests in, changes of the model, answers out."""

from __future__ import annotations

import hashlib
import re
from http.server import BaseHTTPRequestHandler
from typing import Callable, Optional
from urllib.parse import parse_qs, urlsplit

from .model import Bucket, Model, Refusal

#: Sizes above which `checks-large-bodies-before-the-commit` is at work.
LARGE = 64 << 10


class Handler(BaseHTTPRequestHandler):
    """One connection. `model` and `life` are set by the class that `serve` makes of this one."""

    model: Model
    life: int
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        """Says nothing."""

    def handle_expect_100(self) -> bool:
        self._expects = True
        return True

    def parse_request(self) -> bool:
        self._expects = False
        return super().parse_request()

    def do_GET(self):
        self._answer()

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET

    def _answer(self):
        target = urlsplit(self.path)
        self.query = {name: values[0] for name, values in parse_qs(target.query, keep_blank_values=True).items()}
        _, self.bucket_name, self.key, *_ = target.path.split("/", 2) + [""]
        self._unread = True
        headers: dict[str, str] = {}
        try:
            status, body = 200, self._route(headers)
        except Refusal as refusal:
            status, body = refusal.status, f"<Error><Code>{refusal.code}</Code></Error>".encode()
        # What a refused client has still to say would be taken for its next request.
        self.close_connection = self.close_connection or self._unread and status != 200
        if self.life != self.model.life:
            self.close_connection = True
            return
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else body)

    def _route(self, headers: dict[str, str]) -> bytes:
        model, query = self.model, self.query
        account = self.headers.get("Authorization", "").split(" ")[-1].split(":")[0]
        with model.lock:
            bucket = model.buckets.get(self.bucket_name)
        if not self.key:
            return self._bucket(bucket, account)
        if bucket is None:
            raise Refusal(404, "NoSuchBucket")
        if self.command in ("GET", "HEAD"):
            with model.lock:
                found = bucket.current(self.key)
            if found is None:
                raise Refusal(404, "NoSuchKey")
            return found.body
        if self.command == "DELETE":
            with model.lock:
                if "uploadId" in query:
                    self._drop_upload(bucket)
                else:
                    model.delete(bucket, self.key, query.get("versionId", ""))
            return b""
        if "append" in query:
            return self._append(bucket)
        if self.command == "POST":
            return self._upload(bucket)
        if "uploadId" in query:
            return self._part(bucket, headers)
        return self._put(bucket, headers)

    # --- Buckets ------------------------------------------------------------------------------------------------

    def _bucket(self, bucket: Optional[Bucket], account: str) -> bytes:
        model, query = self.model, self.query
        document = self._body(lambda size: None) if self.command == "PUT" else b""
        with model.lock:
            if bucket is None:
                if self.command == "PUT":
                    model.buckets[self.bucket_name] = Bucket(account)
                return b""
            if self.command == "DELETE":
                del model.buckets[self.bucket_name]
            elif "quota" in query:
                bucket.limit = int(re.search(rb"<StorageQuota>(\d+)<", document).group(1))
            elif "versioning" in query:
                bucket.versioned = True
            elif "storageinfo" in query:
                shown = model.shown(bucket), len(bucket.sizes())
                return b"<Info><Size>%d</Size><ObjectNumber>%d</ObjectNumber></Info>" % shown
            elif self.command == "GET" and not query.keys() & {"uploads", "versions"}:
                listed = "".join(f"<Key>{key}</Key><Size>{size}</Size>" for key, size in bucket.sizes().items())
                return f"<List>{listed}<IsTruncated>false</IsTruncated></List>".encode()
        return b""

    # --- Bodies -------------------------------------------------------------------------------------------------

    def _body(self, check: Callable[[int], None]) -> bytes:
        """Reads the body; `check` refuses a size, before the body where it is announced."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return self._chunked(check)
        length = int(self.headers.get("Content-Length", 0))
        early = self.model.fault != "asks-for-every-body" or not self._expects
        if early:
            check(length)
        if self._expects:
            self.send_response_only(100)
            self.end_headers()
        body = self.rfile.read(length)
        if len(body) != length:
            raise ConnectionError("the client went away")
        self._unread = False
        return body

    def _chunked(self, check: Callable[[int], None]) -> bytes:
        body = b""
        while True:
            size = int(self.rfile.readline(), 16)
            body += self.rfile.read(size)
            self.rfile.readline()
            if size == 0:
                self._unread = False
                return body
            if not self.model.fault.startswith("chunked-bodies"):
                check(len(body))

    # --- Objects ------------------------------------------------------------------------------------------------

    def _commit(self, check: Callable[[int], None], change: Callable[[bytes], Optional[str]]) -> str:
        """Receives a body, then changes the model if it fits, both in one step."""
        model = self.model

        def early(size: int):
            with model.lock:
                check(size)

        body = self._body(early)
        late = model.fault != "checks-before-the-commit"
        late = late and not (model.fault == "checks-large-bodies-before-the-commit" and len(body) > LARGE)
        late = late and not (model.fault == "chunked-bodies-are-free" and self.headers.get("Transfer-Encoding"))
        with model.lock:
            if self.life != model.life:
                raise ConnectionError("the server was killed")
            if late:
                check(len(body))
            return change(body) or ""

    def _put(self, bucket: Bucket, headers: dict[str, str]) -> bytes:
        model, key = self.model, self.key
        source = self.headers.get("x-obs-copy-source")
        if source:
            with model.lock:
                body = bucket.current(source.split("/", 2)[2]).body
                if model.fault != "copies-are-free":
                    model.check(bucket, *model.put_growth(bucket, key, len(body)))
                model.put(bucket, key, body)
            return b""
        with model.lock:
            known = bucket.current(key)

        def change(body: bytes) -> str:
            if model.fault == "old-size-is-read-early" and known is None and bucket.current(key):
                bucket.drift += len(body)
            return model.put(bucket, key, body).id

        check = lambda size: model.check(bucket, *model.put_growth(bucket, key, size))  # noqa: E731
        headers["x-obs-version-id"] = self._commit(check, change)
        return b""

    def _append(self, bucket: Bucket) -> bytes:
        model, key = self.model, self.key
        check = lambda size: None if model.fault == "appends-are-free" else model.check(bucket, size)  # noqa: E731

        def change(body: bytes):
            known = bucket.current(key)
            model.put(bucket, key, (known.body if known else b"") + body)

        self._commit(check, change)
        return b""

    # --- Uploads ------------------------------------------------------------------------------------------------

    def _upload(self, bucket: Bucket) -> bytes:
        document = self._body(lambda size: None)
        with self.model.lock:
            if "uploads" in self.query:
                upload = f"u{next(self.model.ids)}"
                bucket.uploads[upload] = {}
                return f"<UploadId>{upload}</UploadId>".encode()
            parts = bucket.uploads.pop(self.query["uploadId"])
            named = [int(number) for number in re.findall(rb"<PartNumber>(\d+)<", document)]
            self.model.put(bucket, self.key, b"".join(parts[number] for number in named))
            return b""

    def _part(self, bucket: Bucket, headers: dict[str, str]) -> bytes:
        model, number = self.model, int(self.query["partNumber"])
        parts = bucket.uploads[self.query["uploadId"]]
        credit = model.fault != "parts-are-not-credited"
        check = lambda size: model.check(bucket, size - credit * len(parts.get(number, b"")))  # noqa: E731
        self._commit(check, lambda body: parts.update({number: body}))
        headers["ETag"] = '"' + hashlib.md5(parts[number]).hexdigest() + '"'
        return b""

    def _drop_upload(self, bucket: Bucket):
        parts = bucket.uploads.pop(self.query["uploadId"], {})
        if self.model.fault == "abort-frees-nothing":
            bucket.drift += sum(map(len, parts.values()))
