"""A bucket that is full, in S3's words; and temporary keys."""

import json

import pytest
from kit import refused


@pytest.fixture
def limited(gateway, s3, bucket):
    """A bucket for 1000 bytes, limited by its owner with OBS's request."""
    limit(gateway, bucket, 1000)
    return bucket


def limit(gateway, bucket, size):
    gateway.cli("quota", "set", bucket, str(size))


def test_a_full_bucket(s3, gateway, limited):
    s3.put_object(Bucket=limited, Key="a", Body=b"x" * 1000)
    with refused("QuotaExceeded", 403):
        s3.put_object(Bucket=limited, Key="b", Body=b"y")
    with refused("QuotaExceeded", 403):
        s3.copy_object(Bucket=limited, Key="b", CopySource=f"{limited}/a")
    with refused("404", 404):
        s3.head_object(Bucket=limited, Key="b")
    s3.put_object(Bucket=limited, Key="a", Body=b"z" * 1000)
    limit(gateway, limited, 2000)
    s3.put_object(Bucket=limited, Key="b", Body=b"y" * 1000)


def test_parts_count_too(s3, limited):
    upload = s3.create_multipart_upload(Bucket=limited, Key="a")["UploadId"]
    name = {"Bucket": limited, "Key": "a", "UploadId": upload}
    s3.upload_part(**name, PartNumber=1, Body=b"x" * 900)
    with refused("QuotaExceeded", 403):
        s3.upload_part(**name, PartNumber=2, Body=b"x" * 101)
    s3.abort_multipart_upload(**name)
    s3.put_object(Bucket=limited, Key="b", Body=b"y" * 1000)


def test_it_is_not_tried_again(boto, gateway, limited):
    """With boto3's own rules for trying again, which the other tests do without."""
    from botocore.config import Config

    s3 = boto(config=Config(retries={"total_max_attempts": 3}))
    sent = []
    s3.meta.events.register("before-send.s3.PutObject", lambda **_: sent.append(1))
    with refused("QuotaExceeded", 403):
        s3.put_object(Bucket=limited, Key="a", Body=b"x" * 1001)
    assert len(sent) == 1


def session(boto, given):
    keys = given["Credentials"]
    return boto(
        access_key=keys["AccessKeyId"], secret_key=keys["SecretAccessKey"], aws_session_token=keys["SessionToken"]
    )


def test_temporary_keys(boto, s3, bucket):
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    given = boto("sts").get_session_token(DurationSeconds=900)
    temporary = session(boto, given)
    assert temporary.get_object(Bucket=bucket, Key="a")["Body"].read() == b"x"
    temporary.put_object(Bucket=bucket, Key="b", Body=b"y")
    keys = given["Credentials"]
    with refused("InvalidToken"):
        boto(
            access_key=keys["AccessKeyId"], secret_key=keys["SecretAccessKey"], aws_session_token="another"
        ).list_buckets()


def test_a_role_that_may_less(boto, s3, bucket):
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    sts = boto("sts")
    identity = sts.get_caller_identity()
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}],
    }
    given = sts.assume_role(
        RoleArn=f"arn:aws:iam::{identity['Account']}:role/reader", RoleSessionName="reader", Policy=json.dumps(policy)
    )
    reader = session(boto, given)
    assert reader.get_object(Bucket=bucket, Key="a")["Body"].read() == b"x"
    with refused("AccessDenied", 403):
        reader.put_object(Bucket=bucket, Key="a", Body=b"y")
