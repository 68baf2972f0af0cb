"""The few questions the tests ask of the SDK's results."""


def accept(result, status=200):
    """The call succeeded with `status`; gives its body."""
    assert result.status == status, (result.status, result.errorCode, result.errorMessage)
    header = dict(result.header)
    request_id = header["request-id"]
    assert len(request_id) == 32 and set(request_id) <= set("0123456789ABCDEF"), request_id
    return result.body


def refuse(result, status, code):
    """The call was refused with `status` and `code`, in a whole error document."""
    assert (result.status, result.errorCode) == (status, code), (result.status, result.errorCode, result.errorMessage)
    assert result.errorMessage
    assert result.requestId == dict(result.header)["request-id"]


def usage(client, bucket):
    """(bytes, objects), as the gateway counts them."""
    info = accept(client.getBucketStorageInfo(bucket))
    return int(info.size), int(info.objectNumber)


def content(client, bucket, key, **options):
    """The object's bytes, read in one piece."""
    body = accept(client.getObject(bucket, key, loadStreamInMemory=True, **options))
    return body.buffer or b""


class Stream:
    """A file-like of unknown length: it can only be read, so the SDK sends it in chunks."""

    def __init__(self, data, piece=1000):
        self.data = data
        self.piece = piece

    def read(self, size):
        piece = self.data[: min(size, self.piece)]
        self.data = self.data[len(piece) :]
        return piece
