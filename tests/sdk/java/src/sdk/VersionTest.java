package sdk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static sdk.Session.assertRefused;

import com.obs.services.ObsClient;
import com.obs.services.model.AbortMultipartUploadRequest;
import com.obs.services.model.AccessControlList;
import com.obs.services.model.BucketTagInfo;
import com.obs.services.model.BucketVersioningConfiguration;
import com.obs.services.model.CopyObjectRequest;
import com.obs.services.model.CopyPartRequest;
import com.obs.services.model.DeleteObjectResult;
import com.obs.services.model.DeleteObjectsRequest;
import com.obs.services.model.DeleteObjectsResult;
import com.obs.services.model.InitiateMultipartUploadRequest;
import com.obs.services.model.ListVersionsRequest;
import com.obs.services.model.ListVersionsResult;
import com.obs.services.model.ObjectTagResult;
import com.obs.services.model.ObjectTaggingRequest;
import com.obs.services.model.ObsObject;
import com.obs.services.model.SetObjectMetadataRequest;
import com.obs.services.model.StorageClassEnum;
import com.obs.services.model.VersionOrDeleteMarker;
import com.obs.services.model.VersioningStatusEnum;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Versions of objects. */
class VersionTest {
    private static final String UNKNOWN = "0123456789ABCDEF0123456789ABCDEF";

    private static void set(Session session, String bucket, VersioningStatusEnum status) {
        session.client.setBucketVersioning(bucket, new BucketVersioningConfiguration(status));
    }

    /** A bucket that keeps versions; {@link #empty} must be called at the end. */
    private static String versioned(Session session) {
        String bucket = session.bucket();
        set(session, bucket, VersioningStatusEnum.ENABLED);
        return bucket;
    }

    private static void empty(Session session, String bucket) {
        for (VersionOrDeleteMarker entry : session.client.listVersions(bucket).getVersions()) {
            session.client.deleteObject(bucket, entry.getKey(), entry.getVersionId());
        }
    }

    private static String content(Session session, String bucket, String key, String version) {
        ObsObject object = session.client.getObject(bucket, key, version);
        assertEquals(version, object.getMetadata().getResponseHeaders().get("version-id"));
        return Session.content(object);
    }

    @BothModes({"PutBucketVersioning", "GetBucketVersioning"})
    void theState(Session session) {
        String bucket = session.bucket();
        assertNull(session.client.getBucketVersioning(bucket).getVersioningStatus());
        for (VersioningStatusEnum status : List.of(
                VersioningStatusEnum.ENABLED, VersioningStatusEnum.SUSPENDED, VersioningStatusEnum.ENABLED)) {
            set(session, bucket, status);
            assertEquals(status, session.client.getBucketVersioning(bucket).getVersioningStatus());
        }
    }

    @BothModes({"PutObject", "GetObject", "HeadObject", "DeleteObject"})
    void versionsOfAnObject(Session session) {
        ObsClient client = session.client;
        String bucket = versioned(session);
        String first = session.put(bucket, "a", "one").getVersionId();
        String second = session.put(bucket, "a", "second").getVersionId();
        assertNotNull(first);
        assertNotEquals(first, second);
        assertEquals("second", session.content(bucket, "a"));
        assertEquals("one", content(session, bucket, "a", first));
        assertEquals("second", content(session, bucket, "a", second));
        assertEquals(3, client.getObjectMetadata(bucket, "a", first).getContentLength());
        session.assertUsage(bucket, 9, 2);
        assertRefused(404, "NoSuchVersion", () -> client.getObject(bucket, "a", UNKNOWN));

        DeleteObjectResult deleted = client.deleteObject(bucket, "a");
        assertTrue(deleted.isDeleteMarker());
        assertRefused(404, "NoSuchKey", () -> client.getObject(bucket, "a"));
        assertFalse(client.doesObjectExist(bucket, "a"));
        assertEquals("second", content(session, bucket, "a", second));
        assertRefused(405, "MethodNotAllowed", () -> client.getObject(bucket, "a", deleted.getVersionId()));
        DeleteObjectResult undone = client.deleteObject(bucket, "a", deleted.getVersionId());
        assertTrue(undone.isDeleteMarker());
        assertEquals(deleted.getVersionId(), undone.getVersionId());
        assertEquals("second", session.content(bucket, "a"));
        client.deleteObject(bucket, "a", second);
        assertEquals("one", session.content(bucket, "a"));
        session.assertUsage(bucket, 3, 1);
        empty(session, bucket);
    }

    @BothModes({"PutObject", "DeleteObject"})
    void suspended(Session session) {
        String bucket = session.bucket();
        session.put(bucket, "a", "before"); // the null version
        set(session, bucket, VersioningStatusEnum.ENABLED);
        String kept = session.put(bucket, "a", "kept").getVersionId();
        set(session, bucket, VersioningStatusEnum.SUSPENDED);
        assertEquals("before", content(session, bucket, "a", "null"));
        assertNull(session.put(bucket, "a", "after").getVersionId()); // takes the place of the null version
        assertEquals("after", content(session, bucket, "a", "null"));
        session.assertUsage(bucket, 9, 2);
        DeleteObjectResult deleted = session.client.deleteObject(bucket, "a");
        assertTrue(deleted.isDeleteMarker());
        assertEquals("null", deleted.getVersionId());
        session.assertUsage(bucket, 4, 1);
        assertEquals("kept", content(session, bucket, "a", kept));
        empty(session, bucket);
    }

    private static List<String> lines(ListVersionsResult listing) {
        List<String> lines = new ArrayList<>();
        for (VersionOrDeleteMarker entry : listing.getVersions()) {
            lines.add(entry.getKey() + ":" + (entry.isDeleteMarker() ? "marker" : entry.getSize()) + ":" + entry.isLatest());
        }
        return lines;
    }

