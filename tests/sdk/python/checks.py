"""The few questions the tests ask of the SDK's results, and of a client that is no SDK."""

import base64
import hashlib
import http.client
import urllib.parse


def accept(result, status=200):
    """The call succeeded with `status`; gives its body."""
    assert result.status == status, (result.status, result.errorCode, result.errorMessage)
    request_id = header(result)["request-id"]
    assert len(request_id) == 32 and set(request_id) <= set("0123456789ABCDEF"), request_id
    return result.body


def refuse(result, status, code):
    """The call was refused with `status` and `code`, in a whole error document."""
    assert (result.status, result.errorCode) == (status, code), (result.status, result.errorCode, result.errorMessage)
    assert result.errorMessage
    assert result.requestId == header(result)["request-id"]


def header(result):
    """The answer's headers as the SDK hands them on: lower case, without `x-obs-`, `x-amz-` and `…-meta-`."""
    return dict(result.header)


def usage(client, bucket):
    """(bytes, objects), as the gateway counts them."""
    info = accept(client.getBucketStorageInfo(bucket))
    return int(info.size), int(info.objectNumber)


def content(client, bucket, key, **options):
    """The object's bytes, read in one piece."""
    body = accept(client.getObject(bucket, key, loadStreamInMemory=True, **options))
    return body.buffer or b""


def keys_of(client, bucket, **asked):
    """The keys a listing shows."""
    return [entry.key for entry in accept(client.listObjects(bucket, **asked)).contents]


def etag_of(data):
    """The ETag of an object that was stored in one piece."""
    return f'"{hashlib.md5(data).hexdigest()}"'


def etag_of_parts(*parts):
    """The ETag of an object that was put together of parts."""
    digests = b"".join(hashlib.md5(part).digest() for part in parts)
    return f'"{hashlib.md5(digests).hexdigest()}-{len(parts)}"'


def md5_of(data):
    """What `Content-MD5` wants."""
    return base64.b64encode(hashlib.md5(data).digest()).decode()


def fetch(method, url, body=None, headers=None):
    """What a client without keys is answered: (status, body)."""
    status, _, data = answer(method, url, body, headers)
    return status, data


def answer(method, url, body=None, headers=None):
    """What a client without keys is answered: (status, headers in lower case, body)."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
    try:
        path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
    finally:
        connection.close()


def told_truly(told, size):
    """Progress was told, and truly; not to the end, for the SDK closes before its own thread has counted everything."""
    assert told and all(0 <= done <= size and whole == size for done, whole in told), told


class Stream:
    """A file-like of unknown length: it can only be read, so the SDK sends it in chunks."""

    def __init__(self, data, piece=1000):
        self.data = data
        self.piece = piece

    def read(self, size):
        piece = self.data[: min(size, self.piece)]
        self.data = self.data[len(piece) :]
        return piece
