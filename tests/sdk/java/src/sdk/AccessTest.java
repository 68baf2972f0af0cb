package sdk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static sdk.Session.assertRefused;

import com.obs.services.ObsClient;
import com.obs.services.exception.ObsException;
import com.obs.services.model.AccessControlList;
import com.obs.services.model.CanonicalGrantee;
import com.obs.services.model.CreateBucketRequest;
import com.obs.services.model.ExtensionBucketPermissionEnum;
import com.obs.services.model.ExtensionObjectPermissionEnum;
import com.obs.services.model.GrantAndPermission;
import com.obs.services.model.GroupGrantee;
import com.obs.services.model.Owner;
import com.obs.services.model.Permission;
import com.obs.services.model.PutObjectRequest;
import com.obs.services.model.bpa.BucketPublicAccessBlock;
import com.obs.services.model.bpa.DeleteBucketPublicAccessBlockRequest;
import com.obs.services.model.bpa.GetBucketPolicyPublicStatusRequest;
import com.obs.services.model.bpa.GetBucketPublicAccessBlockRequest;
import com.obs.services.model.bpa.GetBucketPublicStatusRequest;
import com.obs.services.model.bpa.PutBucketPublicAccessBlockRequest;
import java.util.Set;
import java.util.TreeSet;

/** Who may do what: lists of buckets and objects, policies. */
class AccessTest {
    /** The grants as "account:PERMISSION"; everybody's account is "*". */
    private static Set<String> grants(AccessControlList list) {
        Set<String> lines = new TreeSet<>();
        for (GrantAndPermission grant : list.getGrants()) {
            String name = grant.getGrantee() instanceof GroupGrantee ? "*" : grant.getGrantee().getIdentifier();
            lines.add(name + ":" + grant.getPermission().getPermissionString());
        }
        return lines;
    }

    private static AccessControlList list(String owner) {
        AccessControlList list = new AccessControlList();
        list.setOwner(new Owner());
        list.getOwner().setId(owner);
        list.grantPermission(new CanonicalGrantee(owner), Permission.PERMISSION_FULL_CONTROL);
        return list;
    }

    @BothModes({"PutBucketAcl", "GetBucketAcl"})
    void listsOfBuckets(Session session) {
        ObsClient client = session.client;
        ObsClient stranger = session.account();
        ObsClient nobody = session.connect(null);
        String owner = session.accountId(client);
        String other = session.accountId(stranger);
        String bucket = session.bucket();
        assertEquals(owner, client.getBucketAcl(bucket).getOwner().getId());
        assertEquals(Set.of(owner + ":FULL_CONTROL"), grants(client.getBucketAcl(bucket)));
        assertRefused(403, "AccessDenied", () -> stranger.listObjects(bucket));

        client.setBucketAcl(bucket, AccessControlList.REST_CANNED_PUBLIC_READ);
        assertEquals(Set.of(owner + ":FULL_CONTROL", "*:READ"), grants(client.getBucketAcl(bucket)));
        stranger.listObjects(bucket);
        nobody.listObjects(bucket);

        AccessControlList list = list(owner);
        list.grantPermission(new CanonicalGrantee(other), Permission.PERMISSION_WRITE);
        list.grantPermission(GroupGrantee.ALL_USERS, Permission.PERMISSION_READ_ACP);
        client.setBucketAcl(bucket, list);
        assertEquals(Set.of(owner + ":FULL_CONTROL", other + ":WRITE", "*:READ_ACP"), grants(client.getBucketAcl(bucket)));
        assertRefused(403, "AccessDenied", () -> stranger.listObjects(bucket));
        stranger.putObject(bucket, "theirs", Session.stream("x"));
        nobody.getBucketAcl(bucket);

        AccessControlList foreign = list(other);
        assertThrows(ObsException.class, () -> client.setBucketAcl(bucket, foreign));
        client.setBucketAcl(bucket, AccessControlList.REST_CANNED_PRIVATE);
        assertEquals(Set.of(owner + ":FULL_CONTROL"), grants(client.getBucketAcl(bucket)));
    }

