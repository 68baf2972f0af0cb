package sdk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static sdk.Session.assertRefused;

import com.obs.services.exception.ObsException;
import com.obs.services.model.DownloadFileRequest;
import com.obs.services.model.ObjectMetadata;
import com.obs.services.model.PutObjectsRequest;
import com.obs.services.model.UploadFileRequest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.io.TempDir;

/** Transfers of files in pieces, whole and interrupted; and of many files at once. */
class ResumableTest {
    private static final int PART = MultipartTest.PART;

    /** Counts parts up and ranges down from now on, and breaks off the n-th of them. */
    private static AtomicInteger transfers(Session session, int breakOff) {
        AtomicInteger seen = new AtomicInteger();
        session.broken = request -> {
            boolean counts = request.url().queryParameter("partNumber") != null || request.header("Range") != null;
            return counts && seen.incrementAndGet() == breakOff;
        };
        return seen;
    }

    @BothModes({"InitiateMultipartUpload", "UploadPart", "CompleteMultipartUpload"})
    void uploads(Session session, @TempDir Path folder) throws IOException {
        String bucket = session.bucket();
        for (int size : List.of(0, PART, 5 * PART + 1)) {
            String content = Bytes.pattern(size);
            Path file = Files.writeString(folder.resolve("file"), content);
            UploadFileRequest request = new UploadFileRequest(bucket, "file", file.toString(), PART, 3, true);
            ObjectMetadata metadata = new ObjectMetadata();
            metadata.addUserMetadata("colour", "blue");
            request.setObjectMetadata(metadata);
            String etag = session.client.uploadFile(request).getEtag();
            ObjectMetadata head = session.client.getObjectMetadata(bucket, "file");
            assertEquals(etag, head.getEtag());
            assertEquals("blue", head.getUserMetadata("colour"));
            assertEquals(content, session.content(bucket, "file"));
            session.assertUsage(bucket, size, 1);
        }
    }

    @BothModes({"InitiateMultipartUpload", "UploadPart", "CompleteMultipartUpload"})
    void uploadsWithChecksums(Session session, @TempDir Path folder) throws IOException {
        String bucket = session.bucket();
        Path file = Files.writeString(folder.resolve("file"), Bytes.pattern(3 * PART));
        UploadFileRequest request = new UploadFileRequest(bucket, "file", file.toString(), PART, 1, true);
        request.setNeedCalculateCRC64(true);
        session.client.uploadFile(request);
        assertEquals(Bytes.pattern(3 * PART), session.content(bucket, "file"));
    }

    @BothModes({"InitiateMultipartUpload", "UploadPart", "CompleteMultipartUpload"})
    void interruptedUploads(Session session, @TempDir Path folder) throws IOException {
        String bucket = session.bucket();
        String content = Bytes.pattern(4 * PART);
        Path file = Files.writeString(folder.resolve("file"), content);
        Path checkpoint = folder.resolve("checkpoint");
        UploadFileRequest request =
                new UploadFileRequest(bucket, "file", file.toString(), PART, 1, true, checkpoint.toString());
        transfers(session, 3);
        assertThrows(ObsException.class, () -> session.client.uploadFile(request));
        assertRefused(404, "NoSuchKey", () -> session.client.getObject(bucket, "file"));
        assertEquals(3 * PART, session.client.getBucketStorageInfo(bucket).getSize());
        AtomicInteger again = transfers(session, 0);
        session.client.uploadFile(request);
        assertEquals(1, again.get(), "parts that were missing");
        assertEquals(content, session.content(bucket, "file"));
        session.assertUsage(bucket, content.length(), 1);
        assertFalse(Files.exists(checkpoint));
    }

    @BothModes({"HeadObject", "GetObject"})
    void downloads(Session session, @TempDir Path folder) throws IOException {
        String bucket = session.bucket();
        for (int size : List.of(0, PART, 2 * PART + 500)) {
            String content = Bytes.pattern(size);
            session.put(bucket, "a", content);
            Path file = folder.resolve("file");
            DownloadFileRequest request = new DownloadFileRequest(bucket, "a", file.toString(), PART, 3, true);
            request.setIfMatchTag(Bytes.etag(content));
            assertEquals(Bytes.etag(content), session.client.downloadFile(request).getObjectMetadata().getEtag());
            assertEquals(content, Files.readString(file));
        }
    }

    @BothModes({"HeadObject", "GetObject"})
    void interruptedDownloads(Session session, @TempDir Path folder) throws IOException {
        String bucket = session.bucket();
        String content = Bytes.pattern(4 * PART);
        session.put(bucket, "a", content);
        Path file = folder.resolve("file");
        DownloadFileRequest request = new DownloadFileRequest(
                bucket, "a", file.toString(), PART, 1, true, folder.resolve("checkpoint").toString());
        transfers(session, 3);
        assertThrows(ObsException.class, () -> session.client.downloadFile(request));
        AtomicInteger again = transfers(session, 0);
        session.client.downloadFile(request);
        assertEquals(1, again.get(), "pieces that were missing");
        assertEquals(content, Files.readString(file));

        // An object that has changed meanwhile is fetched anew.
        transfers(session, 3);
        assertThrows(ObsException.class, () -> session.client.downloadFile(request));
        String changed = content.replace('0', 'o') + "changed";
        session.put(bucket, "a", changed);
        again = transfers(session, 0);
        session.client.downloadFile(request);
        assertEquals(5, again.get());
        assertEquals(changed, Files.readString(file));
    }

    @BothModes({"PutObject"})
    void manyFiles(Session session, @TempDir Path folder) throws IOException {
        String bucket = session.bucket();
        List<String> names = List.of("one", "two", "three ü");
        Files.createDirectory(folder.resolve("all"));
        for (String name : names) {
            Files.writeString(folder.resolve("all").resolve(name), name);
        }
        var progress = session.client.putObjects(new PutObjectsRequest(bucket, folder.resolve("all").toString()));
        assertEquals(3, progress.getSucceedTaskNum());
        for (String name : names) {
            assertEquals(name, session.content(bucket, "all/" + name));
        }
    }
}
