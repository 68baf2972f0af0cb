"""Buckets: made, seen, found, deleted."""

import pytest
from checks import accept, content, header, refuse
from obs import CreateBucketHeader, ExtensionGrant, HeadPermission, Permission, StorageClass


@pytest.mark.covers("CreateBucket", "HeadBucket", "DeleteBucket")
def test_a_bucket_from_birth_to_death(client, new_name):
    name = new_name()
    assert client.headBucket(name).status == 404
    created = client.createBucket(name)
    accept(created)
    assert header(created)["location"] == f"/{name}"
    accept(client.headBucket(name))
    accept(client.createBucket(name))  # again, by its owner: nothing changes
    accept(client.deleteBucket(name), 204)
    refuse(client.getBucketQuota(name), 404, "NoSuchBucket")
    accept(client.createBucket(name))
    accept(client.deleteBucket(name), 204)


@pytest.mark.covers("ListBuckets")
def test_the_list_of_buckets(client, bucket):
    body = accept(client.listBuckets())
    entry = next(entry for entry in body.buckets if entry.name == bucket)
    assert entry.location == "region-1"
    assert entry.bucket_type in (None, "OBJECT")
    assert entry.create_date
    assert body.owner.owner_id
    listed = [entry.name for entry in body.buckets]
    assert listed == sorted(listed)


@pytest.mark.covers("GetBucketLocation", "HeadBucket")
def test_location_and_class(client, bucket):
    assert accept(client.getBucketLocation(bucket)).location == "region-1"
    head = accept(client.getBucketMetadata(bucket))
    assert (head.location, head.storageClass, head.obsVersion) == ("region-1", "STANDARD", "3.0")


@pytest.mark.covers("CreateBucket", "GetBucketLocation")
def test_the_location_named_at_birth(client, new_name):
    name = new_name()
    accept(client.createBucket(name, location="region-1"))
    assert accept(client.getBucketLocation(name)).location == "region-1"
    refuse(client.createBucket(new_name(), location="region-9"), 400, "InvalidLocationConstraint")


@pytest.mark.parametrize("name", ["ab", "Upper", "under_score", "a..b", "-dash", "192.168.1.1"])
def test_names_that_are_none(client, name):
    refuse(client.createBucket(name), 400, "InvalidBucketName")


def test_a_bucket_with_content_stays(client, bucket):
    accept(client.putContent(bucket, "a", b""))
    refuse(client.deleteBucket(bucket), 409, "BucketNotEmpty")
    accept(client.deleteObject(bucket, "a"), 204)
    accept(client.deleteBucket(bucket), 204)


def test_what_is_not_there_yet_never_does_something_else(client, bucket):
    accept(client.putContent(bucket, "a", b"kept"))
    accept(client.deleteObject(bucket, "a"), 204)
    # The bucket is empty: were the sub-resource overlooked, this would delete it.
    refuse(client.deleteBucketReplication(bucket), 501, "ServiceNotImplemented")
    accept(client.headBucket(bucket))


@pytest.fixture
def make(client, new_name):
    """Makes buckets with headers of their own."""
    made = []

    def create(*arguments):
        name = new_name()
        accept(client.createBucket(name, *arguments))
        made.append(name)
        return name

    yield create
    for name in made:
        accept(client.deleteBucket(name), 204)


@pytest.mark.covers("GetApiVersion", "GetBucketApiVersion")
@pytest.mark.parametrize("mode", ["name"], indirect=True)  # by IP the SDK does not ask
def test_the_protocol_is_asked_for_first(connect, bucket):
    client = connect()
    accept(client.listBuckets())
    accept(client.headBucket(bucket))


@pytest.mark.covers("CreateBucket", "HeadBucket")
@pytest.mark.parametrize("storage_class", [StorageClass.STANDARD, StorageClass.WARM, StorageClass.COLD])
def test_the_class_chosen_at_birth(client, make, mode, storage_class):
    name = make(CreateBucketHeader(storageClass=storage_class))
    spelt = (
        {"WARM": "STANDARD_IA", "COLD": "GLACIER"}.get(storage_class, storage_class) if mode == "ip" else storage_class
    )
    assert accept(client.getBucketMetadata(name)).storageClass == spelt
    assert accept(client.getBucketStoragePolicy(name)).storageClass == spelt


def grants(acl):
    """(who, what) of an access control list, in the words of the SDK."""
    return {(grant.grantee.group or grant.grantee.grantee_id, grant.permission) for grant in acl.grants}


@pytest.mark.covers("CreateBucket", "GetBucketAcl")
def test_the_access_given_at_birth(client, make, mode):
    everyone = "Everyone" if mode == "name" else "http://acs.amazonaws.com/groups/global/AllUsers"
    acl = accept(client.getBucketAcl(make(CreateBucketHeader(aclControl=HeadPermission.PUBLIC_READ_WRITE))))
    assert grants(acl) == {(acl.owner.owner_id, "FULL_CONTROL"), (everyone, "READ"), (everyone, "WRITE")}


@pytest.mark.covers("CreateBucket", "GetBucketAcl")
def test_the_grants_given_at_birth(client, make, account):
    given = [
        ExtensionGrant(account.id, permission)
        for permission in [Permission.READ, Permission.WRITE, Permission.READ_ACP, Permission.WRITE_ACP]
    ]
    acl = accept(client.getBucketAcl(make(CreateBucketHeader(extensionGrants=given))))
    assert grants(acl) - {(acl.owner.owner_id, "FULL_CONTROL")} == {
        (account.id, permission) for permission in ["READ", "WRITE", "READ_ACP", "WRITE_ACP"]
    }


@pytest.mark.covers("CreateBucket", "ListBuckets", "HeadBucket")
def test_a_file_system_is_listed_as_one(client, make, bucket):
    name = make(CreateBucketHeader(isPFS=True))
    kinds = {entry.name: entry.bucket_type for entry in accept(client.listBuckets()).buckets}
    assert (kinds[name], kinds[bucket]) == ("POSIX", "OBJECT")
    for kind, yes, no in [("POSIX", name, bucket), ("OBJECT", bucket, name)]:
        listed = [entry.name for entry in accept(client.listBuckets(bucketType=kind)).buckets]
        assert yes in listed and no not in listed
    assert header(client.headBucket(name))["fs-file-interface"] == "Enabled"


@pytest.mark.covers("ListBuckets")
def test_the_list_of_buckets_by_pages(other, new_name):
    names = sorted(new_name() for _ in range(3))
    for name in names:
        accept(other.createBucket(name))
    first = accept(other.listBuckets(maxKeys=2))
    assert [entry.name for entry in first.buckets] == names[:2]
    assert first.nextMarker == names[1]
    second = accept(other.listBuckets(maxKeys=2, marker=first.nextMarker))
    assert [entry.name for entry in second.buckets] == names[2:]
    assert (second.nextMarker, second.marker) == (None, names[1])


@pytest.mark.covers("PutObject", "GetObject", "ListObjects")
def test_a_client_of_one_bucket(client, bucket):
    bound = client.bucketClient(bucket)
    accept(bound.putContent("a", b"bound"))
    assert [entry.key for entry in accept(bound.listObjects()).contents] == ["a"]
    assert content(client, bucket, "a") == b"bound"
