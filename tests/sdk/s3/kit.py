"""The few questions that tests of several clients ask."""

import base64
import contextlib
import hashlib
import http.client
import subprocess
import urllib.parse
import zlib

MIB = 1 << 20


def pattern(size, seed=0):
    """Bytes that repeat after a prime number of them, so that no two parts of an upload are the same."""
    period = bytes((7 * i + seed) % 251 for i in range(251))
    return (period * (size // 251 + 1))[:size]


def md5(data):
    return hashlib.md5(data).hexdigest()


def etag(data):
    """The ETag of an object that was stored in one piece."""
    return f'"{md5(data)}"'


def crc32(data):
    """As `x-amz-checksum-crc32` wants it."""
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


def sha256(data):
    """As `x-amz-checksum-sha256` wants it."""
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


@contextlib.contextmanager
def refused(code, status=None):
    """What boto3 is asked within must be refused with this code, and this status."""
    from botocore.exceptions import ClientError

    try:
        yield
    except ClientError as error:
        found = error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
        assert found == (code, status or found[1]), error
    else:
        raise AssertionError(f"{code} was expected")


def fetch(method, url, body=None, headers=None):
    """What a client without keys is answered: (status, headers in lower case, body)."""
    parts = urllib.parse.urlsplit(url)
    # RFC 6761 gives these names to the loopback address; not every resolver knows.
    host = "127.0.0.1" if parts.hostname.endswith(".localhost") else parts.hostname
    connection = http.client.HTTPConnection(host, parts.port, timeout=60)
    try:
        path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        connection.request(method, path, body, {"Host": parts.netloc} | (headers or {}))
        response = connection.getresponse()
        return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
    finally:
        connection.close()


def run(command, environment, data=None, code=0, seconds=300):
    """Runs a command line client and gives what it printed, as bytes; it has to leave with `code`."""
    done = subprocess.run(
        [str(word) for word in command],
        env=environment,
        cwd=environment["HOME"],
        input=data if data is not None else b"",
        capture_output=True,
        timeout=seconds,
    )
    said = done.stderr.decode(errors="replace")
    assert done.returncode == code, f"{command} left with {done.returncode}:\n{done.stdout[-2000:]}\n{said[-4000:]}"
    return done.stdout


def tree(folder):
    """{path: content} of the files below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def plant(folder, files):
    """Writes {path: content}."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


class Pipe:
    """A file-like of unknown length that can only be read, once."""

    def __init__(self, data):
        self.data = data

    def read(self, size=-1):
        size = len(self.data) if size is None or size < 0 else size
        piece, self.data = self.data[:size], self.data[size:]
        return piece
