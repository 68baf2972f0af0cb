"""rclone, which is told a provider: as generic S3, and as Huawei's OBS."""

import json
import os
import re
import subprocess

import pytest
from conftest import REGION
from kit import MIB, fetch, pattern, plant, run, tree

RCLONE = os.environ.get("RCLONE", "rclone")

FILES = {
    "a.txt": b"a" * 1000,
    "empty": b"",
    "dir/b c+d.txt": pattern(70_000),
    "dir/ümlaut/日本.bin": pattern(12 * MIB),
    "dir/sub/e": b"e",
}


# OBS has the bucket in the host. By an IP address it has to be told that there is no host of that name; by a name the
# gateway is reached as if it were a proxy, because *.localhost is not known to every resolver.
REMOTES = {
    "Other": {"RCLONE_CONFIG_R_PROVIDER": "Other"},
    "HuaweiOBS": {"RCLONE_CONFIG_R_PROVIDER": "HuaweiOBS", "RCLONE_CONFIG_R_FORCE_PATH_STYLE": "true"},
    "HuaweiOBS by name": {"RCLONE_CONFIG_R_PROVIDER": "HuaweiOBS"},
}


@pytest.fixture(scope="module")
def version(environment):
    """Of rclone, as (major, minor)."""
    printed = run([RCLONE, "version"], environment).decode()
    return tuple(map(int, re.match(r"rclone v(\d+)\.(\d+)", printed).groups()))


@pytest.fixture(params=REMOTES)
def remote(request, environment, version, gateway, account, endpoint):
    """Settings of a remote called `r`, by variables; there is no file of settings."""
    settings = dict(REMOTES[request.param])
    if request.param == "HuaweiOBS" and version < (1, 62):
        pytest.skip("this rclone has the bucket in the host, whatever it is told")
    if "by name" in request.param:
        settings["http_proxy"] = endpoint
        endpoint = f"http://obs.localhost:{gateway.port}"
    return environment | settings | {
        "RCLONE_CONFIG": os.path.join(environment["HOME"], "no-settings"),
        "RCLONE_CONFIG_R_TYPE": "s3",
        "RCLONE_CONFIG_R_ENDPOINT": endpoint,
        "RCLONE_CONFIG_R_ACCESS_KEY_ID": account.access_key,
        "RCLONE_CONFIG_R_SECRET_ACCESS_KEY": account.secret_key,
        "RCLONE_CONFIG_R_REGION": REGION,
        "RCLONE_RETRIES": "1",  # what is asked again would look like a success
        "RCLONE_LOW_LEVEL_RETRIES": "1",
    }


@pytest.fixture
def rclone(remote):
    return lambda *words, **more: run([RCLONE, *words], remote, **more)


@pytest.fixture
def bucket(rclone, new_name):
    name = new_name()
    rclone("mkdir", f"r:{name}")
    return name


def listed(rclone, path):
    """{path: size} of the files below."""
    found = json.loads(rclone("lsjson", "--recursive", "--files-only", path))
    return {entry["Path"]: entry["Size"] for entry in found}


SIZES = {name: len(data) for name, data in FILES.items()}


def test_buckets(rclone, bucket):
    assert f"{bucket}/" in rclone("lsf", "r:").decode().splitlines()
    rclone("rcat", f"r:{bucket}/a", data=b"x")
    rclone("rmdir", f"r:{bucket}", code=1)
    rclone("purge", f"r:{bucket}")
    assert f"{bucket}/" not in rclone("lsf", "r:").decode().splitlines()


def test_copies_of_a_folder(rclone, bucket, tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    plant(source, FILES)
    rclone("copy", source, f"r:{bucket}/in", "--s3-chunk-size=5Mi", "--s3-upload-cutoff=6Mi")
    assert listed(rclone, f"r:{bucket}/in") == SIZES
    rclone("check", source, f"r:{bucket}/in")
    rclone("check", source, f"r:{bucket}/in", "--download")
    rclone("copy", f"r:{bucket}/in", target)
    assert tree(target) == FILES

    (source / "a.txt").unlink()
    plant(source, {"dir/sub/e": b"another"})
    rclone("sync", source, f"r:{bucket}/in")
    rclone("check", source, f"r:{bucket}/in")
    assert "a.txt" not in listed(rclone, f"r:{bucket}/in")
    times = json.loads(rclone("lsjson", f"r:{bucket}/in/dir/b c+d.txt"))[0]["ModTime"]
    assert times[:19] == json.loads(rclone("lsjson", source / "dir/b c+d.txt"))[0]["ModTime"][:19]


def test_within_the_gateway(rclone, bucket, new_name, tmp_path):
    plant(tmp_path / "source", FILES)
    rclone("copy", tmp_path / "source", f"r:{bucket}/in")
    rclone("copy", f"r:{bucket}/in", f"r:{bucket}/copy", "--s3-copy-cutoff=6Mi", "--s3-chunk-size=5Mi")
    assert listed(rclone, f"r:{bucket}/copy") == SIZES
    elsewhere = new_name()
    rclone("mkdir", f"r:{elsewhere}")
    rclone("move", f"r:{bucket}/copy", f"r:{elsewhere}/moved")
    assert listed(rclone, f"r:{elsewhere}/moved") == SIZES
    assert set(listed(rclone, f"r:{bucket}")) == {f"in/{name}" for name in FILES}
    rclone("moveto", f"r:{elsewhere}/moved/a.txt", f"r:{elsewhere}/b.txt")
    rclone("deletefile", f"r:{elsewhere}/b.txt")
    rclone("purge", f"r:{elsewhere}")


@pytest.mark.parametrize("size", [0, 1000, 11 * MIB])
def test_streams(rclone, bucket, size):
    data = pattern(size)
    rclone("rcat", f"r:{bucket}/a b", "--s3-chunk-size=5Mi", data=data)
    assert rclone("cat", f"r:{bucket}/a b") == data
    if size:
        assert rclone("cat", f"r:{bucket}/a b", "--offset=10", "--count=100") == data[10:110]


def test_many_files_in_pages(rclone, bucket, tmp_path):
    files = {f"{n:03}": b"" for n in range(60)}
    plant(tmp_path / "source", files)
    rclone("copy", tmp_path / "source", f"r:{bucket}", "--transfers=8")
    rclone_in_pages = ["--s3-list-chunk=7"]
    assert rclone("lsf", f"r:{bucket}", *rclone_in_pages).decode().split() == sorted(files)
    rclone("delete", f"r:{bucket}")
    assert rclone("lsf", f"r:{bucket}") == b""


def test_a_signed_url(rclone, bucket):
    rclone("rcat", f"r:{bucket}/a b", data=b"x")
    url = rclone("link", f"r:{bucket}/a b", "--expire=1h").decode().strip()
    assert fetch("GET", url)[::2] == (200, b"x")


def test_a_full_bucket(remote, rclone, gateway, bucket, tmp_path):
    gateway.cli("quota", "set", bucket, "1000")
    plant(tmp_path, {"a": b"x" * 1001})
    words = [RCLONE, "copyto", tmp_path / "a", f"r:{bucket}/a"]
    done = subprocess.run(words, env=remote, cwd=remote["HOME"], capture_output=True, text=True)
    assert done.returncode != 0 and "QuotaExceeded" in done.stderr, done
    assert rclone("lsf", f"r:{bucket}") == b""
