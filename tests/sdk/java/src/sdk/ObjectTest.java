package sdk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static sdk.Session.assertRefused;

import com.obs.services.ObsClient;
import com.obs.services.model.GetObjectRequest;
import com.obs.services.model.ListObjectsRequest;
import com.obs.services.model.ObjectMetadata;
import com.obs.services.model.ObjectRepleaceMetadata;
import com.obs.services.model.ObsObject;
import com.obs.services.model.PutObjectRequest;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.io.TempDir;

/** Objects: stored, read in every way, seen, deleted. */
class ObjectTest {
    private static final String ALPHABET = "abcdefghijklmnopqrstuvwxyz";

    @BothModes({"PutObject", "GetObject", "HeadObject", "DeleteObject"})
    void fromBirthToDeath(Session session) {
        ObsClient client = session.client;
        String bucket = session.bucket();
        assertEquals(Bytes.etag(ALPHABET), session.put(bucket, "letters", ALPHABET).getEtag());
        ObsObject read = client.getObject(bucket, "letters");
        assertEquals(ALPHABET, Session.content(read));
        assertEquals(Bytes.etag(ALPHABET), read.getMetadata().getEtag());
        ObjectMetadata head = client.getObjectMetadata(bucket, "letters");
        assertEquals(26, head.getContentLength());
        assertEquals(Bytes.etag(ALPHABET), head.getEtag());
        assertTrue(Math.abs(head.getLastModified().getTime() - System.currentTimeMillis()) < 60_000);
        assertTrue(client.doesObjectExist(bucket, "letters"));
        session.assertUsage(bucket, 26, 1);
        assertFalse(client.deleteObject(bucket, "letters").isDeleteMarker());
        assertFalse(client.doesObjectExist(bucket, "letters"));
        assertRefused(404, "NoSuchKey", () -> client.getObject(bucket, "letters"));
        assertRefused(404, null, () -> client.getObjectMetadata(bucket, "letters"));
        client.deleteObject(bucket, "letters"); // deleting nothing is no fault
    }

    @BothModes({"PutObject", "GetObject"})
    void sizes(Session session) {
        String bucket = session.bucket();
        for (int size : List.of(0, 1, 4096, 65536, (1 << 20) + 1, 6 << 20)) {
            String content = Bytes.pattern(size);
            assertEquals(Bytes.etag(content), session.put(bucket, "a", content).getEtag());
            assertEquals(content, session.content(bucket, "a"));
            session.assertUsage(bucket, size, 1);
        }
    }

    @BothModes({"PutObject", "HeadObject", "GetObject"})
    void headers(Session session) {
        String bucket = session.bucket();
        ObjectMetadata metadata = new ObjectMetadata();
        metadata.setContentType("text/x-letters");
        metadata.setContentEncoding("identity");
        metadata.setContentLanguage("de");
        metadata.setContentDisposition("attachment; filename=\"x y.txt\"");
        metadata.setCacheControl("no-cache");
        metadata.setExpires("Fri, 01 Jan 2100 00:00:00 GMT");
        metadata.setContentMd5(Bytes.md5(ALPHABET));
        Map<String, String> own = Map.of("colour", "blue", "formula", "a=b; c");
        own.forEach(metadata::addUserMetadata);
        session.client.putObject(bucket, "letters", Session.stream(ALPHABET), metadata);
        for (ObjectMetadata found : List.of(
                session.client.getObjectMetadata(bucket, "letters"),
                session.client.getObject(bucket, "letters").getMetadata())) {
            assertEquals("text/x-letters", found.getContentType());
            assertEquals("identity", found.getContentEncoding());
            assertEquals("de", found.getContentLanguage());
            assertEquals("attachment; filename=\"x y.txt\"", found.getContentDisposition());
            assertEquals("no-cache", found.getCacheControl());
            assertEquals("Fri, 01 Jan 2100 00:00:00 GMT", found.getExpires());
            own.forEach((name, value) -> assertEquals(value, found.getUserMetadata(name)));
        }
        session.put(bucket, "letters", "two"); // an overwrite replaces the metadata too
        assertEquals(null, session.client.getObjectMetadata(bucket, "letters").getUserMetadata("colour"));
    }

