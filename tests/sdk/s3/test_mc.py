"""MinIO's `mc`, told endpoint and keys as one alias of its environment."""

import json
import os
import re
import subprocess

import pytest
from kit import MIB, fetch, pattern, plant, run, tree

MC = os.environ.get("MC", "mc")

FILES = {"a.txt": b"a" * 1000, "empty": b"", "dir/b c+d.txt": pattern(70_000), "dir/ümlaut/日本.bin": pattern(20 * MIB)}


@pytest.fixture(scope="module")
def told(environment, account, gateway):
    host = f"http://{account.access_key}:{account.secret_key}@127.0.0.1:{gateway.port}"
    return environment | {"MC_HOST_g": host, "MC_CONFIG_DIR": environment["HOME"], "MC_DISABLE_PAGER": "1"}


@pytest.fixture
def mc(told):
    return lambda *words, **more: run([MC, "--quiet", *words], told, **more).decode()


@pytest.fixture
def asked(mc):
    """What `mc --json` prints, document by document."""
    return lambda *words: [json.loads(line) for line in mc("--json", *words).splitlines()]


@pytest.fixture
def bucket(mc, new_name):
    name = new_name()
    mc("mb", f"g/{name}")
    return name


def keys(asked, *words):
    return [entry["key"] for entry in asked("ls", *words)]


def test_buckets(mc, asked, bucket):
    assert f"{bucket}/" in keys(asked, "g")
    mc("pipe", f"g/{bucket}/a", data=b"x")
    mc("rb", f"g/{bucket}", code=1)
    mc("rb", "--force", f"g/{bucket}")
    assert f"{bucket}/" not in keys(asked, "g")


def test_folders(mc, asked, bucket, tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    plant(source, FILES)
    mc("cp", "--recursive", f"{source}/", f"g/{bucket}/in/")
    assert keys(asked, "--recursive", f"g/{bucket}/in/") == sorted(FILES, key=str.encode)
    mc("mirror", f"g/{bucket}/in", target)
    assert tree(target) == FILES
    (source / "a.txt").unlink()
    plant(source, {"empty": b"no longer"})
    mc("mirror", "--overwrite", "--remove", source, f"g/{bucket}/in")
    assert mc("diff", source, f"g/{bucket}/in") == ""
    assert "a.txt" not in keys(asked, "--recursive", f"g/{bucket}/in/")


@pytest.mark.parametrize("size", [0, 1000, 20 * MIB])
def test_streams(mc, told, bucket, size):
    mc("pipe", f"g/{bucket}/a b/ü", data=pattern(size))
    assert run([MC, "cat", f"g/{bucket}/a b/ü"], told) == pattern(size)


def test_copies_moves_and_removals(mc, asked, bucket, tmp_path):
    plant(tmp_path, {"a": b"hello"})
    mc("cp", "--attr=colour=blue;Content-Type=text/x-test", "--tags=k=v", tmp_path / "a", f"g/{bucket}/a")
    mc("cp", f"g/{bucket}/a", f"g/{bucket}/b")
    mc("mv", f"g/{bucket}/b", f"g/{bucket}/c")
    metadata = asked("stat", f"g/{bucket}/c")[0]["metadata"]
    assert (metadata["X-Amz-Meta-Colour"], metadata["Content-Type"]) == ("blue", "text/x-test")
    assert asked("tag", "list", f"g/{bucket}/c")[0]["tagset"] == {"k": "v"}
    assert mc("find", f"g/{bucket}", "--name", "c").split() == [f"g/{bucket}/c"]
    mc("rm", "--recursive", "--force", f"g/{bucket}")
    assert keys(asked, f"g/{bucket}") == []


def test_within_the_gateway_in_parts(mc, told, bucket, tmp_path):
    plant(tmp_path, {"large": pattern(70 * MIB)})
    mc("put", tmp_path / "large", f"g/{bucket}/a", "--part-size=16MiB")
    mc("cp", f"g/{bucket}/a", f"g/{bucket}/b")
    mc("get", f"g/{bucket}/b", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == pattern(70 * MIB)


def test_versions(mc, asked, bucket):
    mc("version", "enable", f"g/{bucket}")
    for data in [b"1", b"2"]:
        mc("pipe", f"g/{bucket}/a", data=data)
    mc("rm", f"g/{bucket}/a")
    assert [entry.get("isDeleteMarker", False) for entry in asked("ls", "--versions", f"g/{bucket}/a")] == [True, False, False]
    mc("undo", "--force", f"g/{bucket}/a")
    assert mc("cat", f"g/{bucket}/a") == "2"
    mc("rm", "--versions", "--force", f"g/{bucket}/a")
    assert asked("ls", "--versions", f"g/{bucket}") == []


def test_object_lock(mc, new_name, tmp_path):
    bucket = new_name()
    mc("mb", "--with-lock", f"g/{bucket}")
    mc("retention", "set", "--default", "GOVERNANCE", "1d", f"g/{bucket}")
    plant(tmp_path, {"a": b"x"})
    mc("cp", tmp_path / "a", f"g/{bucket}/a")
    assert "GOVERNANCE" in mc("retention", "info", f"g/{bucket}/a")
    mc("legalhold", "set", f"g/{bucket}/a")
    mc("rm", "--versions", "--force", "--bypass", f"g/{bucket}/a", code=1)
    mc("legalhold", "clear", f"g/{bucket}/a")
    mc("rm", "--versions", "--force", f"g/{bucket}/a", code=1)
    mc("rm", "--versions", "--force", "--bypass", f"g/{bucket}/a")


def test_who_may_read(mc, endpoint, bucket):
    mc("pipe", f"g/{bucket}/a", data=b"x")
    mc("anonymous", "set", "download", f"g/{bucket}")
    assert fetch("GET", f"{endpoint}/{bucket}/a")[::2] == (200, b"x")
    mc("anonymous", "set", "none", f"g/{bucket}")
    assert fetch("GET", f"{endpoint}/{bucket}/a")[0] == 403


def test_shares(mc, told, asked, bucket, tmp_path):
    mc("pipe", f"g/{bucket}/a", data=b"x")
    assert fetch("GET", asked("share", "download", f"g/{bucket}/a")[0]["share"])[::2] == (200, b"x")
    plant(tmp_path, {"form": b"by a form"})
    form = re.findall(r"-F ([\w-]+)=(\S+)", asked("share", "upload", f"g/{bucket}/b")[0]["share"])
    fields = [word for name, value in form if name != "file" for word in ("--form-string", f"{name}={value}")]
    url = f"{told['AWS_ENDPOINT_URL']}/{bucket}/"
    run(["curl", "-sSf", *fields, "--form", f"file=@{tmp_path / 'form'}", url], told)
    assert mc("cat", f"g/{bucket}/b") == "by a form"


def test_a_full_bucket(told, gateway, mc, bucket, tmp_path):
    gateway.cli("quota", "set", bucket, "1000")
    plant(tmp_path, {"a": b"x" * 1001})
    done = subprocess.run([MC, "cp", tmp_path / "a", f"g/{bucket}/a"], env=told, capture_output=True, text=True)
    assert done.returncode == 1 and "The bucket may hold 1000 bytes: 0 are in use" in done.stderr, done
