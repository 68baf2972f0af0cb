"""boto3 with TLS in front of the gateway, as it is deployed. There it sends another thing than without: bodies go out unsigned
and in chunks, with their checksum behind them, and their length only beside."""

import asyncio
import io
import shutil
import ssl
import subprocess
import threading
from concurrent.futures import Future

import pytest
from kit import MIB, Pipe, crc32, pattern, refused, sha256

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="there is no openssl to make a certificate with")


async def pump(source, target):
    """Passes bytes on until one side is done; the other one learns it."""
    try:
        while data := await source.read(1 << 16):
            target.write(data)
            await target.drain()
    except OSError:
        pass  # one side hung up
    finally:
        target.close()


async def take_tls_off(context, port, listening, ends):
    async def accept(reader, writer):
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer))

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context)
    listening.set_result(server.sockets[0].getsockname()[1])
    await asyncio.to_thread(ends.wait)
    server.close()


@pytest.fixture(scope="module")
def tls(gateway, tmp_path_factory):
    """(endpoint, certificate)"""
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = folder / "key", folder / "certificate"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    words += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate]
    subprocess.run(words, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listening, ends = Future(), threading.Event()
    proxy = threading.Thread(target=lambda: asyncio.run(take_tls_off(context, gateway.port, listening, ends)))
    proxy.start()
    yield f"https://127.0.0.1:{listening.result(timeout=60)}", str(certificate)
    ends.set()
    proxy.join()


@pytest.fixture(scope="module")
def s3(boto, tls):
    endpoint, certificate = tls
    return boto(endpoint_url=endpoint, verify=certificate)


def read(s3, bucket, key):
    return s3.get_object(Bucket=bucket, Key=key)["Body"].read()


@pytest.mark.parametrize("size", [0, 1000, 7 * MIB])
def test_bodies(s3, bucket, size):
    sent = []
    s3.meta.events.register_first("before-send.s3.PutObject", lambda request, **_: sent.append(dict(request.headers)))
    data = pattern(size)
    answer = s3.put_object(Bucket=bucket, Key="a", Body=io.BytesIO(data), ContentEncoding="gzip")
    assert sent[0]["X-Amz-Trailer"] == b"x-amz-checksum-crc32" and "Content-Length" not in sent[0]
    assert answer["ChecksumCRC32"] == crc32(data) and read(s3, bucket, "a") == data
    assert s3.head_object(Bucket=bucket, Key="a")["ContentEncoding"] == "gzip"


def test_another_checksum(s3, bucket):
    answer = s3.put_object(Bucket=bucket, Key="a", Body=b"hello", ChecksumAlgorithm="SHA256")
    assert answer["ChecksumSHA256"] == sha256(b"hello")
    with refused("BadDigest", 400):
        s3.put_object(Bucket=bucket, Key="a", Body=b"world", ChecksumSHA256=sha256(b"hello"))
    assert read(s3, bucket, "a") == b"hello"


def test_parts(s3, bucket):
    s3.upload_fileobj(Pipe(pattern(20 * MIB)), bucket, "a")
    assert read(s3, bucket, "a") == pattern(20 * MIB)


def test_a_full_bucket(s3, gateway, bucket):
    gateway.cli("quota", "set", bucket, "1000")
    with refused("QuotaExceeded", 403):
        s3.put_object(Bucket=bucket, Key="a", Body=b"x" * 1001)
    s3.put_object(Bucket=bucket, Key="a", Body=b"x" * 1000)


def test_many_deletions(s3, bucket):
    for key in ["a", "b"]:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a"}, {"Key": "b"}]})
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
