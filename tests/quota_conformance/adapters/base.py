"""What the suite needs to know of a server beyond S3 or OBS: how a limit is set and how usage is read.

Only `set_limit` and `usage` have to be written. Whatever else an adapter leaves as it is makes the rules that need it
"not applicable", with the reason given here.
"""

from __future__ import annotations

import argparse
import os
import subprocess
from typing import NamedTuple, Optional

from ..client import Client, Endpoint
from ..signing import Signer
from ..verdict import NotApplicable, WrongUsage


class Usage(NamedTuple):
    """What the server says a bucket or an account holds."""

    #: Sum of the sizes, as clients see them.
    size: int
    #: Number of objects, or None where the server does not tell.
    objects: Optional[int] = None
    #: The number that is tested against the limit, where it is not `size` (rounded sizes, for instance).
    charged: Optional[int] = None

    @property
    def against_limit(self) -> int:
        return self.size if self.charged is None else self.charged


class Credentials(NamedTuple):
    access_key: str
    secret_key: str
    #: What the server's own tools call the account.
    account: str = ""


class Adapter:
    """One server. The constructor only looks at the options; `start` and `stop` do the rest."""

    #: Signature scheme when the user names none.
    scheme = "v4"
    #: Sizes count in multiples of this many bytes.
    granule = 1
    #: `obs` (POST ?append&position=), `rgw` (PUT ?append&position=), or None.
    append: Optional[str] = None

    def __init__(self, options: argparse.Namespace):
        self.options = options
        self.endpoint: Optional[Endpoint] = Endpoint(options.endpoint) if options.endpoint else None
        self.credentials = Credentials(
            options.access_key or os.environ.get("QUOTA_ACCESS_KEY", ""),
            options.secret_key or os.environ.get("QUOTA_SECRET_KEY", ""),
        )

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser):
        """Adds the options that only this adapter has."""

    def start(self):
        """Makes the server ready. After this `endpoint` and `credentials` are set."""
        if self.endpoint is None or not self.credentials.access_key:
            raise WrongUsage("give --endpoint, and the keys by --access-key and --secret-key or in the environment")

    def stop(self):
        """Ends what `start` started."""

    def client(self, credentials: Optional[Credentials] = None, scheme: Optional[str] = None) -> Client:
        """A client for these credentials, or for the ones the suite works with."""
        keys = credentials or self.credentials
        scheme = scheme or self.options.signature or self.scheme
        signer = Signer(scheme, keys.access_key, keys.secret_key, self.options.region)
        return Client(self.endpoint, signer, self.options.timeout, self.options.deadline_at)

    def set_limit(self, bucket: str, limit: Optional[int]):
        """Sets the bucket's limit in bytes; None takes it away."""
        raise NotImplementedError

    def usage(self, bucket: str) -> Usage:
        """What the bucket holds now."""
        raise NotImplementedError

    def set_object_limit(self, bucket: str, limit: int):
        """Sets how many objects the bucket may hold, and takes its limit in bytes away."""
        raise NotApplicable("the adapter knows no limit of the number of objects")

    def make_account(self) -> Credentials:
        """A new account without a limit."""
        raise NotApplicable("the adapter knows no limit of an account")

    def set_account_limit(self, account: Credentials, limit: int):
        """Sets the limit of all the account's buckets together, in bytes."""
        raise NotApplicable("the adapter knows no limit of an account")

    def account_usage(self, account: Credentials, buckets: list[str]) -> Usage:
        """What the account holds now; the sum over its buckets unless the server tells."""
        parts = [self.usage(bucket) for bucket in buckets]
        return Usage(sum(part.size for part in parts), None, sum(part.against_limit for part in parts))

    def remove_account(self, account: Credentials):
        """Takes back what `make_account` made, as far as the server can."""

    def restarter(self):
        """A function that kills the server as `kill -9` does, starts it again and returns when it serves."""
        command = self.options.restart_command
        if not command:
            raise NotApplicable("the suite was given no way to kill and restart the server")
        return lambda: run(command, "--restart-command", {})


def run(command: str, option: str, variables: dict[str, str]) -> str:
    """Runs a command the user gave and returns what it printed."""
    environment = {**os.environ, **variables}
    done = subprocess.run(
        command, shell=True, env=environment, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=120, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"the command of {option} ended with {done.returncode}")
    return done.stdout.decode()