    @BothModes({})
    void aDamagedBodyIsRefused(Session session) {
        String bucket = session.bucket();
        ObjectMetadata metadata = new ObjectMetadata();
        metadata.setContentMd5(Bytes.md5("y"));
        assertRefused(400, "BadDigest", () -> session.client.putObject(bucket, "a", Session.stream("x"), metadata));
        session.assertUsage(bucket, 0, 0);
    }

    @BothModes({"GetObject"})
    void ranges(Session session) {
        String bucket = session.bucket();
        session.put(bucket, "letters", ALPHABET);
        checkRange(session, bucket, 0L, 4L, "abcde");
        checkRange(session, bucket, 0L, 0L, "a");
        checkRange(session, bucket, 5L, 9L, "fghij");
        checkRange(session, bucket, 20L, null, "uvwxyz");
        checkRange(session, bucket, 20L, 1000L, "uvwxyz");
        GetObjectRequest beyond = new GetObjectRequest(bucket, "letters");
        beyond.setRangeStart(26L);
        assertRefused(416, "InvalidRange", () -> session.client.getObject(beyond));
    }

    private static void checkRange(Session session, String bucket, Long start, Long end, String content) {
        GetObjectRequest request = new GetObjectRequest(bucket, "letters");
        request.setRangeStart(start);
        request.setRangeEnd(end);
        ObsObject object = session.client.getObject(request);
        assertEquals(content, Session.content(object));
        assertEquals(content.length(), object.getMetadata().getContentLength());
        assertEquals(Bytes.etag(ALPHABET), object.getMetadata().getEtag());
    }

    @BothModes({"GetObject"})
    void conditions(Session session) {
        String bucket = session.bucket();
        session.put(bucket, "a", ALPHABET);
        Date changed = session.client.getObjectMetadata(bucket, "a").getLastModified();
        Date earlier = new Date(changed.getTime() - 3_600_000);
        List<Consumer<GetObjectRequest>> holding = List.of(
                request -> request.setIfMatchTag(Bytes.etag(ALPHABET)),
                request -> request.setIfNoneMatchTag(Bytes.etag("other")),
                request -> request.setIfModifiedSince(earlier),
                request -> request.setIfUnmodifiedSince(changed));
        for (Consumer<GetObjectRequest> condition : holding) {
            assertEquals(ALPHABET, session.content(conditional(bucket, condition)));
        }
        List<Consumer<GetObjectRequest>> failing = List.of(
                request -> request.setIfMatchTag(Bytes.etag("other")),
                request -> request.setIfUnmodifiedSince(earlier));
        for (Consumer<GetObjectRequest> condition : failing) {
            assertRefused(412, "PreconditionFailed", () -> session.client.getObject(conditional(bucket, condition)));
        }
        List<Consumer<GetObjectRequest>> unchanged = List.of(
                request -> request.setIfNoneMatchTag(Bytes.etag(ALPHABET)),
                request -> request.setIfModifiedSince(changed));
        for (Consumer<GetObjectRequest> condition : unchanged) {
            assertRefused(304, null, () -> session.client.getObject(conditional(bucket, condition)));
        }
    }

    private static GetObjectRequest conditional(String bucket, Consumer<GetObjectRequest> condition) {
        GetObjectRequest request = new GetObjectRequest(bucket, "a");
        condition.accept(request);
        return request;
    }

