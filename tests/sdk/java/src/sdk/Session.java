package sdk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.obs.services.ObsClient;
import com.obs.services.ObsConfiguration;
import com.obs.services.exception.ObsException;
import com.obs.services.model.BucketStorageInfo;
import com.obs.services.model.CreateBucketRequest;
import com.obs.services.model.GetObjectRequest;
import com.obs.services.model.ListObjectsRequest;
import com.obs.services.model.ObjectListing;
import com.obs.services.model.ObsObject;
import com.obs.services.model.PutObjectResult;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import org.junit.jupiter.api.function.Executable;
import shade.okhttp3.Call;
import shade.okhttp3.EventListener;
import shade.okhttp3.OkHttpClient;
import shade.okhttp3.Request;
import shade.okhttp3.RequestBody;
import shade.okhttp3.Response;

/** What a test works with: a mode of the SDK, clients of it, and buckets that are gone when the test has ended. */
final class Session {
    /** The SDK decides by the endpoint alone which protocol it speaks. */
    enum Mode {
        /** By host name: negotiation, {@code Authorization: OBS}, x-obs-*, bucket in the host name. */
        OBS("obs.localhost", "OBS"),
        /** By IP: no negotiation, {@code Authorization: AWS} (V2), x-amz-*, bucket in the path. */
        V2("127.0.0.1", "AWS");

        private final String host;
        private final String signature;

        Mode(String host, String signature) {
            this.host = host;
            this.signature = signature;
        }

        /** One of two values, by the mode. */
        <T> T pick(T obs, T v2) {
            return this == OBS ? obs : v2;
        }
    }

    private static final AtomicInteger NUMBERS = new AtomicInteger();

    private static final OkHttpClient PLAIN =
            new OkHttpClient.Builder().dns(Session::loopback).followRedirects(false).build();

    final Gateway gateway;
    final Mode mode;
    /** The root account's. */
    final ObsClient client;
    /** Requests of any client of the session for which this holds are broken off before they reach the gateway. */
    volatile Predicate<Request> broken = request -> false;

    private final List<ObsClient> clients = new ArrayList<>();
    private final Deque<String> buckets = new ArrayDeque<>();
    private final List<String> foreign = new ArrayList<>();

    Session(Gateway gateway, Mode mode) {
        this.gateway = gateway;
        this.mode = mode;
        this.client = connect(Gateway.ROOT);
    }

    String endpoint() {
        return "http://" + mode.host + ":" + gateway.port;
    }

    /** Makes a client of this mode; without a key it is nobody's. */
    ObsClient connect(Gateway.Key key) {
        ObsConfiguration configuration = new ObsConfiguration();
        configuration.setEndPoint(endpoint());
        configuration.setMaxErrorRetry(0); // a retried 5xx would look like a success
        configuration.setSocketTimeout(30_000);
        // RFC 6761 reserves *.localhost for the loopback address, but resolvers ask the DNS for all but `localhost`.
        configuration.setCustomizedDnsImpl(Session::loopback);
        configuration.setEventListenerFactory(call -> new Listener());
        ObsClient made = key == null
                ? new ObsClient(configuration)
                : new ObsClient(key.accessKey(), key.secretKey(), key.token(), configuration);
        clients.add(made);
        return made;
    }

    private static List<InetAddress> loopback(String host) throws UnknownHostException {
        return List.of(InetAddress.getByAddress(host, new byte[] {127, 0, 0, 1}));
    }

    /** Sees every request: breaks off what is to be broken, notes what is not of the mode. */
    private final class Listener extends EventListener {
        @Override
        public void callStart(Call call) {
            if (broken.test(call.request())) {
                call.cancel();
            }
        }

        @Override
        public void requestHeadersEnd(Call call, Request request) {
            String authorization = request.header("Authorization");
            if (authorization != null && !authorization.startsWith(mode.signature + " ")) {
                foreign.add(authorization.split(" ")[0] + " " + request.url());
            }
        }
    }

    /** What a request without the SDK is answered. */
    record Answer(int status, Map<String, List<String>> headers, String body) {
        String header(String name) {
            return headers.getOrDefault(name.toLowerCase(), List.of("")).get(0);
        }
    }