    @BothModes({"ListObjectVersions"})
    void theList(Session session) {
        ObsClient client = session.client;
        String bucket = versioned(session);
        for (String key : List.of("a", "b/1 ü", "b/2", "c")) {
            session.put(bucket, key, "one");
            session.put(bucket, key, "second");
        }
        client.deleteObject(bucket, "c");
        List<String> all = List.of("a:6:true", "a:3:false", "b/1 ü:6:true", "b/1 ü:3:false", "b/2:6:true", "b/2:3:false",
                "c:marker:true", "c:6:false", "c:3:false");
        ListVersionsResult whole = client.listVersions(bucket);
        assertEquals(all, lines(whole));
        for (VersionOrDeleteMarker entry : whole.getVersions()) {
            assertEquals(session.accountId(client), entry.getOwner().getId());
            assertNotNull(entry.getLastModified());
            assertEquals(entry.isDeleteMarker() ? null : StorageClassEnum.STANDARD, entry.getObjectStorageClass());
        }
        for (String encoding : new String[] {null, "url"}) {
            ListVersionsRequest prefixed = new ListVersionsRequest(bucket);
            prefixed.setPrefix("b/");
            prefixed.setEncodingType(encoding);
            assertEquals(all.subList(2, 6), lines(client.listVersions(prefixed)));
        }
        ListVersionsResult grouped = client.listVersions(bucket, null, "/", null, null, 1000);
        assertEquals(List.of(all.get(0), all.get(1), all.get(6), all.get(7), all.get(8)), lines(grouped));
        assertEquals(List.of("b/"), grouped.getCommonPrefixes());
        for (int size = 1; size < 10; size++) {
            List<String> found = new ArrayList<>();
            ListVersionsRequest request = new ListVersionsRequest(bucket, size);
            ListVersionsResult page;
            do {
                page = client.listVersions(request);
                found.addAll(lines(page));
                assertTrue(found.size() <= all.size(), "the listing does not end");
                request.setKeyMarker(page.getNextKeyMarker());
                request.setVersionIdMarker(page.getNextVersionIdMarker());
            } while (page.isTruncated());
            assertEquals(all, found);
        }
        assertEquals(List.of("a", "b/1 ü", "b/2"),
                client.listObjects(bucket).getObjects().stream().map(ObsObject::getObjectKey).toList());
        empty(session, bucket);
    }

    @BothModes({"CopyObject", "CopyPart", "AbortMultipartUpload", "DeleteObjects", "PutObjectAcl", "GetObjectAcl",
        "SetObjectMetadata", "PutObjectTagging", "GetObjectTagging"})
    void whatElseTakesAVersion(Session session) {
        ObsClient client = session.client;
        String bucket = versioned(session);
        String first = session.put(bucket, "a", "one").getVersionId();
        String second = session.put(bucket, "a", "second").getVersionId();
        CopyObjectRequest copy = new CopyObjectRequest(bucket, "a", bucket, "copy");
        copy.setVersionId(first);
        var copied = client.copyObject(copy);
        assertEquals(first, copied.getCopySourceVersionId());
        assertNotNull(copied.getVersionId());
        assertEquals("one", session.content(bucket, "copy"));

        String upload = client.initiateMultipartUpload(new InitiateMultipartUploadRequest(bucket, "parts")).getUploadId();
        CopyPartRequest part = new CopyPartRequest(upload, bucket, "a", bucket, "parts", 1);
        part.setVersionId(first);
        assertEquals(Bytes.etag("one"), client.copyPart(part).getEtag());
        client.abortMultipartUpload(new AbortMultipartUploadRequest(bucket, "parts", upload));

        client.setObjectAcl(bucket, "a", AccessControlList.REST_CANNED_PUBLIC_READ, first);
        assertEquals(2, client.getObjectAcl(bucket, "a", first).getGrants().size());
        assertEquals(1, client.getObjectAcl(bucket, "a", second).getGrants().size());
        SetObjectMetadataRequest metadata = new SetObjectMetadataRequest(bucket, "a", first);
        metadata.setContentType("text/plain");
        client.setObjectMetadata(metadata);
        assertEquals("text/plain", client.getObjectMetadata(bucket, "a", first).getContentType());
        assertNotEquals("text/plain", client.getObjectMetadata(bucket, "a").getContentType());
        BucketTagInfo.TagSet tags = new BucketTagInfo.TagSet();
        tags.addTag("colour", "blue");
        client.setObjectTagging(new ObjectTaggingRequest(bucket, "a", first, new ObjectTagResult(tags)));
        assertEquals(Map.of("colour", "blue"), SettingsTest.tagsOf(
                client.getObjectTagging(new ObjectTaggingRequest(bucket, "a", first, null)).getTagSet()));

        DeleteObjectsRequest delete = new DeleteObjectsRequest(bucket);
        delete.addKeyAndVersion("a", first);
        delete.addKeyAndVersion("copy");
        List<DeleteObjectsResult.DeleteObjectResult> deleted = client.deleteObjects(delete).getDeletedObjectResults();
        assertEquals(first, deleted.get(0).getVersion());
        assertFalse(deleted.get(0).isDeleteMarker());
        assertTrue(deleted.get(1).isDeleteMarker());
        assertNotNull(deleted.get(1).getDeleteMarkerVersion());
        assertEquals("second", session.content(bucket, "a"));
        assertRefused(404, "NoSuchKey", () -> client.getObject(bucket, "copy"));
        empty(session, bucket);
    }
}
