"""Who may what: ACLs, policies, ownership, the public access block, CORS; bucket tags beside them."""

import json

import pytest
from botocore import UNSIGNED
from botocore.config import Config
from kit import fetch, refused

EVERYBODY = "http://acs.amazonaws.com/groups/global/AllUsers"


@pytest.fixture(scope="module")
def nobody(boto):
    """Signs nothing."""
    return boto(config=Config(signature_version=UNSIGNED))


@pytest.fixture
def stranger(boto, other):
    """The second account's client."""
    return boto(access_key=other.access_key, secret_key=other.secret_key)


def permissions(acl):
    return sorted((grant["Grantee"].get("URI", "owner"), grant["Permission"]) for grant in acl["Grants"])


def read(s3, bucket, key="a"):
    return s3.get_object(Bucket=bucket, Key=key)["Body"].read()


def opened(s3, bucket):
    """Lists are in force again, as they were before 2023."""
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_bucket_ownership_controls(
        Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    )


def test_canned_lists(s3, bucket, nobody):
    opened(s3, bucket)
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    with refused("AccessDenied", 403):
        read(nobody, bucket)
    s3.put_object_acl(Bucket=bucket, Key="a", ACL="public-read")
    assert permissions(s3.get_object_acl(Bucket=bucket, Key="a")) == [(EVERYBODY, "READ"), ("owner", "FULL_CONTROL")]
    assert read(nobody, bucket) == b"x"
    with refused("AccessDenied", 403):
        nobody.list_objects_v2(Bucket=bucket)
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
    assert permissions(s3.get_bucket_acl(Bucket=bucket)) == [(EVERYBODY, "READ"), ("owner", "FULL_CONTROL")]
    assert nobody.list_objects_v2(Bucket=bucket)["KeyCount"] == 1
    s3.put_object(Bucket=bucket, Key="b", Body=b"y", ACL="public-read")
    assert read(nobody, bucket, "b") == b"y"


def test_a_list_of_ones_own(s3, bucket, stranger):
    opened(s3, bucket)
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    name = stranger.list_buckets()["Owner"]["ID"]
    acl = s3.get_object_acl(Bucket=bucket, Key="a")
    grant = {"Grantee": {"ID": name, "Type": "CanonicalUser"}, "Permission": "READ"}
    policy = {"Owner": acl["Owner"], "Grants": [*acl["Grants"], grant]}
    s3.put_object_acl(Bucket=bucket, Key="a", AccessControlPolicy=policy)
    assert read(stranger, bucket) == b"x"
    s3.put_bucket_acl(Bucket=bucket, GrantWrite=f'id="{name}"')
    stranger.put_object(Bucket=bucket, Key="b", Body=b"theirs")
    with refused("AccessDenied", 403):
        stranger.list_objects_v2(Bucket=bucket)


def policy_of(bucket, **statement):
    said = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [said | statement]})


def test_policies(s3, bucket, nobody):
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    s3.put_object(Bucket=bucket, Key="open/a", Body=b"y")
    with refused("NoSuchBucketPolicy", 404):
        s3.get_bucket_policy(Bucket=bucket)
    policy = policy_of(bucket, Resource=f"arn:aws:s3:::{bucket}/open/*")
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    assert json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"]) == json.loads(policy)
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] is True
    assert read(nobody, bucket, "open/a") == b"y"
    with refused("AccessDenied", 403):
        read(nobody, bucket)
    s3.delete_bucket_policy(Bucket=bucket)
    with refused("AccessDenied", 403):
        read(nobody, bucket, "open/a")
    with refused("MalformedPolicy", 400):
        s3.put_bucket_policy(Bucket=bucket, Policy=policy_of("another-bucket"))