    @BothModes({"GetObject"})
    void answerHeadersAReaderAsksFor(Session session) {
        String bucket = session.bucket();
        session.put(bucket, "letters", ALPHABET);
        ObjectRepleaceMetadata asked = new ObjectRepleaceMetadata();
        asked.setContentType("text/x-asked");
        asked.setContentLanguage("de");
        asked.setCacheControl("no-cache");
        asked.setContentDisposition("attachment; filename=\"x y.txt\"");
        asked.setContentEncoding("identity");
        asked.setExpires("Fri, 01 Jan 2100 00:00:00 GMT");
        GetObjectRequest request = new GetObjectRequest(bucket, "letters");
        request.setReplaceMetadata(asked);
        ObjectMetadata found = session.client.getObject(request).getMetadata();
        assertEquals("text/x-asked", found.getContentType());
        assertEquals("de", found.getContentLanguage());
        assertEquals("no-cache", found.getCacheControl());
        assertEquals("attachment; filename=\"x y.txt\"", found.getContentDisposition());
        assertEquals("identity", found.getContentEncoding());
        assertEquals("Fri, 01 Jan 2100 00:00:00 GMT", found.getExpires());
    }

    @BothModes({"PutObject", "GetObject"})
    void files(Session session, @TempDir Path folder) throws IOException {
        String bucket = session.bucket();
        String content = Bytes.pattern(300_000);
        Path file = Files.writeString(folder.resolve("page.html"), content);
        assertEquals(Bytes.etag(content), session.client.putObject(bucket, "page.html", file.toFile()).getEtag());
        assertEquals(content, session.content(bucket, "page.html"));
        assertEquals("text/html", session.client.getObjectMetadata(bucket, "page.html").getContentType());
        PutObjectRequest piece = new PutObjectRequest(bucket, "piece", file.toFile());
        piece.setOffset(100_000);
        session.client.putObject(piece);
        assertEquals(content.substring(100_000), session.content(bucket, "piece"));
    }

    @BothModes({"PutObject", "GetObject"})
    void checksums(Session session, @TempDir Path folder) throws IOException {
        String bucket = session.bucket();
        Path file = Files.writeString(folder.resolve("digits"), "123456789");
        PutObjectRequest request = new PutObjectRequest(bucket, "digits", file.toFile());
        request.setNeedCalculateCRC64(true);
        session.client.putObject(request);
        assertEquals("11051210869376104954", session.client.getObjectMetadata(bucket, "digits").getCrc64());
        assertEquals("123456789", session.content(bucket, "digits"));
    }

    @BothModes({"PutObject", "GetObject", "HeadObject", "DeleteObject", "ListObjects"})
    void oddKeys(Session session) {
        ObsClient client = session.client;
        String bucket = session.bucket();
        for (String key : List.of("a b", "a+b", "a%20b", "ü/ö/ä", "日本語", "a//b", "a?b=c&d", "#", "'\"<>&", "~!*()",
                "a;b,c:d@e=f$g", "k".repeat(1024))) {
            session.put(bucket, key, "odd");
            assertEquals("odd", session.content(bucket, key));
            assertEquals(3, client.getObjectMetadata(bucket, key).getContentLength());
            for (String encoding : new String[] {null, "url"}) {
                ListObjectsRequest request = new ListObjectsRequest(bucket);
                request.setPrefix(key);
                request.setEncodingType(encoding);
                List<ObsObject> found = client.listObjects(request).getObjects();
                assertEquals(List.of(key), found.stream().map(ObsObject::getObjectKey).toList());
            }
            client.deleteObject(bucket, key);
            session.assertUsage(bucket, 0, 0);
        }
        String code = session.mode.pick("KeyTooLongError", "KeyTooLong");
        assertRefused(400, code, () -> session.put(bucket, "k".repeat(1025), "x"));
    }

    @BothModes({"PutObject"})
    void aStreamIsReadOnce(Session session) {
        String bucket = session.bucket();
        String content = Bytes.pattern(100_000);
        InputStream stream = new InputStreamOfUnknownLength(content);
        assertEquals(Bytes.etag(content), session.client.putObject(bucket, "a", stream).getEtag());
        assertEquals(content, session.content(bucket, "a"));
    }

    /** A stream that does not tell how long it is, so the SDK sends it in chunks. */
    private static final class InputStreamOfUnknownLength extends InputStream {
        private final InputStream inner;

        InputStreamOfUnknownLength(String content) {
            inner = Session.stream(content);
        }

        @Override
        public int read() throws IOException {
            return inner.read();
        }
    }
}
