"""What every test gets: a running gateway, and the SDK's client in the two modes it has."""

import itertools
import socket

import pytest
from checks import accept, usage
from obs import ObsClient

from gateway import ROOT_ACCESS_KEY, ROOT_SECRET_KEY, Gateway

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

    def make(access_key=ROOT_ACCESS_KEY, secret_key=ROOT_SECRET_KEY, **options):
        client = ObsClient(
            access_key_id=access_key,
            secret_access_key=secret_key,
            server=f"http://{ENDPOINTS[mode]}:{gateway.port}",
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


@pytest.fixture
def new_name(mode):
    """Gives names no other test uses, fit for buckets and for accounts."""
    return lambda: f"sdk-python-{mode}-{next(numbers)}"


@pytest.fixture
def bucket(client, new_name):
    """An empty bucket of the root account's; gone afterwards, for an account may have only so many."""
    name = new_name()
    accept(client.createBucket(name))
    yield name
    if client.headBucket(name).status == 404:
        return
    while entries := accept(client.listObjects(name, encoding_type="url")).contents:
        for entry in entries:
            accept(client.deleteObject(name, entry.key), 204)
    assert usage(client, name) == (0, 0)
    accept(client.deleteBucket(name), 204)
