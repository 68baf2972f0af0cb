package sdk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static sdk.Session.assertRefused;

import com.obs.services.ObsClient;
import com.obs.services.model.AccessControlList;
import com.obs.services.model.AppendObjectRequest;
import com.obs.services.model.AppendObjectResult;
import com.obs.services.model.BucketTagInfo;
import com.obs.services.model.CopyObjectRequest;
import com.obs.services.model.CopyObjectResult;
import com.obs.services.model.DeleteObjectsRequest;
import com.obs.services.model.DeleteObjectsResult;
import com.obs.services.model.ObjectMetadata;
import com.obs.services.model.ObjectTagResult;
import com.obs.services.model.ObjectTaggingRequest;
import com.obs.services.model.PutObjectRequest;
import com.obs.services.model.RestoreObjectRequest;
import com.obs.services.model.RestoreTierEnum;
import com.obs.services.model.SetObjectMetadataRequest;
import com.obs.services.model.StorageClassEnum;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** What can be done to an object: class, restore, copy, append, metadata, tags, many deleted at once. */
class ChangeTest {
    private static final String ALPHABET = "abcdefghijklmnopqrstuvwxyz";

    private static void put(Session session, String bucket, String key, StorageClassEnum storageClass) {
        ObjectMetadata metadata = new ObjectMetadata();
        metadata.setObjectStorageClass(storageClass);
        session.client.putObject(bucket, key, Session.stream("a"), metadata);
    }

    @BothModes({"PutObject", "HeadObject", "ListObjects"})
    void storageClasses(Session session) {
        String bucket = session.bucket();
        List<StorageClassEnum> classes =
                List.of(StorageClassEnum.COLD, StorageClassEnum.DEEP_ARCHIVE, StorageClassEnum.WARM);
        for (StorageClassEnum value : classes) {
            put(session, bucket, value.name(), value);
            assertEquals(value, session.client.getObjectMetadata(bucket, value.name()).getObjectStorageClass());
        }
        assertEquals(classes, session.client.listObjects(bucket).getObjects().stream()
                .map(entry -> entry.getMetadata().getObjectStorageClass()).toList());
    }

    @BothModes({"RestoreObject"})
    void restore(Session session) {
        ObsClient client = session.client;
        String bucket = session.bucket();
        put(session, bucket, "cold", StorageClassEnum.COLD);
        put(session, bucket, "standard", StorageClassEnum.STANDARD);
        assertRefused(403, "InvalidObjectState", () -> client.getObject(bucket, "cold"));
        assertRefused(400, "InvalidArgument", () -> client.restoreObjectV2(new RestoreObjectRequest(bucket, "cold", 31)));
        assertRefused(403, "InvalidObjectState",
                () -> client.restoreObjectV2(new RestoreObjectRequest(bucket, "standard", 1)));
        assertRefused(404, "NoSuchKey", () -> client.restoreObjectV2(new RestoreObjectRequest(bucket, "missing", 1)));
        RestoreObjectRequest request = new RestoreObjectRequest(bucket, "cold", null, 2, RestoreTierEnum.EXPEDITED);
        assertEquals(202, client.restoreObjectV2(request).getStatusCode());
        assertNotNull(client.getObjectMetadata(bucket, "cold").getResponseHeaders().get("restore"));
    }

    @BothModes({"PutObject", "HeadObject"})
    void expiryAndRedirect(Session session) {
        String bucket = session.bucket();
        ObjectMetadata metadata = new ObjectMetadata();
        metadata.setWebSiteRedirectLocation("/elsewhere");
        PutObjectRequest request = new PutObjectRequest(bucket, "a", Session.stream("a"));
        request.setMetadata(metadata);
        request.setExpires(3);
        session.client.putObject(request);
        ObjectMetadata head = session.client.getObjectMetadata(bucket, "a");
        assertEquals("/elsewhere", head.getWebSiteRedirectLocation());
        assertTrue(String.valueOf(head.getResponseHeaders().get("expiration")).startsWith("expiry-date=\""));
    }