def test_policies_with_conditions(s3, bucket, nobody, stranger):
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    local = {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}
    s3.put_bucket_policy(Bucket=bucket, Policy=policy_of(bucket, Condition=local))
    assert read(nobody, bucket) == b"x"
    far = {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}
    s3.put_bucket_policy(Bucket=bucket, Policy=policy_of(bucket, Condition=far))
    with refused("AccessDenied", 403):
        read(nobody, bucket)
    below = {"StringLike": {"s3:prefix": "open/*"}}
    listing = policy_of(bucket, Action="s3:ListBucket", Resource=f"arn:aws:s3:::{bucket}", Condition=below)
    s3.put_bucket_policy(Bucket=bucket, Policy=listing)
    assert stranger.list_objects_v2(Bucket=bucket, Prefix="open/x")["KeyCount"] == 0
    with refused("AccessDenied", 403):
        stranger.list_objects_v2(Bucket=bucket)


def test_ownership(s3, bucket):
    s3.put_bucket_ownership_controls(
        Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    )
    told = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]
    assert told == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    with refused("AccessControlListNotSupported", 400):
        s3.put_object(Bucket=bucket, Key="a", Body=b"x", ACL="public-read")
    s3.put_object(Bucket=bucket, Key="a", Body=b"x", ACL="bucket-owner-full-control")
    s3.delete_bucket_ownership_controls(Bucket=bucket)
    with refused("OwnershipControlsNotFoundError", 404):
        s3.get_bucket_ownership_controls(Bucket=bucket)


def test_the_public_access_block(s3, bucket, nobody):
    opened(s3, bucket)
    s3.put_object(Bucket=bucket, Key="a", Body=b"x", ACL="public-read")
    assert read(nobody, bucket) == b"x"
    block = dict.fromkeys(["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"], True)
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=block)
    assert s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"] == block
    with refused("AccessDenied", 403):
        read(nobody, bucket)
    with refused("AccessDenied", 403):
        s3.put_object(Bucket=bucket, Key="b", Body=b"x", ACL="public-read")
    with refused("AccessDenied", 403):
        s3.put_bucket_policy(Bucket=bucket, Policy=policy_of(bucket))
    s3.delete_public_access_block(Bucket=bucket)
    with refused("NoSuchPublicAccessBlockConfiguration", 404):
        s3.get_public_access_block(Bucket=bucket)
    assert read(nobody, bucket) == b"x"


def test_cors(s3, bucket, endpoint):
    with refused("NoSuchCORSConfiguration", 404):
        s3.get_bucket_cors(Bucket=bucket)
    rule = {
        "AllowedMethods": ["GET", "PUT"],
        "AllowedOrigins": ["https://*.example.com"],
        "AllowedHeaders": ["*"],
        "ExposeHeaders": ["ETag"],
        "MaxAgeSeconds": 600,
    }
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == [rule]
    asked = {"Origin": "https://www.example.com", "Access-Control-Request-Method": "PUT"}
    status, headers, _ = fetch("OPTIONS", f"{endpoint}/{bucket}/a", headers=asked)
    assert (status, headers["access-control-allow-origin"]) == (200, "https://www.example.com")
    status, _, _ = fetch("OPTIONS", f"{endpoint}/{bucket}/a", headers=asked | {"Origin": "https://example.org"})
    assert status == 403
    s3.delete_bucket_cors(Bucket=bucket)
    with refused("NoSuchCORSConfiguration", 404):
        s3.get_bucket_cors(Bucket=bucket)


def test_bucket_tags(s3, bucket):
    with refused("NoSuchTagSet", 404):
        s3.get_bucket_tagging(Bucket=bucket)
    tags = [{"Key": "colour", "Value": "blue"}]
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags})
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == tags
    s3.delete_bucket_tagging(Bucket=bucket)
    with refused("NoSuchTagSet", 404):
        s3.get_bucket_tagging(Bucket=bucket)


def test_the_payer(s3, bucket):
    s3.put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration={"Payer": "Requester"})
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "Requester"


def test_the_owner_expected(s3, bucket):
    owner = s3.list_buckets()["Owner"]["ID"]
    s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=owner)
    with refused("AccessDenied", 403):
        s3.list_objects_v2(Bucket=bucket, ExpectedBucketOwner="0" * len(owner))
