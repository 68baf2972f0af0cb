"""obstore, Rust's object_store as delta-rs, Polars, DataFusion and Lance have it: writes on conditions, copies that must
not replace, parts and lists by many tasks at once."""

import asyncio
import datetime

import obstore
import pytest
from conftest import REGION
from kit import MIB, fetch, pattern
from obstore.exceptions import AlreadyExistsError, PermissionDeniedError, PreconditionError
from obstore.store import S3Store


@pytest.fixture(scope="module")
def made(boto):
    """It has no call that makes a bucket."""
    boto().create_bucket(Bucket="obstore")
    return "obstore"


@pytest.fixture
def open_store(account, endpoint, made, new_name):
    """Opens a folder of the bucket, each test its own."""

    def call(prefix=new_name(), **options):
        options = {"access_key_id": account.access_key, "secret_access_key": account.secret_key} | options
        told = {"endpoint": endpoint, "region": REGION} | options
        return S3Store(made, config=told, client_options={"allow_http": True}, prefix=prefix)

    return call


@pytest.fixture
def store(open_store):
    return open_store()


def read(store, key):
    return bytes(obstore.get(store, key).bytes())


def keys(store, prefix=None):
    return [entry["path"] for page in obstore.list(store, prefix=prefix) for entry in page]


@pytest.mark.parametrize("size", [0, 1000, 17 * MIB])
def test_objects(store, size):
    key, data = "a b/ü+%41", pattern(size)
    obstore.put(store, key, data, chunk_size=5 * MIB)
    assert read(store, key) == data and obstore.head(store, key)["size"] == size
    if size:
        starts = [0, size // 2, size - 9]
        found = obstore.get_ranges(store, key, starts=starts, lengths=[9, 9, 9])
        assert [bytes(piece) for piece in found] == [data[start : start + 9] for start in starts]


def test_streams(store):
    with obstore.open_writer(store, "a") as target:
        for seed in range(12):
            target.write(pattern(MIB, seed))
    assert read(store, "a") == b"".join(pattern(MIB, seed) for seed in range(12))


def test_puts_on_conditions(store):
    obstore.put(store, "a", b"1", mode="create")
    with pytest.raises(AlreadyExistsError):
        obstore.put(store, "a", b"2", mode="create")
    first = obstore.head(store, "a")["e_tag"]
    obstore.put(store, "a", b"3", mode={"e_tag": first})
    with pytest.raises(PreconditionError):
        obstore.put(store, "a", b"4", mode={"e_tag": first})
    assert read(store, "a") == b"3"


def test_one_of_many_writers_wins(store):
    async def race():
        puts = [obstore.put_async(store, "a", str(n).encode(), mode="create") for n in range(20)]
        return await asyncio.gather(*puts, return_exceptions=True)

    answers = asyncio.run(race())
    won = [n for n, answer in enumerate(answers) if not isinstance(answer, Exception)]
    assert [read(store, "a")] == [str(n).encode() for n in won]
    assert all(isinstance(answer, AlreadyExistsError) for n, answer in enumerate(answers) if n not in won)


def test_copies(store, open_store):
    obstore.put(store, "a", b"x")
    obstore.copy(store, "a", "b")
    obstore.rename(store, "b", "c")
    assert keys(store) == ["a", "c"]
    # What the client makes of it: an upload of one copied part, completed on the condition that nothing is there.
    careful = open_store(copy_if_not_exists="multipart", prefix=store.prefix)
    obstore.copy(careful, "a", "d", overwrite=False)
    obstore.put(store, "a", b"y")
    with pytest.raises(AlreadyExistsError):
        obstore.copy(careful, "a", "d", overwrite=False)
    assert read(store, "d") == b"x"


def test_lists_and_deletions(store):
    names = [f"many/{n:04}" for n in range(1100)] + ["more/a", "b"]

    async def put_all():
        await asyncio.gather(*[obstore.put_async(store, name, b"") for name in names])

    asyncio.run(put_all())
    assert keys(store) == sorted(names)
    found = obstore.list_with_delimiter(store)
    assert (found["common_prefixes"], [entry["path"] for entry in found["objects"]]) == (["many", "more"], ["b"])
    obstore.delete(store, [*names, "never"])
    assert keys(store) == []


def test_what_objects_carry(store):
    obstore.put(store, "a", b"x", attributes={"Content-Type": "text/x-test", "colour": "blue"}, tags={"k": "v"})
    assert obstore.get(store, "a").attributes == {"Content-Type": "text/x-test", "colour": "blue"}


def test_a_checksum(open_store):
    store = open_store(checksum_algorithm="sha256")
    obstore.put(store, "a", pattern(1000))
    obstore.put(store, "b", pattern(12 * MIB), chunk_size=5 * MIB)
    assert (read(store, "a"), read(store, "b")) == (pattern(1000), pattern(12 * MIB))


def test_a_signed_url(store):
    obstore.put(store, "a", b"x")
    assert fetch("GET", obstore.sign(store, "GET", "a", datetime.timedelta(hours=1)))[::2] == (200, b"x")
    assert fetch("PUT", obstore.sign(store, "PUT", "b", datetime.timedelta(hours=1)), b"y")[0] == 200
    assert read(store, "b") == b"y"


def test_what_is_refused(store, open_store):
    with pytest.raises(FileNotFoundError):
        obstore.get(store, "a")
    with pytest.raises(PermissionDeniedError):
        obstore.put(open_store(skip_signature="true"), "a", b"x")


def test_a_full_bucket(store, gateway, made):
    gateway.cli("quota", "set", made, "1")
    try:
        with pytest.raises(PermissionDeniedError, match="QuotaExceeded"):
            obstore.put(store, "a", pattern(1000))
    finally:
        gateway.cli("quota", "set", made, "0")
    obstore.put(store, "a", pattern(1000))