    @BothModes({"CopyObject"})
    void copy(Session session) {
        ObsClient client = session.client;
        String source = session.bucket();
        String target = session.bucket();
        String key = "ü b/a+b?c";
        ObjectMetadata metadata = new ObjectMetadata();
        metadata.setContentType("text/x-letters");
        metadata.addUserMetadata("colour", "blue");
        client.putObject(source, key, Session.stream(ALPHABET), metadata);
        CopyObjectResult copied = client.copyObject(source, key, target, "copy");
        assertEquals(Bytes.etag(ALPHABET), copied.getEtag());
        assertNotNull(copied.getLastModified());
        assertEquals(ALPHABET, session.content(target, "copy"));
        ObjectMetadata head = client.getObjectMetadata(target, "copy");
        assertEquals("text/x-letters", head.getContentType());
        assertEquals("blue", head.getUserMetadata("colour"));
        session.assertUsage(target, 26, 1);

        CopyObjectRequest request = new CopyObjectRequest(source, key, target, "replaced");
        ObjectMetadata replacement = new ObjectMetadata();
        replacement.setContentType("text/x-other");
        replacement.setCacheControl("no-cache");
        replacement.addUserMetadata("shape", "round");
        replacement.setObjectStorageClass(StorageClassEnum.WARM);
        request.setReplaceMetadata(true);
        request.setNewObjectMetadata(replacement);
        request.setAcl(AccessControlList.REST_CANNED_PUBLIC_READ);
        client.copyObject(request);
        head = client.getObjectMetadata(target, "replaced");
        assertEquals("text/x-other", head.getContentType());
        assertEquals("no-cache", head.getCacheControl());
        assertEquals("round", head.getUserMetadata("shape"));
        assertNull(head.getUserMetadata("colour"));
        assertEquals(StorageClassEnum.WARM, head.getObjectStorageClass());
        assertEquals(ALPHABET, Session.content(session.connect(null).getObject(target, "replaced")));

        // Onto itself: new metadata on the same bytes.
        assertRefused(400, "InvalidRequest", () -> client.copyObject(target, "copy", target, "copy"));
        CopyObjectRequest onto = new CopyObjectRequest(target, "copy", target, "copy");
        onto.setReplaceMetadata(true);
        onto.setNewObjectMetadata(replacement);
        client.copyObject(onto);
        assertEquals("text/x-other", client.getObjectMetadata(target, "copy").getContentType());
        assertEquals(ALPHABET, session.content(target, "copy"));
        session.assertUsage(target, 52, 2);
        assertRefused(404, "NoSuchKey", () -> client.copyObject(source, "missing", target, "x"));
        String missing = session.newName();
        // By host name the negotiation finds it out, by a HEAD: that has no body, and so no code.
        assertRefused(404, session.mode.pick(null, "NoSuchBucket"), () -> client.copyObject(missing, "a", target, "x"));
    }

    @BothModes({"CopyObject"})
    void conditionsOfACopy(Session session) {
        String bucket = session.bucket();
        session.put(bucket, "a", ALPHABET);
        Date changed = session.client.getObjectMetadata(bucket, "a").getLastModified();
        Date earlier = new Date(changed.getTime() - 3_600_000);
        for (Consumer<CopyObjectRequest> holds : List.<Consumer<CopyObjectRequest>>of(
                request -> request.setIfMatchTag(Bytes.etag(ALPHABET)),
                request -> request.setIfNoneMatchTag(Bytes.etag("other")),
                request -> request.setIfModifiedSince(earlier),
                request -> request.setIfUnmodifiedSince(changed))) {
            CopyObjectRequest request = new CopyObjectRequest(bucket, "a", bucket, "b");
            holds.accept(request);
            session.client.copyObject(request);
        }
        for (Consumer<CopyObjectRequest> fails : List.<Consumer<CopyObjectRequest>>of(
                request -> request.setIfMatchTag(Bytes.etag("other")),
                request -> request.setIfNoneMatchTag(Bytes.etag(ALPHABET)),
                request -> request.setIfModifiedSince(changed),
                request -> request.setIfUnmodifiedSince(earlier))) {
            CopyObjectRequest request = new CopyObjectRequest(bucket, "a", bucket, "c");
            fails.accept(request);
            assertRefused(412, "PreconditionFailed", () -> session.client.copyObject(request));
        }
        session.assertUsage(bucket, 52, 2);
    }

    private static AppendObjectResult append(Session session, String bucket, String key, String content, long position) {
        AppendObjectRequest request = new AppendObjectRequest(bucket);
        request.setObjectKey(key);
        request.setInput(Session.stream(content));
        request.setPosition(position);
        return session.client.appendObject(request);
    }

    @BothModes({"AppendObject"})
    void append(Session session) {
        String bucket = session.bucket();
        AppendObjectResult first = append(session, bucket, "log", "one,", 0);
        assertEquals(4, first.getNextPosition());
        assertEquals(Bytes.etag("one,"), first.getEtag());
        assertEquals(8, append(session, bucket, "log", "two,", 4).getNextPosition());
        assertRefused(409, "PositionNotEqualToLength", () -> append(session, bucket, "log", "again", 4));
        assertEquals(13, append(session, bucket, "log", "three", 8).getNextPosition());
        assertEquals("one,two,three", session.content(bucket, "log"));
        ObjectMetadata head = session.client.getObjectMetadata(bucket, "log");
        assertTrue(head.isAppendable());
        assertEquals(13, head.getNextPosition());
        assertTrue(session.client.listObjects(bucket).getObjects().get(0).getMetadata().isAppendable());
        session.assertUsage(bucket, 13, 1);
        session.put(bucket, "normal", "a");
        assertFalse(session.client.getObjectMetadata(bucket, "normal").isAppendable());
        assertRefused(409, "ObjectNotAppendable", () -> append(session, bucket, "normal", "b", 1));
    }

