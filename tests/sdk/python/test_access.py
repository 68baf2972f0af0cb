"""Who may what: access control lists of buckets and objects, and policies; the owner, another account, nobody."""

import json

import pytest
from checks import accept, content, fetch, refuse
from obs import ACL, ExtensionGrant, Grant, Grantee, Group, HeadPermission, Owner, Permission, PutObjectHeader

EVERYONE = {"name": "Everyone", "ip": "http://acs.amazonaws.com/groups/global/AllUsers"}


@pytest.fixture
def everyone(mode):
    return EVERYONE[mode]


def grants(acl):
    """(who, what) of an access control list, in the words of the SDK; the owner's own grant left out."""
    all_of_it = {(grant.grantee.group or grant.grantee.grantee_id, grant.permission) for grant in acl.grants}
    return all_of_it - {(acl.owner.owner_id, "FULL_CONTROL")}


@pytest.fixture
def owner(client):
    return accept(client.listBuckets()).owner.owner_id


@pytest.mark.covers("PutBucketAcl", "GetBucketAcl")
def test_the_lists_of_a_bucket_by_their_names(client, nobody, bucket, everyone, owner):
    accept(client.putContent(bucket, "a", b"x"))
    acl = accept(client.getBucketAcl(bucket))
    assert (acl.owner.owner_id, grants(acl)) == (owner, set())
    refuse(nobody.listObjects(bucket), 403, "AccessDenied")

    accept(client.setBucketAcl(bucket, aclControl=HeadPermission.PUBLIC_READ))
    assert grants(accept(client.getBucketAcl(bucket))) == {(everyone, "READ")}
    assert [entry.key for entry in accept(nobody.listObjects(bucket)).contents] == ["a"]
    refuse(nobody.putContent(bucket, "b", b"x"), 403, "AccessDenied")

    accept(client.setBucketAcl(bucket, aclControl=HeadPermission.PUBLIC_READ_WRITE))
    accept(nobody.putContent(bucket, "b", b"from nobody"))
    accept(nobody.deleteObject(bucket, "a"), 204)

    accept(client.setBucketAcl(bucket, aclControl=HeadPermission.PRIVATE))
    assert grants(accept(client.getBucketAcl(bucket))) == set()
    refuse(nobody.listObjects(bucket), 403, "AccessDenied")


@pytest.mark.parametrize("mode", ["name"], indirect=True)  # the S3 dialect has no word for it
@pytest.mark.covers("PutBucketAcl")
def test_a_list_of_a_bucket_that_reaches_its_objects(client, nobody, bucket):
    accept(client.putContent(bucket, "a", b"x"))
    accept(client.setBucketAcl(bucket, aclControl=HeadPermission.PUBLIC_READ))
    refuse(nobody.getObject(bucket, "a"), 403, "AccessDenied")
    accept(client.setBucketAcl(bucket, aclControl=HeadPermission.PUBLIC_READ_DELIVERED))
    assert [grant.delivered for grant in accept(client.getBucketAcl(bucket)).grants] == [False, True]
    assert content(nobody, bucket, "a") == b"x"


@pytest.mark.covers("PutBucketAcl", "GetBucketAcl")
def test_a_list_of_a_bucket_in_full(client, other, bucket, account, everyone, owner):
    given = [
        Grant(Grantee(grantee_id=owner), Permission.FULL_CONTROL),
        Grant(Grantee(grantee_id=account.id), Permission.WRITE),
        Grant(Grantee(group=Group.ALL_USERS), Permission.READ),
    ]
    accept(client.setBucketAcl(bucket, ACL(owner=Owner(owner), grants=given)))
    acl = accept(client.getBucketAcl(bucket))
    assert grants(acl) == {(account.id, "WRITE"), (everyone, "READ")}
    accept(other.putContent(bucket, "a", b"theirs"))
    refuse(other.getBucketAcl(bucket), 403, "AccessDenied")
    accept(client.setBucketAcl(bucket, ACL(owner=Owner(owner), grants=given[:1])))
    refuse(other.putContent(bucket, "a", b"theirs"), 403, "AccessDenied")


def test_what_is_no_list(client, bucket, account, owner):
    bad = ACL(owner=Owner(owner), grants=[Grant(Grantee(grantee_id=owner), "EVERYTHING")])
    refuse(client.setBucketAcl(bucket, bad), 400, "MalformedACLError")
    stolen = ACL(owner=Owner(account.id), grants=[Grant(Grantee(grantee_id=account.id), Permission.FULL_CONTROL)])
    assert client.setBucketAcl(bucket, stolen).status in (400, 403)
    acl = accept(client.getBucketAcl(bucket))
    assert (acl.owner.owner_id, grants(acl)) == (owner, set())