    /** Sends a request as a browser would, without the SDK. A null body is none. */
    static Answer fetch(String method, String url, Map<String, String> headers, byte[] body) {
        Request.Builder request = new Request.Builder().url(url);
        headers.forEach((name, value) -> {
            if (!name.equalsIgnoreCase("Host")) {
                request.header(name, value);
            }
        });
        boolean wants = method.equals("PUT") || method.equals("POST");
        request.method(method, body == null && !wants ? null : RequestBody.create(body == null ? new byte[0] : body, null));
        try (Response response = PLAIN.newCall(request.build()).execute()) {
            return new Answer(response.code(), response.headers().toMultimap(), response.body().string());
        } catch (IOException error) {
            throw new IllegalStateException(error);
        }
    }

    /** The address of a bucket or, with a key, of an object. */
    String url(String bucket, String key) {
        String path = key.isEmpty() ? "/" : "/" + key;
        return mode.pick("http://" + bucket + "." + mode.host + ":" + gateway.port, endpoint() + "/" + bucket) + path;
    }

    /** A client of a further account's. */
    ObsClient account() {
        return account(newName());
    }

    ObsClient account(String name) {
        try {
            return connect(gateway.createAccount(name));
        } catch (IOException | InterruptedException error) {
            throw new IllegalStateException(error);
        }
    }

    /** The account's identifier, as the owner of its buckets is named. */
    String accountId(ObsClient of) {
        return of.listBucketsV2(null).getOwner().getId();
    }

    /** Gives names no other test uses, fit for buckets and for accounts. */
    String newName() {
        return "sdk-java-" + mode.name().toLowerCase() + "-" + NUMBERS.incrementAndGet();
    }

    /** An empty bucket of the root account's; gone afterwards, for an account may have only so many. */
    String bucket() {
        return bucket(new CreateBucketRequest());
    }

    String bucket(CreateBucketRequest request) {
        String name = newName();
        request.setBucketName(name);
        client.createBucket(request);
        buckets.push(name);
        return name;
    }

    /** Ends the session; where the test has passed so far, what the clients did must be of the mode. */
    void close(boolean passed) throws IOException {
        broken = request -> false;
        while (!buckets.isEmpty()) {
            String name = buckets.pop();
            if (client.headBucket(name)) {
                remove(name);
            }
        }
        for (ObsClient each : clients) {
            each.close();
        }
        if (passed) {
            assertEquals(List.of(), foreign, "requests of the other mode");
        }
    }

    private void remove(String name) {
        while (true) {
            ListObjectsRequest request = new ListObjectsRequest(name);
            request.setEncodingType("url");
            ObjectListing listing = client.listObjects(request);
            if (listing.getObjects().isEmpty()) {
                break;
            }
            // Backwards: the entries of a folder of a file system come after the folder.
            for (int i = listing.getObjects().size() - 1; i >= 0; i--) {
                client.deleteObject(name, listing.getObjects().get(i).getObjectKey());
            }
        }
        assertUsage(name, 0, 0);
        client.deleteBucket(name);
    }

    void assertUsage(String bucket, long bytes, long objects) {
        BucketStorageInfo info = client.getBucketStorageInfo(bucket);
        assertEquals(List.of(bytes, objects), List.of(info.getSize(), info.getObjectNumber()), "usage of " + bucket);
    }

    /** The call is refused with this status and code; the SDK reads the code from a body, so there is none on HEAD. */
    static ObsException assertRefused(int status, String code, Executable call) {
        ObsException fault = assertThrows(ObsException.class, call);
        assertEquals(status + " " + code, fault.getResponseCode() + " " + fault.getErrorCode(), fault.toString());
        assertNotNull(fault.getErrorRequestId(), fault.toString());
        assertEquals(32, fault.getErrorRequestId().length(), "the request id");
        return fault;
    }

    PutObjectResult put(String bucket, String key, String content) {
        return client.putObject(bucket, key, stream(content));
    }

    /** The object's content, whole. */
    String content(String bucket, String key) {
        return content(client.getObject(bucket, key));
    }

    String content(GetObjectRequest request) {
        return content(client.getObject(request));
    }

    static String content(ObsObject object) {
        try (InputStream stream = object.getObjectContent()) {
            return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException error) {
            throw new IllegalStateException(error);
        }
    }

    static InputStream stream(String content) {
        return new ByteArrayInputStream(content.getBytes(StandardCharsets.UTF_8));
    }
}
