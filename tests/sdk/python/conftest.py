"""What every test gets: a running gateway, and the SDK's client in the two modes it has."""

import itertools
import socket
from typing import NamedTuple

import pytest
from checks import accept, usage
from obs import CreateBucketHeader, DeleteObjectsRequest, Object, ObsClient

from gateway import ROOT_ACCESS_KEY, ROOT_SECRET_KEY, Gateway

pytest_plugins = ["claims"]

# The SDK decides by the endpoint alone which protocol it speaks:
#   name  negotiation, `Authorization: OBS`, x-obs-*, bucket in the host name
#   ip    no negotiation, `Authorization: AWS` (V2), x-amz-*, bucket in the path
ENDPOINTS = {"name": "obs.localhost", "ip": "127.0.0.1"}

numbers = itertools.count(1)


@pytest.fixture(scope="session", autouse=True)
def localhost_names():
    """Resolves *.localhost to the loopback address.

    RFC 6761 reserves these names for it, but the C library asks the DNS for all but `localhost` itself unless a
    resolver plug-in is installed, which containers lack.
    """
    resolve = socket.getaddrinfo

    def getaddrinfo(host, *arguments, **named):
        if isinstance(host, str) and host.endswith(".localhost"):
            host = "127.0.0.1"
        return resolve(host, *arguments, **named)

    socket.getaddrinfo = getaddrinfo
    yield
    socket.getaddrinfo = resolve


@pytest.fixture(scope="session")
def gateway(tmp_path_factory):
    running = Gateway(tmp_path_factory.mktemp("gateway"))
    yield running
    running.stop()


@pytest.fixture(params=ENDPOINTS, scope="session")
def mode(request):
    return request.param


@pytest.fixture(scope="session")
def connect(gateway, mode):
    """Makes a client of this mode; without keys it is nobody's."""
    clients = []

    def make(access_key=ROOT_ACCESS_KEY, secret_key=ROOT_SECRET_KEY, port=gateway.port, **options):
        client = ObsClient(
            access_key_id=access_key,
            secret_access_key=secret_key,
            server=f"http://{ENDPOINTS[mode]}:{port}",
            max_retry_count=0,  # a retried 5xx would look like a success
            timeout=30,
            **options,
        )
        assert client.is_signature_negotiation == (mode == "name")
        assert client.signature == ("obs" if mode == "name" else "v2")
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


@pytest.fixture(scope="session")
def client(connect):
    """The root account's."""
    return connect()


@pytest.fixture(scope="session")
def nobody(connect):
    """Signs nothing."""
    return connect("", "")


@pytest.fixture(scope="session")
def address(gateway, mode):
    """The address of a bucket, or of a key in it, for those who are no SDK."""

    def of(bucket, path=""):
        if mode == "name":
            return f"http://{bucket}.obs.localhost:{gateway.port}/{path}"
        return f"http://127.0.0.1:{gateway.port}/{bucket}/{path}"

    return of


@pytest.fixture
def new_name(mode):
    """Gives names no other test uses, fit for buckets and for accounts."""
    return lambda: f"sdk-python-{mode}-{next(numbers)}"


class Account(NamedTuple):
    name: str
    access_key: str
    secret_key: str
    id: str


@pytest.fixture
def account(gateway, connect, new_name):
    """A second account."""
    name = new_name()
    keys = gateway.create_account(name)
    return Account(name, *keys, accept(connect(*keys).listBuckets()).owner.owner_id)


@pytest.fixture
def other(connect, account):
    """The second account's client."""
    return connect(account.access_key, account.secret_key)


@pytest.fixture
def bucket(client, new_name):
    """An empty bucket of the root account's; gone afterwards, for an account may have only so many."""
    name = new_name()
    accept(client.createBucket(name))
    yield name
    remove(client, name)


@pytest.fixture
def second_bucket(client, new_name):
    """Another one."""
    name = new_name()
    accept(client.createBucket(name))
    yield name
    remove(client, name)


@pytest.fixture
def file_system(client, new_name):
    """A parallel file system: a bucket whose keys are files and directories."""
    name = new_name()
    accept(client.createBucket(name, CreateBucketHeader(isPFS=True)))
    yield name
    remove(client, name)


def remove(client, name):
    """Empties a bucket and deletes it; nothing it held is still counted then."""
    if client.headBucket(name).status == 404:
        return
    while entries := accept(client.listObjects(name, encoding_type="url")).contents:
        for entry in reversed(entries):  # what is in a directory comes behind it
            accept(client.deleteObject(name, entry.key), 204)
    result = client.deleteBucket(name)
    if result.status == 409:
        remove_history(client, name)
        assert usage(client, name) == (0, 0)
        result = client.deleteBucket(name)
    accept(result, 204)


def remove_history(client, name):
    for upload in accept(client.listMultipartUploads(name)).upload:
        accept(client.abortMultipartUpload(name, upload.key, upload.uploadId), 204)
    while True:
        page = accept(client.listVersions(name))
        entries = [Object(entry.key, entry.versionId) for entry in page.versions + page.markers]
        if not entries:
            return
        assert accept(client.deleteObjects(name, DeleteObjectsRequest(objects=entries))).error == []