@pytest.mark.covers("PutObjectAcl", "GetObjectAcl")
def test_the_lists_of_an_object(client, nobody, other, bucket, account, everyone, owner):
    accept(client.putContent(bucket, "a", b"x"))
    assert grants(accept(client.getObjectAcl(bucket, "a"))) == set()
    refuse(nobody.getObject(bucket, "a"), 403, "AccessDenied")

    accept(client.setObjectAcl(bucket, "a", aclControl=HeadPermission.PUBLIC_READ))
    acl = accept(client.getObjectAcl(bucket, "a"))
    assert (acl.owner.owner_id, grants(acl)) == (owner, {(everyone, "READ")})
    assert content(nobody, bucket, "a") == b"x"

    given = [Grant(Grantee(grantee_id=account.id), permission) for permission in ["READ", "READ_ACP"]]
    accept(client.setObjectAcl(bucket, "a", ACL(owner=Owner(owner), grants=given)))
    assert grants(accept(other.getObjectAcl(bucket, "a"))) == {(account.id, "READ"), (account.id, "READ_ACP")}
    assert content(other, bucket, "a") == b"x"
    refuse(nobody.getObject(bucket, "a"), 403, "AccessDenied")
    refuse(other.setObjectAcl(bucket, "a", aclControl=HeadPermission.PUBLIC_READ), 403, "AccessDenied")
    refuse(client.getObjectAcl(bucket, "missing"), 404, "NoSuchKey")


@pytest.mark.parametrize("mode", ["name"], indirect=True)  # the S3 dialect has no word for it
@pytest.mark.covers("PutObjectAcl", "GetObjectAcl")
def test_an_object_that_does_not_take_what_its_bucket_delivers(client, nobody, bucket, owner):
    accept(client.setBucketAcl(bucket, aclControl=HeadPermission.PUBLIC_READ_DELIVERED))
    accept(client.putContent(bucket, "a", b"x"))
    assert accept(client.getObjectAcl(bucket, "a")).delivered is True
    assert content(nobody, bucket, "a") == b"x"
    own = [Grant(Grantee(grantee_id=owner), Permission.FULL_CONTROL)]
    accept(client.setObjectAcl(bucket, "a", ACL(owner=Owner(owner), grants=own, delivered=False)))
    assert accept(client.getObjectAcl(bucket, "a")).delivered is False
    refuse(nobody.getObject(bucket, "a"), 403, "AccessDenied")


@pytest.mark.covers("PutObject", "GetObjectAcl")
def test_the_access_an_object_is_put_with(client, nobody, other, bucket, account, everyone):
    accept(client.putContent(bucket, "a", b"x", headers=PutObjectHeader(acl=HeadPermission.PUBLIC_READ)))
    assert grants(accept(client.getObjectAcl(bucket, "a"))) == {(everyone, "READ")}
    assert content(nobody, bucket, "a") == b"x"
    given = [ExtensionGrant(account.id, Permission.READ), ExtensionGrant(account.id, Permission.READ_ACP)]
    accept(client.putContent(bucket, "b", b"y", headers=PutObjectHeader(extensionGrants=given)))
    assert grants(accept(other.getObjectAcl(bucket, "b"))) == {(account.id, "READ"), (account.id, "READ_ACP")}
    assert content(other, bucket, "b") == b"y"
    refuse(nobody.getObject(bucket, "b"), 403, "AccessDenied")


@pytest.fixture
def statement(mode, bucket):
    """One statement of a policy about the bucket, in the vocabulary of the mode."""

    def of(effect, action, key=None, principal="*", **condition):
        resource = bucket if key is None else f"{bucket}/{key}"
        if mode == "name":
            who = "*" if principal == "*" else {"ID": [f"domain/{principal}:user/*"]}
        else:
            who = "*" if principal == "*" else {"AWS": [f"arn:aws:iam::{principal}:root"]}
            action, resource = f"s3:{action}", f"arn:aws:s3:::{resource}"
        made = {"Sid": "s", "Effect": effect, "Principal": who, "Action": [action], "Resource": [resource]}
        return made | ({"Condition": condition} if condition else {})

    return of


@pytest.mark.covers("PutBucketPolicy", "GetBucketPolicy", "GetBucketPolicyStatus", "DeleteBucketPolicy")
def test_a_policy_opens_and_closes(client, nobody, other, bucket, account, statement):
    accept(client.putContent(bucket, "public/a", b"for all"))
    accept(client.putContent(bucket, "private/a", b"for none"))
    refuse(client.getBucketPolicy(bucket), 404, "NoSuchBucketPolicy")
    text = json.dumps({"Statement": [statement("Allow", "GetObject", "public/*")]})
    accept(client.setBucketPolicy(bucket, text), 204)
    assert json.loads(accept(client.getBucketPolicy(bucket)).policyJSON) == json.loads(text)
    assert accept(client.getBucketPolicyPublicStatus(bucket)).status is True
    assert content(nobody, bucket, "public/a") == b"for all"
    refuse(nobody.getObject(bucket, "private/a"), 403, "AccessDenied")
    refuse(nobody.putContent(bucket, "public/b", b"x"), 403, "AccessDenied")

    # An explicit no is stronger than any yes.
    rules = [statement("Allow", "GetObject", "*"), statement("Deny", "GetObject", "private/*", account.id)]
    accept(client.setBucketPolicy(bucket, json.dumps({"Statement": rules})), 204)
    assert content(nobody, bucket, "private/a") == b"for none"
    assert content(other, bucket, "public/a") == b"for all"
    refuse(other.getObject(bucket, "private/a"), 403, "AccessDenied")

    accept(client.deleteBucketPolicy(bucket), 204)
    refuse(nobody.getObject(bucket, "public/a"), 403, "AccessDenied")
    refuse(client.getBucketPolicy(bucket), 404, "NoSuchBucketPolicy")
    accept(client.deleteBucketPolicy(bucket), 204)


