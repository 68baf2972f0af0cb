"""The quota: set, read, enforced to the byte, and counted exactly at every step."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from checks import Stream, accept, refuse, usage

MIB = 1024 * 1024


def put(client, bucket, key, size):
    return client.putContent(bucket, key, b"x" * size)


def quota(client, bucket):
    return accept(client.getBucketQuota(bucket)).quota


def refuse_space(result):
    refuse(result, 403, "InsufficientStorageSpace")


@pytest.mark.covers("GetBucketQuota", "GetBucketStorageInfo")
def test_a_new_bucket_has_no_quota_and_no_content(client, bucket):
    assert quota(client, bucket) == 0
    assert usage(client, bucket) == (0, 0)


@pytest.mark.covers("PutBucketQuota", "GetBucketQuota")
@pytest.mark.parametrize("value", [1, 1000, 2**31, 2**53 + 1, 2**63 - 1, 0])
def test_a_quota_is_read_back_as_it_was_set(client, bucket, value):
    accept(client.setBucketQuota(bucket, value))
    assert quota(client, bucket) == value


@pytest.mark.parametrize("value", [-1, 2**63, 10**30, "1e3", "1.5", "0x10", "+5", "ten"])
def test_what_is_no_quota_is_refused_and_changes_nothing(client, bucket, value):
    accept(client.setBucketQuota(bucket, 77))
    refuse(client.setBucketQuota(bucket, value), 400, "MalformedQuotaError")
    assert quota(client, bucket) == 77


@pytest.mark.covers("GetBucketStorageInfo", "PutObject")
def test_the_bucket_fills_to_the_byte_and_no_further(client, bucket):
    accept(client.setBucketQuota(bucket, 1000))
    accept(put(client, bucket, "a", 400))
    assert usage(client, bucket) == (400, 1)
    refuse_space(put(client, bucket, "b", 601))
    assert usage(client, bucket) == (400, 1)
    accept(put(client, bucket, "b", 600))  # an exact fit is a fit
    assert usage(client, bucket) == (1000, 2)
    refuse_space(put(client, bucket, "c", 1))
    assert usage(client, bucket) == (1000, 2)
    accept(put(client, bucket, "empty", 0))
    assert usage(client, bucket) == (1000, 3)


def test_an_overwrite_counts_the_difference(client, bucket):
    accept(client.setBucketQuota(bucket, 1000))
    accept(put(client, bucket, "a", 400))
    accept(put(client, bucket, "b", 600))
    refuse_space(put(client, bucket, "a", 401))
    assert usage(client, bucket) == (1000, 2)
    accept(put(client, bucket, "a", 400))
    assert usage(client, bucket) == (1000, 2)
    accept(put(client, bucket, "a", 100))
    assert usage(client, bucket) == (700, 2)
    accept(put(client, bucket, "a", 400))
    assert usage(client, bucket) == (1000, 2)


def test_a_delete_makes_room_at_once(client, bucket):
    accept(client.setBucketQuota(bucket, 1000))
    accept(put(client, bucket, "a", 1000))
    refuse_space(put(client, bucket, "b", 1))
    accept(client.deleteObject(bucket, "a"), 204)
    assert usage(client, bucket) == (0, 0)
    accept(client.deleteObject(bucket, "a"), 204)  # deleting what is not there counts nothing
    assert usage(client, bucket) == (0, 0)
    accept(put(client, bucket, "b", 1000))
    assert usage(client, bucket) == (1000, 1)


def test_a_quota_below_the_usage_keeps_everything_and_refuses_growth(client, bucket):
    accept(put(client, bucket, "a", 600))
    accept(put(client, bucket, "b", 400))
    accept(client.setBucketQuota(bucket, 500))
    assert usage(client, bucket) == (1000, 2)
    refuse_space(put(client, bucket, "c", 1))
    refuse_space(put(client, bucket, "a", 601))
    accept(put(client, bucket, "a", 599))  # still over, but it shrinks
    assert usage(client, bucket) == (999, 2)
    accept(client.deleteObject(bucket, "a"), 204)
    accept(put(client, bucket, "c", 100))
    assert usage(client, bucket) == (500, 2)


def test_a_raised_and_a_lifted_quota_take_effect_at_once(client, bucket):
    accept(client.setBucketQuota(bucket, 10))
    refuse_space(put(client, bucket, "a", 20))
    accept(client.setBucketQuota(bucket, 20))
    accept(put(client, bucket, "a", 20))
    refuse_space(put(client, bucket, "b", 1))
    accept(client.setBucketQuota(bucket, 0))
    accept(put(client, bucket, "b", 1))
    assert usage(client, bucket) == (21, 2)


def test_filling_object_by_object_ends_exactly_where_it_must(client, bucket):
    accept(client.setBucketQuota(bucket, 10_000))
    stored = []
    for number in range(1, 100):
        size = 137 * number
        result = put(client, bucket, f"object-{number}", size)
        if result.status != 200:
            refuse_space(result)
            assert sum(stored) + size > 10_000
            break
        stored.append(size)
        assert usage(client, bucket) == (sum(stored), len(stored))
    assert len(stored) == 11
    assert usage(client, bucket) == (sum(stored), len(stored))


def test_writers_at_the_same_time_share_the_room_exactly(client, bucket):
    accept(client.setBucketQuota(bucket, 10 * 1024))
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda number: put(client, bucket, f"object-{number}", 1024), range(32)))
    assert sorted(result.status for result in results) == [200] * 10 + [403] * 22
    for result in results:
        if result.status == 403:
            refuse_space(result)
    assert usage(client, bucket) == (10 * 1024, 10)


def test_a_stream_of_unknown_length_is_counted_as_it_comes(client, bucket):
    accept(client.setBucketQuota(bucket, 100_000))
    accept(client.putContent(bucket, "a", Stream(b"x" * 99_999)))
    assert usage(client, bucket) == (99_999, 1)
    refuse_space(client.putContent(bucket, "b", Stream(b"xx")))
    assert usage(client, bucket) == (99_999, 1)
    accept(client.putContent(bucket, "b", Stream(b"x")))
    assert usage(client, bucket) == (100_000, 2)


# The SDK sends the whole body before it looks at the answer. A gateway that answers early and hangs up resets the
# connection under it, and the user sees a socket error in place of the refusal.
@pytest.mark.parametrize("size", [MIB, 5 * MIB])
def test_the_refusal_of_a_large_body_reaches_the_client(client, bucket, size):
    accept(client.setBucketQuota(bucket, 1000))
    refuse_space(put(client, bucket, "declared", size))
    refuse_space(client.putContent(bucket, "streamed", Stream(b"x" * size, piece=65536)))
    assert usage(client, bucket) == (0, 0)
