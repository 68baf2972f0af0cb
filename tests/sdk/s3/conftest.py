"""What every test gets: a running gateway, an account of its own for each file, and an environment without settings.

The clients are not configured. They get the endpoint, a key and a region, as each is told such things; nothing here
switches off checksums, payload signatures or anything else that they do by themselves.
"""

import itertools
import os
import re
import sys
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import pytest

sys.path.append(str(Path(__file__).resolve().parent.parent / "python"))

from gateway import Gateway
from performed import record

# What clients are told: any region will do, and people leave in place what their settings have. The gateway's is another.
REGION = "eu-central-1"
OWN_REGION = "region-1"

numbers = itertools.count(1)


# The client that a run is about, where it is the only one and its version is pinned: docs/compatibility.md has it.
RECORDED = os.environ.get("OBS_GATEWAY_SDK_CLIENT")


@pytest.fixture(scope="session")
def gateway(request, tmp_path_factory):
    running = Gateway(tmp_path_factory.mktemp("gateway"))
    yield running
    if RECORDED and request.session.testsfailed == 0:
        record(running, RECORDED, version(RECORDED))
    running.stop()


@pytest.fixture(scope="session")
def endpoint(gateway):
    return f"http://127.0.0.1:{gateway.port}"


class Account(NamedTuple):
    name: str
    access_key: str
    secret_key: str


@pytest.fixture(scope="module")
def account(gateway, request):
    """Owns what the tests of one file make: an account has only so many buckets."""
    return new_account(gateway, Path(request.path).stem)


@pytest.fixture
def other(gateway, request):
    """Another account, which owns nothing."""
    return new_account(gateway, Path(request.path).stem)


def new_account(gateway, stem):
    name = f"{stem.removeprefix('test_').replace('_', '-')}-{next(numbers)}"
    return Account(name, *gateway.create_account(name))


@pytest.fixture
def new_name(request):
    """Gives bucket names that no other test uses."""
    stem = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower().removeprefix("test_"))[:40].strip("-")
    return lambda: f"{stem}-{next(numbers)}"


@pytest.fixture(scope="module")
def environment(account, endpoint, tmp_path_factory):
    """The environment of a command line client: how AWS's tools are told endpoint, keys and region, and a home without
    any settings."""
    home = tmp_path_factory.mktemp("home")
    return bare_environment() | {
        "HOME": str(home),
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": account.access_key,
        "AWS_SECRET_ACCESS_KEY": account.secret_key,
        "AWS_DEFAULT_REGION": REGION,
    }


OTHERS_SETTINGS = ("AWS_", "OBS_GATEWAY_", "RCLONE_", "RESTIC_", "S3CMD_", "XDG_")


def bare_environment():
    """Settings of whoever runs the tests must not reach the clients."""
    return {name: value for name, value in os.environ.items() if not name.startswith(OTHERS_SETTINGS)} | {
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",  # a 5xx that is asked again would look like a success
        "LC_ALL": "C.UTF-8",
    }


@pytest.fixture(scope="session", autouse=True)
def no_settings(tmp_path_factory):
    """The same for the clients that run inside of this process."""
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ.keys() - bare_environment().keys():
            if not name.startswith("OBS_GATEWAY_"):  # those are the tests' own
                patch.delenv(name)
        for name, value in bare_environment().items():
            patch.setenv(name, value)
        patch.setenv("HOME", str(tmp_path_factory.mktemp("nobody")))
        yield


@pytest.fixture(scope="module")
def boto(account, endpoint):
    """Makes boto3's client of a service, with nothing but endpoint, keys and region. Where a file drives another
    client, this is the second opinion on what was stored."""
    import boto3

    def make(service="s3", access_key=account.access_key, secret_key=account.secret_key, **options):
        return boto3.client(
            service,
            **{
                "endpoint_url": endpoint,
                "aws_access_key_id": access_key,
                "aws_secret_access_key": secret_key,
                "region_name": REGION,
            }
            | options,
        )

    return make


@pytest.fixture(scope="module")
def s3(boto):
    return boto()


@pytest.fixture
def bucket(s3, new_name):
    name = new_name()
    s3.create_bucket(Bucket=name)
    return name
