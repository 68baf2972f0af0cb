"""A gateway with the accounts ceph/s3-tests asks for, and the settings file that tells the suite about them."""

import configparser
import hashlib
import json
import re
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "sdk" / "python"))
from gateway import Gateway  # it lives with the SDK suites

REGION = "region-1"
ACCOUNTS = ("main", "alt", "tenant", "iam", "iam-root", "iam-alt-root")

REQUESTS = re.compile(r'^obs_gateway_requests_total\{operation="([^"]*)",code="([^"]*)"\} (\d+)$', re.MULTILINE)
PANICS = re.compile(r"^obs_gateway_panics_total (\d+)$", re.MULTILINE)


class Lab:
    """One gateway over a folder of its own, and `s3tests.conf` beside it."""

    def __init__(self, folder: Path):
        folder.mkdir(parents=True)
        self.gateway = Gateway(folder)
        accounts = {name: self._account(name) for name in ACCOUNTS}
        conf = configparser.RawConfigParser()
        conf["DEFAULT"] = {"host": "127.0.0.1", "port": self.gateway.port, "is_secure": "False", "ssl_verify": "False"}
        conf["fixtures"] = {
            "bucket prefix": "s3t-{random}-",
            "iam name prefix": "s3-tests-",
            "iam path prefix": "/s3-tests/",
        }
        conf["s3 main"] = accounts["main"] | {"api_name": REGION}
        conf["s3 alt"] = accounts["alt"]
        conf["s3 tenant"] = accounts["tenant"] | {"tenant": "tenant"}
        conf["iam"] = accounts["iam"]
        conf["iam root"] = accounts["iam-root"]
        conf["iam alt root"] = accounts["iam-alt-root"]
        with (folder / "s3tests.conf").open("w") as file:
            conf.write(file)

    def _account(self, name: str) -> dict[str, str]:
        email = f"{name}@s3-tests.example"
        made = self.gateway.cli("account", "create", name, "--email", email, "--password", "Only-of-a-test-1", "--json")
        # Made of the name, so that keys are the same in every run: the suite compares none of them.
        access_key = f"S3TESTS{name.upper().replace('-', ''):X<13}"
        secret_key = hashlib.sha256(name.encode()).hexdigest()[:40]
        pair = ["--access-key", access_key, "--secret-key", secret_key]
        self.gateway.cli("key", "create", "--account", name, *pair, "--json")
        user_id = json.loads(made)["id"]
        return {
            "display_name": name,
            "user_id": user_id,
            "email": email,
            "access_key": access_key,
            "secret_key": secret_key,
        }

    def answered(self) -> Counter:
        """How often the gateway gave which answer: (operation, code) → times. A panic is the code `panic`."""
        text = self.gateway.metrics()
        counted = Counter({(operation, code): int(times) for operation, code, times in REQUESTS.findall(text)})
        [panics] = PANICS.findall(text)
        return counted + Counter({("any", "panic"): int(panics)})

    def close(self) -> list[str]:
        """Stops the gateway and checks what it leaves on the disk; returns what is wrong."""
        faults = []
        try:
            self.gateway.stop()
            self.gateway.cli("fsck")
        except AssertionError as error:
            faults.append(str(error))
        # Those of requests are counted; the threads beside them only write a line.
        if " panicked at " in self.gateway.output():
            faults.append(f"something panicked: {self.gateway.stderr}")
        return faults
