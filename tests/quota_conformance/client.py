"""HTTP/1.1 by hand, one connection a request, so that a rule sees what a library would hide: an interim
`100 Continue`, and an answer that comes before the body is sent.
"""

from __future__ import annotations

import http.client
import re
import select
import socket
import ssl
import time
from urllib.parse import urlsplit

from .signing import Query, Signer, encode_query
from .verdict import OutOfTime

# More than any answer to this suite needs; a server cannot make it read without end.
ANSWER_BYTES_MAX = 16 << 20


class Endpoint:
    """Where the server is: `http://host:port` or `https://host:port`."""

    def __init__(self, url: str):
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
            raise ValueError(f"not an endpoint (http://host:port): {url}")
        self.url = url.rstrip("/")
        self.tls = parts.scheme == "https"
        self.address = (parts.hostname, parts.port or (443 if self.tls else 80))
        self.host = parts.netloc.rpartition("@")[2]

    def connect(self, timeout: float) -> socket.socket:
        stream = socket.create_connection(self.address, timeout)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.tls:
            stream = ssl.create_default_context().wrap_socket(stream, server_hostname=self.address[0])
        return stream


class Reply:
    """What a server answered."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes, continued: bool):
        self.status = status
        self.headers = headers
        self.body = body
        #: The server sent `100 Continue` first.
        self.continued = continued

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def code(self) -> str:
        """The error code in the document, or an empty string."""
        return self.tag("Code")

    def tag(self, name: str) -> str:
        """The text of the first element called `name`."""
        found = re.search(rf"<{name}>([^<]*)</{name}>".encode(), self.body)
        return found.group(1).decode() if found else ""

    def tags(self, name: str) -> list[str]:
        return [text.decode() for text in re.findall(rf"<{name}>([^<]*)</{name}>".encode(), self.body)]

    def __str__(self) -> str:
        return f"{self.status} {self.code}".strip()


class Exchange:
    """A request whose body is sent piece by piece."""

    def __init__(self, stream: socket.socket, method: str, head: bytes):
        self._stream = stream
        self._method = method
        self._file = stream.makefile("rb")
        self._cut = False
        self.send(head)

    def send(self, data: bytes):
        """Sends on. A server that has closed is not an error: its answer may be there to be read."""
        if self._cut:
            return
        try:
            self._stream.sendall(data)
        except (BrokenPipeError, ConnectionResetError, socket.timeout):
            self._cut = True

    def send_chunk(self, data: bytes):
        """One chunk of a body of unknown length; the empty one ends it."""
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def answered(self, timeout: float) -> bool:
        """True as soon as there is something to read. Asked before the first `status` or `read`."""
        if isinstance(self._stream, ssl.SSLSocket) and self._stream.pending():
            return True
        return bool(select.select([self._stream], [], [], timeout)[0])

    def status(self) -> tuple[int, dict[str, str]]:
        """The next status line, interim or final, and its headers."""
        line = self._file.readline(4096)
        found = re.match(rb"HTTP/1\.[01] (\d{3})", line)
        if not found:
            raise ConnectionError("the connection was closed without an answer")
        fields = http.client.parse_headers(self._file)
        return int(found.group(1)), {name.lower(): value for name, value in fields.items()}

    def read(self) -> Reply:
        """The final answer."""
        continued = False
        while True:
            status, headers = self.status()
            if status >= 200:
                return self.finish(status, headers, continued)
            continued = continued or status == 100

    def finish(self, status: int, headers: dict[str, str], continued: bool = False) -> Reply:
        """What follows a final status line."""
        body = self._body(status, headers)
        self.close()
        return Reply(status, headers, body, continued)

    def _body(self, status: int, headers: dict[str, str]) -> bytes:
        if self._method == "HEAD" or status in (204, 304):
            return b""
        if headers.get("transfer-encoding", "").lower() == "chunked":
            whole = b""
            while len(whole) <= ANSWER_BYTES_MAX:
                size = int(self._file.readline(64).split(b";")[0], 16)
                if size == 0:
                    return whole
                whole += self._file.read(size)
                self._file.readline(64)
            raise ConnectionError("the answer is too long")
        length = headers.get("content-length")
        return self._file.read(min(int(length), ANSWER_BYTES_MAX) if length else ANSWER_BYTES_MAX)

    def close(self):
        self._file.close()
        self._stream.close()


class Client:
    """Signed requests to one endpoint, with buckets in the path."""

    def __init__(self, endpoint: Endpoint, signer: Signer, timeout: float = 30.0, deadline: float = float("inf")):
        self.endpoint = endpoint
        self.signer = signer
        self.timeout = timeout
        self.deadline = deadline

    def begin(
        self,
        method: str,
        path: str,
        query: Query | None = None,
        headers: dict[str, str] | None = None,
        length: int | None = 0,
        payload: bytes | None = None,
    ) -> Exchange:
        """Sends the head. `length` None announces a chunked body. `payload` is the body where it is known."""
        if time.monotonic() > self.deadline:
            raise OutOfTime("the run's deadline has passed")
        query = query or {}
        headers = {name.lower(): value for name, value in (headers or {}).items()}
        if length:
            # Named, because clients that leave it out have one added for them below the signature.
            headers.setdefault("content-type", "application/octet-stream")
        self.signer.sign(method, self.endpoint.host, path, query, headers, payload)
        if length is None:
            headers["transfer-encoding"] = "chunked"
        elif length or method in ("PUT", "POST"):
            headers["content-length"] = str(length)
        target = path + ("?" + encode_query(query) if query else "")
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self.endpoint.host}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        head = ("\r\n".join(lines) + "\r\n\r\n").encode()
        return Exchange(self.endpoint.connect(self.timeout), method, head)

    def request(
        self,
        method: str,
        path: str,
        query: Query | None = None,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
    ) -> Reply:
        exchange = self.begin(method, path, query, headers, len(body), body)
        if body:
            exchange.send(body)
        return exchange.read()