@pytest.mark.covers("PutBucketPublicAccessBlock", "GetBucketPublicAccessBlock", "DeleteBucketPublicAccessBlock")
def test_public_access_is_blocked(client, nobody, bucket, statement):
    refuse(client.getBucketPublicAccessBlock(bucket), 404, "NoSuchPublicAccessBlockConfiguration")
    accept(client.putContent(bucket, "a", b"x", headers=PutObjectHeader(acl=HeadPermission.PUBLIC_READ)))
    assert content(nobody, bucket, "a") == b"x"
    accept(client.putBucketPublicAccessBlock(bucket, blockPublicAcls=True, ignorePublicAcls=True))
    block = accept(client.getBucketPublicAccessBlock(bucket))
    switches = (block.blockPublicAcls, block.ignorePublicAcls, block.blockPublicPolicy, block.restrictPublicBuckets)
    assert switches == (True, True, False, False)
    refuse(nobody.getObject(bucket, "a"), 403, "AccessDenied")
    refuse(client.setBucketAcl(bucket, aclControl=HeadPermission.PUBLIC_READ), 403, "AccessDenied")

    text = json.dumps({"Statement": [statement("Allow", "GetObject", "*")]})
    accept(client.putBucketPublicAccessBlock(bucket, blockPublicPolicy=True))
    refuse(client.setBucketPolicy(bucket, text), 403, "AccessDenied")
    accept(client.putBucketPublicAccessBlock(bucket, restrictPublicBuckets=True))
    accept(client.setBucketPolicy(bucket, text), 204)
    refuse(nobody.getObject(bucket, "a"), 403, "AccessDenied")
    accept(client.deleteBucketPublicAccessBlock(bucket), 204)
    assert content(nobody, bucket, "a") == b"x"


@pytest.mark.covers("GetBucketPublicStatus")
def test_whether_a_bucket_is_public(client, bucket, mode):
    def is_public():
        if mode == "name":
            # For this one call the SDK forgets to find out what to speak.
            client.thread_local.signature = "obs"
        return accept(client.getBucketPublicStatus(bucket)).status

    assert is_public() is False
    accept(client.setBucketAcl(bucket, aclControl=HeadPermission.PUBLIC_READ))
    assert is_public() is True
    accept(client.putBucketPublicAccessBlock(bucket, ignorePublicAcls=True))
    assert is_public() is False


@pytest.mark.covers("PutBucketPolicy", "ListObjects")
def test_a_policy_with_a_condition(client, other, bucket, account, statement, mode):
    key = "prefix" if mode == "name" else "s3:prefix"
    rule = statement("Allow", "ListBucket", None, account.id, StringEquals={key: "public/"})
    accept(client.setBucketPolicy(bucket, json.dumps({"Statement": [rule]})), 204)
    accept(other.listObjects(bucket, prefix="public/"))
    refuse(other.listObjects(bucket), 403, "AccessDenied")
    refuse(other.listObjects(bucket, prefix="private/"), 403, "AccessDenied")


@pytest.mark.parametrize("text", ["{", "{}", '{"Statement": [{"Effect": "Maybe"}]}'])
def test_what_is_no_policy(client, bucket, text):
    refuse(client.setBucketPolicy(bucket, text), 400, "MalformedPolicy")
    refuse(client.getBucketPolicy(bucket), 404, "NoSuchBucketPolicy")


@pytest.mark.covers("GetObject", "PutBucketRequestPayment")
def test_the_one_who_asks_pays(client, other, bucket, account, statement, mode, address):
    accept(client.putContent(bucket, "a", b"x"))
    rules = [statement("Allow", "GetObject", "*", account.id), statement("Allow", "GetObject", "public")]
    accept(client.setBucketPolicy(bucket, json.dumps({"Statement": rules})), 204)
    accept(client.setBucketRequestPayment(bucket, "Requester"))
    refuse(other.getObject(bucket, "a"), 403, "RequestPayerDenied")
    payer = {("x-obs-" if mode == "name" else "x-amz-") + "request-payer": "requester"}
    assert content(other, bucket, "a", extensionHeaders=payer) == b"x"
    assert content(client, bucket, "a") == b"x"
    assert fetch("GET", address(bucket, "public"), headers=payer)[0] == 403