    @BothModes({"SetObjectMetadata", "HeadObject"})
    void metadata(Session session) {
        ObsClient client = session.client;
        String bucket = session.bucket();
        ObjectMetadata metadata = new ObjectMetadata();
        metadata.setContentType("text/x-letters");
        metadata.setCacheControl("no-cache");
        metadata.addUserMetadata("colour", "blue");
        metadata.addUserMetadata("shape", "round");
        client.putObject(bucket, "a", Session.stream(ALPHABET), metadata);
        SetObjectMetadataRequest request = new SetObjectMetadataRequest(bucket, "a");
        request.setContentLanguage("de");
        request.addUserMetadata("colour", "red");
        request.setObjectStorageClass(StorageClassEnum.WARM);
        request.setWebSiteRedirectLocation("/elsewhere");
        client.setObjectMetadata(request);
        ObjectMetadata head = client.getObjectMetadata(bucket, "a");
        assertEquals("text/x-letters", head.getContentType());
        assertEquals("no-cache", head.getCacheControl());
        assertEquals("de", head.getContentLanguage());
        assertEquals("red", head.getUserMetadata("colour"));
        assertEquals("round", head.getUserMetadata("shape"));
        assertEquals(StorageClassEnum.WARM, head.getObjectStorageClass());
        assertEquals("/elsewhere", head.getWebSiteRedirectLocation());
        assertEquals(Bytes.etag(ALPHABET), head.getEtag());

        SetObjectMetadataRequest all = new SetObjectMetadataRequest(bucket, "a");
        all.setRemoveUnset(true);
        all.addUserMetadata("size", "small");
        client.setObjectMetadata(all);
        head = client.getObjectMetadata(bucket, "a");
        assertEquals("binary/octet-stream", head.getContentType());
        assertNull(head.getCacheControl());
        assertNull(head.getUserMetadata("colour"));
        assertEquals("small", head.getUserMetadata("size"));
        assertEquals(ALPHABET, session.content(bucket, "a"));
        assertRefused(404, "NoSuchKey", () -> client.setObjectMetadata(new SetObjectMetadataRequest(bucket, "missing")));
    }

    @BothModes({"PutObjectTagging", "GetObjectTagging", "DeleteObjectTagging"})
    void tagging(Session session) {
        ObsClient client = session.client;
        String bucket = session.bucket();
        session.put(bucket, "a", "a");
        BucketTagInfo.TagSet tags = new BucketTagInfo.TagSet();
        tags.addTag("colour", "blue & green");
        tags.addTag("shape", "round");
        client.setObjectTagging(new ObjectTaggingRequest(bucket, "a", null, new ObjectTagResult(tags)));
        ObjectTaggingRequest request = new ObjectTaggingRequest(bucket, "a", null, null);
        assertEquals(Map.of("colour", "blue & green", "shape", "round"),
                SettingsTest.tagsOf(client.getObjectTagging(request).getTagSet()));
        assertEquals(204, client.deleteObjectTagging(request).getStatusCode());
        if (session.mode == Session.Mode.OBS) {
            assertRefused(404, "NoSuchTagSet", () -> client.getObjectTagging(request));
        } else {
            assertEquals(Map.of(), SettingsTest.tagsOf(client.getObjectTagging(request).getTagSet()));
        }
    }

    @BothModes({"DeleteObjects"})
    void manyDeletedAtOnce(Session session) {
        String bucket = session.bucket();
        List<String> keys = List.of("a", "b/ü", "c <&> \"d\"", "e+f g");
        for (String encoding : new String[] {null, "url"}) {
            keys.forEach(key -> session.put(bucket, key, key));
            DeleteObjectsRequest request = new DeleteObjectsRequest(bucket);
            keys.forEach(request::addKeyAndVersion);
            request.addKeyAndVersion("missing");
            request.setEncodingType(encoding);
            DeleteObjectsResult result = session.client.deleteObjects(request);
            assertEquals(List.of("a", "b/ü", "c <&> \"d\"", "e+f g", "missing"), result.getDeletedObjectResults().stream()
                    .map(DeleteObjectsResult.DeleteObjectResult::getObjectKey).toList());
            assertEquals(List.of(), result.getErrorResults());
            session.assertUsage(bucket, 0, 0);
        }
        session.put(bucket, "a", "a");
        DeleteObjectsRequest quiet = new DeleteObjectsRequest(bucket);
        quiet.setQuiet(true);
        quiet.addKeyAndVersion("a");
        assertEquals(List.of(), session.client.deleteObjects(quiet).getDeletedObjectResults());
        session.assertUsage(bucket, 0, 0);
    }
}