    @BothModes({"CreateBucket", "GetBucketAcl"})
    void listsAtBirth(Session session) {
        ObsClient client = session.client;
        ObsClient stranger = session.account();
        String owner = session.accountId(client);
        String other = session.accountId(stranger);
        CreateBucketRequest canned = new CreateBucketRequest();
        canned.setAcl(AccessControlList.REST_CANNED_PUBLIC_READ_WRITE);
        assertEquals(Set.of(owner + ":FULL_CONTROL", "*:READ", "*:WRITE"), grants(client.getBucketAcl(session.bucket(canned))));
        CreateBucketRequest granted = new CreateBucketRequest();
        granted.grantExtensionPermission(other, ExtensionBucketPermissionEnum.GRANT_READ);
        String bucket = session.bucket(granted);
        assertEquals(Set.of(other + ":READ"), grants(client.getBucketAcl(bucket)));
        stranger.listObjects(bucket);
        assertRefused(403, "AccessDenied", () -> stranger.putObject(bucket, "a", Session.stream("x")));
    }

    @BothModes({"PutObject", "PutObjectAcl", "GetObjectAcl"})
    void listsOfObjects(Session session) {
        ObsClient client = session.client;
        ObsClient stranger = session.account();
        ObsClient nobody = session.connect(null);
        String owner = session.accountId(client);
        String other = session.accountId(stranger);
        String bucket = session.bucket();
        PutObjectRequest open = new PutObjectRequest(bucket, "public", Session.stream("a"));
        open.setAcl(AccessControlList.REST_CANNED_PUBLIC_READ);
        client.putObject(open);
        PutObjectRequest granted = new PutObjectRequest(bucket, "granted", Session.stream("a"));
        granted.grantExtensionPermission(other, ExtensionObjectPermissionEnum.GRANT_READ);
        client.putObject(granted);
        session.put(bucket, "a", "a");
        assertEquals(Set.of(owner + ":FULL_CONTROL", "*:READ"), grants(client.getObjectAcl(bucket, "public")));
        assertEquals(Set.of(other + ":READ"), grants(client.getObjectAcl(bucket, "granted")));
        assertEquals(Set.of(owner + ":FULL_CONTROL"), grants(client.getObjectAcl(bucket, "a")));
        nobody.getObject(bucket, "public");
        stranger.getObject(bucket, "granted");
        assertRefused(403, "AccessDenied", () -> nobody.getObject(bucket, "granted"));
        assertRefused(403, "AccessDenied", () -> stranger.getObject(bucket, "a"));

        client.setObjectAcl(bucket, "a", AccessControlList.REST_CANNED_PUBLIC_READ);
        nobody.getObject(bucket, "a");
        AccessControlList list = list(owner);
        list.grantPermission(new CanonicalGrantee(other), Permission.PERMISSION_READ);
        client.setObjectAcl(bucket, "a", list);
        assertEquals(Set.of(owner + ":FULL_CONTROL", other + ":READ"), grants(client.getObjectAcl(bucket, "a")));
        stranger.getObject(bucket, "a");
        assertRefused(403, "AccessDenied", () -> nobody.getObject(bucket, "a"));
        assertRefused(404, "NoSuchKey", () -> client.getObjectAcl(bucket, "missing"));
    }

    /** A policy of one statement, in the vocabulary of the mode. */
    static String policy(Session session, String effect, String account, String action, String resource) {
        String principal = session.mode.pick(
                "{\"ID\":[\"domain/" + account + ":user/*\"]}", "{\"AWS\":[\"arn:aws:iam::" + account + ":root\"]}");
        if (account.equals("*")) {
            principal = session.mode.pick("{\"ID\":[\"*\"]}", "\"*\"");
        }
        return """
                {"Statement":[{"Sid":"one","Effect":"%s","Principal":%s,"Action":["%s"],"Resource":["%s"]}]}"""
                .formatted(effect, principal, session.mode.pick("", "s3:") + action,
                        session.mode.pick("", "arn:aws:s3:::") + resource);
    }

