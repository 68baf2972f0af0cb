package sdk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static sdk.Session.assertRefused;

import com.obs.services.ObsClient;
import com.obs.services.exception.ObsException;
import com.obs.services.model.BucketTypeEnum;
import com.obs.services.model.CreateBucketRequest;
import com.obs.services.model.ListBucketsRequest;
import com.obs.services.model.ObsBucket;
import com.obs.services.model.fs.DropFolderRequest;
import com.obs.services.model.fs.FSStatusEnum;
import com.obs.services.model.fs.GetAttributeRequest;
import com.obs.services.model.fs.GetBucketFSStatusRequest;
import com.obs.services.model.fs.NewFileRequest;
import com.obs.services.model.fs.NewFolderRequest;
import com.obs.services.model.fs.ObsFSFile;
import com.obs.services.model.fs.ReadFileRequest;
import com.obs.services.model.fs.RenameRequest;
import com.obs.services.model.fs.TruncateFileRequest;
import com.obs.services.model.fs.WriteFileRequest;
import java.util.List;
import org.junit.jupiter.api.function.Executable;

/** Parallel file systems, through the calls for objects and through those for files. */
class FileSystemTest {
    private static String fileSystem(Session session) {
        CreateBucketRequest request = new CreateBucketRequest();
        request.setBucketType(BucketTypeEnum.PFS);
        return session.bucket(request);
    }

    @BothModes({"CreateBucket", "HeadBucket", "ListBuckets"})
    void aFileSystem(Session session) {
        ObsClient client = session.client;
        String fileSystem = fileSystem(session);
        String plain = session.bucket();
        assertEquals(FSStatusEnum.ENABLED, client.getBucketFSStatus(new GetBucketFSStatusRequest(fileSystem)).getStatus());
        assertNull(client.getBucketFSStatus(new GetBucketFSStatusRequest(plain)).getStatus());
        assertTrue(listed(client, BucketTypeEnum.PFS).contains(fileSystem));
        assertFalse(listed(client, BucketTypeEnum.PFS).contains(plain));
        assertTrue(listed(client, BucketTypeEnum.OBJECT).contains(plain));
        assertFalse(listed(client, BucketTypeEnum.OBJECT).contains(fileSystem));
    }

    private static List<String> listed(ObsClient client, BucketTypeEnum type) {
        ListBucketsRequest request = new ListBucketsRequest();
        request.setBucketType(type);
        return client.listBuckets(request).stream().map(ObsBucket::getBucketName).toList();
    }

    @BothModes({"ModifyObject", "TruncateObject", "RenameObject"})
    void objects(Session session) {
        ObsClient client = session.client;
        String bucket = fileSystem(session);
        session.put(bucket, "file", "0123456789");
        client.modifyObject(bucket, "file", 2, Session.stream("abc"));
        assertEquals("01abc56789", session.content(bucket, "file"));
        client.modifyObject(bucket, "file", 9, Session.stream("end"));
        assertEquals("01abc5678end", session.content(bucket, "file"));
        session.assertUsage(bucket, 12, 1);
        client.truncateObject(bucket, "file", 4);
        assertEquals("01ab", session.content(bucket, "file"));
        session.assertUsage(bucket, 4, 1);
        client.truncateObject(bucket, "file", 6);
        assertEquals("01ab\0\0", session.content(bucket, "file"));
        client.renameObject(bucket, "file", "new+name ü");
        assertEquals("01ab\0\0", session.content(bucket, "new+name ü"));
        assertRefused(404, "NoSuchKey", () -> client.getObject(bucket, "file"));
        assertRefused(404, "NoSuchKey", () -> client.renameObject(bucket, "file", "x"));
        assertRefused(404, "NoSuchKey", () -> client.truncateObject(bucket, "file", 1));

        String plain = session.bucket();
        session.put(plain, "file", "0123456789");
        for (var call : List.<Executable>of(
                () -> client.modifyObject(plain, "file", 2, Session.stream("abc")),
                () -> client.truncateObject(plain, "file", 1),
                () -> client.renameObject(plain, "file", "other"))) {
            assertEquals(405, assertThrows(ObsException.class, call).getResponseCode());
        }
        assertEquals("0123456789", session.content(plain, "file"));
    }

    @BothModes({"PutObject", "GetObject", "HeadObject", "ModifyObject", "TruncateObject", "RenameObject", "DeleteObject",
        "ListObjects"})
    void files(Session session) {
        ObsClient client = session.client;
        String bucket = fileSystem(session);
        client.newFolder(new NewFolderRequest(bucket, "folder"));
        ObsFSFile file = client.newFile(new NewFileRequest(bucket, "folder/file", Session.stream("0123456789")));
        assertEquals("folder/file", file.getObjectKey());
        client.writeFile(new WriteFileRequest(bucket, "folder/file", Session.stream("abc"), 2));
        WriteFileRequest append = new WriteFileRequest(bucket, "folder/file", Session.stream("end"));
        append.setPosition(10);
        client.appendFile(append);
        assertEquals("01abc56789end", session.content(bucket, "folder/file"));
        assertEquals(13, client.getAttribute(new GetAttributeRequest(bucket, "folder/file")).getContentLength());
        client.truncateFile(new TruncateFileRequest(bucket, "folder/file", 5));
        ReadFileRequest read = new ReadFileRequest(bucket, "folder/file");
        read.setRangeStart(1L);
        read.setRangeEnd(3L);
        assertEquals("1ab", Session.content(client.getObject(read)));
        client.renameFile(new RenameRequest(bucket, "folder/file", "folder/other"));
        client.renameFolder(new RenameRequest(bucket, "folder", "new"));
        assertEquals("01abc", session.content(bucket, "new/other"));
        assertRefused(404, "NoSuchKey", () -> client.getObject(bucket, "folder/other"));
        assertRefused(409, "DirectoryNotEmpty", () -> client.deleteObject(bucket, "new/"));
        client.dropFolder(new DropFolderRequest(bucket, "new"));
        assertEquals(List.of(), client.listObjects(bucket).getObjects());
        session.assertUsage(bucket, 0, 0);
    }
}
