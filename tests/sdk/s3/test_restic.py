"""restic with its repository in a bucket: what is backed up is checked, comes back, and is forgotten."""

import json
import os

import pytest
from kit import MIB, pattern, plant, run, tree

RESTIC = os.environ.get("RESTIC", "restic")

FILES = {
    "a.txt": b"a" * 1000,
    "empty": b"",
    "dir/b c.bin": pattern(300_000),
    "dir/ümlaut/日本.bin": os.urandom(3 * MIB),
    "large.bin": os.urandom(30 * MIB),
}


@pytest.fixture
def restic(environment, endpoint, new_name):
    """A repository in a bucket that restic makes itself."""
    bucket = new_name()
    told = environment | {"RESTIC_REPOSITORY": f"s3:{endpoint}/{bucket}/backup", "RESTIC_PASSWORD": "a password"}

    def call(*words):
        return run([RESTIC, *words, "--no-cache"], told).decode()

    call("init")
    call.bucket = bucket
    return call


def test_backup_and_restore(restic, tmp_path):
    source = tmp_path / "source"
    plant(source, FILES)
    restic("backup", source)
    plant(source, {"a.txt": b"changed", "new": pattern(5 * MIB)})
    (source / "empty").unlink()
    restic("backup", source)

    first, second = json.loads(restic("snapshots", "--json"))
    restic("check", "--read-data")
    for snapshot, wanted in [(first, FILES), (second, tree(source))]:
        target = tmp_path / snapshot["short_id"]
        restic("restore", snapshot["id"], "--target", target)
        assert tree(target / source.relative_to("/")) == wanted
    assert restic("dump", second["id"], str(source / "a.txt")) == "changed"

    restic("forget", "--keep-last", "1", "--prune")
    assert [entry["id"] for entry in json.loads(restic("snapshots", "--json"))] == [second["id"]]
    restic("check", "--read-data")


@pytest.mark.slow  # restic tries for most of a minute before it gives up
def test_a_full_bucket(restic, gateway, tmp_path):
    gateway.cli("quota", "set", restic.bucket, "1MiB")
    plant(tmp_path / "source", {"large.bin": os.urandom(5 * MIB)})
    with pytest.raises(AssertionError, match="left with 1"):
        restic("backup", tmp_path / "source")
    gateway.cli("quota", "set", restic.bucket, "0")
    restic("backup", tmp_path / "source")
    restic("check", "--read-data")