    @BothModes({"PutBucketPolicy", "GetBucketPolicy", "DeleteBucketPolicy", "GetBucketPolicyStatus"})
    void policies(Session session) {
        ObsClient client = session.client;
        ObsClient stranger = session.account();
        ObsClient nobody = session.connect(null);
        String bucket = session.bucket();
        session.put(bucket, "open/a", "a");
        session.put(bucket, "closed/a", "a");
        assertRefused(404, "NoSuchBucketPolicy", () -> client.getBucketPolicy(bucket));
        assertRefused(403, "AccessDenied", () -> stranger.getObject(bucket, "open/a"));

        String policy = policy(session, "Allow", session.accountId(stranger), "GetObject", bucket + "/open/*");
        assertEquals(204, client.setBucketPolicy(bucket, policy).getStatusCode());
        assertEquals(policy, client.getBucketPolicy(bucket));
        assertEquals(policy, client.getBucketPolicyV2(bucket).getPolicy());
        assertFalse(isPublic(client, bucket));
        stranger.getObject(bucket, "open/a");
        assertRefused(403, "AccessDenied", () -> stranger.getObject(bucket, "closed/a"));
        assertRefused(403, "AccessDenied", () -> stranger.putObject(bucket, "open/b", Session.stream("b")));
        assertRefused(403, "AccessDenied", () -> nobody.getObject(bucket, "open/a"));

        client.setBucketPolicy(bucket, policy(session, "Allow", "*", "GetObject", bucket + "/*"));
        assertTrue(isPublic(client, bucket));
        nobody.getObject(bucket, "closed/a");
        client.setBucketPolicy(bucket, policy(session, "Deny", "*", "GetObject", bucket + "/*"));
        assertRefused(403, "AccessDenied", () -> client.getObject(bucket, "open/a")); // the owner too
        assertRefused(400, "MalformedPolicy", () -> client.setBucketPolicy(bucket, "{\"Statement\":[]}"));

        assertEquals(204, client.deleteBucketPolicy(bucket).getStatusCode());
        client.deleteBucketPolicy(bucket);
        assertRefused(404, "NoSuchBucketPolicy", () -> client.getBucketPolicy(bucket));
        assertEquals("a", session.content(bucket, "open/a"));
    }

    @BothModes({"PutBucketPublicAccessBlock", "GetBucketPublicAccessBlock", "DeleteBucketPublicAccessBlock",
        "GetBucketPublicStatus"})
    void publicAccessBlock(Session session) {
        ObsClient client = session.client;
        ObsClient nobody = session.connect(null);
        String bucket = session.bucket();
        GetBucketPublicAccessBlockRequest get = new GetBucketPublicAccessBlockRequest();
        get.setBucketName(bucket);
        GetBucketPublicStatusRequest status = new GetBucketPublicStatusRequest();
        status.setBucketName(bucket);
        assertRefused(404, "NoSuchPublicAccessBlockConfiguration", () -> client.getBucketPublicAccessBlock(get));
        client.setBucketAcl(bucket, AccessControlList.REST_CANNED_PUBLIC_READ);
        nobody.listObjects(bucket);
        assertTrue(client.getBucketPublicStatus(status).getBucketPublicStatus().getIsPublic());

        BucketPublicAccessBlock block = new BucketPublicAccessBlock();
        block.setBlockPublicACLs(true);
        block.setIgnorePublicACLs(true);
        block.setBlockPublicPolicy(false);
        block.setRestrictPublicBuckets(false);
        client.putBucketPublicAccessBlock(new PutBucketPublicAccessBlockRequest(bucket, block));
        BucketPublicAccessBlock found = client.getBucketPublicAccessBlock(get).getBucketPublicAccessBlock();
        assertTrue(found.getBlockPublicACLs() && found.getIgnorePublicACLs());
        assertFalse(found.getBlockPublicPolicy() || found.getRestrictPublicBuckets());
        assertRefused(403, "AccessDenied", () -> nobody.listObjects(bucket));
        assertRefused(403, "AccessDenied",
                () -> client.setBucketAcl(bucket, AccessControlList.REST_CANNED_PUBLIC_READ));
        assertFalse(client.getBucketPublicStatus(status).getBucketPublicStatus().getIsPublic());

        DeleteBucketPublicAccessBlockRequest delete = new DeleteBucketPublicAccessBlockRequest();
        delete.setBucketName(bucket);
        assertEquals(204, client.deleteBucketPublicAccessBlock(delete).getStatusCode());
        nobody.listObjects(bucket);
    }

    private static boolean isPublic(ObsClient client, String bucket) {
        GetBucketPolicyPublicStatusRequest request = new GetBucketPolicyPublicStatusRequest();
        request.setBucketName(bucket);
        return client.getBucketPolicyPublicStatus(request).getPolicyStatus().getIsPublic();
    }
}
