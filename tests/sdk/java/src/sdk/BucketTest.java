package sdk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static sdk.Session.assertRefused;

import com.obs.services.ObsClient;
import com.obs.services.model.BucketMetadataInfoRequest;
import com.obs.services.model.BucketQuota;
import com.obs.services.model.BucketTypeEnum;
import com.obs.services.model.CreateBucketRequest;
import com.obs.services.model.ListBucketsRequest;
import com.obs.services.model.ListBucketsResult;
import com.obs.services.model.ObsBucket;
import com.obs.services.model.StorageClassEnum;
import java.util.List;

/** Buckets: made, seen, counted, deleted; and who is refused. */
class BucketTest {
    @BothModes({"CreateBucket", "HeadBucket", "DeleteBucket"})
    void fromBirthToDeath(Session session) {
        String name = session.newName();
        assertFalse(session.client.headBucket(name));
        ObsBucket created = session.client.createBucket(name);
        assertEquals(200, created.getStatusCode());
        assertEquals(32, created.getRequestId().length());
        assertTrue(session.client.headBucket(name));
        session.client.createBucket(name); // again, by its owner: nothing changes
        assertEquals(204, session.client.deleteBucket(name).getStatusCode());
        assertFalse(session.client.headBucket(name));
        session.client.createBucket(name);
        session.client.deleteBucket(name);
    }

    @BothModes(value = {}, obs = {"GetApiVersion", "GetBucketApiVersion"})
    void theNegotiation(Session session) {
        // What it finds out, the session checks: every request carries the signature of its mode.
        ObsClient client = session.connect(Gateway.ROOT);
        client.listBuckets(null);
        client.getBucketLocation(session.bucket());
    }

    @BothModes({"ListBuckets"})
    void theList(Session session) {
        String bucket = session.bucket();
        ListBucketsRequest request = new ListBucketsRequest();
        request.setQueryLocation(true);
        ListBucketsResult listing = session.client.listBucketsV2(request);
        assertEquals(32, listing.getOwner().getId().length());
        List<String> names = listing.getBuckets().stream().map(ObsBucket::getBucketName).toList();
        assertEquals(names.stream().sorted().toList(), names);
        ObsBucket entry = listing.getBuckets().get(names.indexOf(bucket));
        assertEquals(Gateway.REGION, entry.getLocation());
        assertEquals(BucketTypeEnum.OBJECT, entry.getBucketType());
        assertNotNull(entry.getCreationDate());
    }

    @BothModes({"CreateBucket", "GetBucketLocation", "HeadBucket"})
    void theLocation(Session session) {
        CreateBucketRequest request = new CreateBucketRequest();
        request.setLocation(Gateway.REGION);
        String bucket = session.bucket(request);
        assertEquals(Gateway.REGION, session.client.getBucketLocation(bucket));
        var metadata = session.client.getBucketMetadata(new BucketMetadataInfoRequest(bucket));
        assertEquals(Gateway.REGION, metadata.getLocation());
        assertEquals(StorageClassEnum.STANDARD, metadata.getBucketStorageClass());
        assertEquals("3.0", metadata.getObsVersion());
        assertRefused(400, "InvalidLocationConstraint", () -> session.client.createBucket(session.newName(), "region-9"));
    }

    @BothModes({})
    void aBucketWithContentStays(Session session) {
        String bucket = session.bucket();
        session.put(bucket, "a", "");
        assertRefused(409, "BucketNotEmpty", () -> session.client.deleteBucket(bucket));
    }

    @BothModes({"PutBucketQuota", "GetBucketQuota", "GetBucketStorageInfo"})
    void quotaAndUsage(Session session) {
        ObsClient client = session.client;
        String bucket = session.bucket();
        assertEquals(0, client.getBucketQuota(bucket).getBucketQuota());
        session.assertUsage(bucket, 0, 0);
        client.setBucketQuota(bucket, new BucketQuota(1000));
        assertEquals(1000, client.getBucketQuota(bucket).getBucketQuota());
        session.put(bucket, "a", "x".repeat(400));
        assertRefused(403, "InsufficientStorageSpace", () -> session.put(bucket, "b", "x".repeat(601)));
        session.put(bucket, "b", "x".repeat(600)); // an exact fit is a fit
        session.assertUsage(bucket, 1000, 2);
        assertRefused(400, "MalformedQuotaError", () -> client.setBucketQuota(bucket, new BucketQuota(-1)));
        assertEquals(1000, client.getBucketQuota(bucket).getBucketQuota());
        client.setBucketQuota(bucket, new BucketQuota(0));
        session.put(bucket, "c", "x");
        session.assertUsage(bucket, 1001, 3);
    }

    @BothModes({})
    void strangersAreDeniedEverything(Session session) {
        String bucket = session.bucket();
        session.put(bucket, "a", "mine");
        ObsClient stranger = session.account();
        for (ObsClient other : List.of(stranger, session.connect(null))) {
            assertRefused(403, "AccessDenied", () -> other.getBucketQuota(bucket));
            assertRefused(403, "AccessDenied", () -> other.getBucketLocation(bucket));
            assertRefused(403, "AccessDenied", () -> other.listObjects(bucket));
            assertRefused(403, "AccessDenied", () -> other.getObject(bucket, "a"));
            assertRefused(403, "AccessDenied", () -> other.getObject(bucket, "missing"));
            assertRefused(403, "AccessDenied", () -> other.putObject(bucket, "b", Session.stream("theirs")));
            assertRefused(403, "AccessDenied", () -> other.deleteObject(bucket, "a"));
            assertRefused(403, "AccessDenied", () -> other.deleteBucket(bucket));
        }
        assertRefused(409, "BucketAlreadyExists", () -> stranger.createBucket(bucket));
        assertEquals("mine", session.content(bucket, "a"));
        session.assertUsage(bucket, 4, 1);
    }

    @BothModes({})
    void wrongKeys(Session session) {
        String bucket = session.bucket();
        ObsClient impostor = session.connect(
                new Gateway.Key(Gateway.ROOT.accessKey(), "not-the-secret-of-this-access-key-000001", null));
        assertRefused(403, "SignatureDoesNotMatch", () -> impostor.getBucketQuota(bucket));
        assertRefused(403, "SignatureDoesNotMatch", () -> impostor.putObject(bucket, "a", Session.stream("x")));
        ObsClient unknown = session.connect(new Gateway.Key("NOBODYSACCESSKEY0001", "whatever", null));
        assertRefused(403, "InvalidAccessKeyId", () -> unknown.getBucketQuota(bucket));
        session.assertUsage(bucket, 0, 0);
    }
}
