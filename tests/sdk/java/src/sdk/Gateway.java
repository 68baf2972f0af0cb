package sdk;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The real executable, run for the tests: start, the CLI beside it, stop. One {@code obs-gateway serve}, on ports of the
 * kernel's choice, over a data folder of its own. Nothing here knows the SDK.
 */
final class Gateway implements AutoCloseable {
    static final String REGION = "region-1";
    static final Key ROOT = new Key("ROOTACCESSKEY0000001", "root-secret-key-of-the-sdk-suites-000001", null);

    private static final int START_SECONDS = 60;
    private static final int STOP_SECONDS = 30;
    private static final Pattern LISTENING =
            Pattern.compile("^listening (data|console) http://127\\.0\\.0\\.1:(\\d+)$", Pattern.MULTILINE);
    private static final Pattern COUNTED =
            Pattern.compile("^obs_gateway_requests_total\\{([^}]*)\\} (\\d+)$", Pattern.MULTILINE);

    /** An access key; the token is null where it is permanent. */
    record Key(String accessKey, String secretKey, String token) {
        /** Reads what the CLI prints with {@code --json}. */
        static Key parse(String json) {
            return new Key(field(json, "access_key"), field(json, "secret_key"), field(json, "security_token"));
        }

        private static String field(String json, String name) {
            Matcher found = Pattern.compile("\"" + name + "\"\\s*:\\s*\"([^\"]*)\"").matcher(json);
            return found.find() ? found.group(1) : null;
        }
    }

    final int port;
    private final int console;
    private final String binary;
    private final Path folder;
    private final Process process;
    private final HttpClient http = HttpClient.newHttpClient();

    Gateway() throws IOException, InterruptedException {
        String named = System.getenv("OBS_GATEWAY_BIN");
        binary = Path.of(named == null ? "../../../target/debug/obs-gateway" : named).toAbsolutePath().toString();
        folder = Files.createTempDirectory("obs-gateway-java-");
        // Files, not pipes: a pipe nobody reads fills up and stops the gateway.
        process = command(0, "serve")
                .redirectOutput(folder.resolve("stdout").toFile())
                .redirectError(folder.resolve("stderr").toFile())
                .start();
        Map<String, Integer> ports = new HashMap<>();
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(START_SECONDS);
        while (ports.size() < 2) {
            if (!process.isAlive() || System.nanoTime() > deadline) {
                process.destroyForcibly();
                throw new IllegalStateException(binary + " did not start:\n" + output());
            }
            Thread.sleep(20);
            Matcher lines = LISTENING.matcher(Files.readString(folder.resolve("stdout")));
            while (lines.find()) {
                ports.put(lines.group(1), Integer.parseInt(lines.group(2)));
            }
        }
        port = ports.get("data");
        console = ports.get("console");
    }

    private ProcessBuilder command(int console, String... arguments) {
        List<String> words = new ArrayList<>(List.of(binary));
        words.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(words);
        builder.directory(folder.toFile()); // an obs-gateway.toml of the checkout is not the tests'
        Map<String, String> environment = builder.environment();
        // Settings of whoever runs the tests must not reach the gateway.
        environment.keySet().removeIf(name -> name.startsWith("OBS_GATEWAY_"));
        environment.put("OBS_GATEWAY_DATA", folder.resolve("data").toString());
        environment.put("OBS_GATEWAY_LISTEN", "127.0.0.1:0");
        environment.put("OBS_GATEWAY_CONSOLE_LISTEN", "127.0.0.1:" + console);
        environment.put("OBS_GATEWAY_DOMAIN", "obs.localhost");
        environment.put("OBS_GATEWAY_REGION", REGION);
        environment.put("OBS_GATEWAY_ROOT_ACCESS_KEY", ROOT.accessKey());
        environment.put("OBS_GATEWAY_ROOT_SECRET_KEY", ROOT.secretKey());
        return builder;
    }

    /** What the gateway has printed so far, for messages. */
    private String output() throws IOException {
        return "--- stdout\n" + Files.readString(folder.resolve("stdout"))
                + "--- stderr\n" + Files.readString(folder.resolve("stderr"));
    }

    /** Runs a subcommand against this gateway and gives what it prints. */
    String cli(String... arguments) throws IOException, InterruptedException {
        Path stderr = Files.createTempFile(folder, "cli-", ".stderr");
        Process run = command(console, arguments).redirectError(stderr.toFile()).start();
        String printed = new String(run.getInputStream().readAllBytes());
        if (run.waitFor() != 0) {
            throw new IllegalStateException("obs-gateway " + String.join(" ", arguments) + ":\n" + Files.readString(stderr));
        }
        return printed;
    }

    /** Makes an account and a key for it. */
    Key createAccount(String name) throws IOException, InterruptedException {
        cli("account", "create", name);
        return Key.parse(cli("key", "create", "--account", name, "--json"));
    }

    /** How often each operation has succeeded, by its name in docs/operations.md. */
    Map<String, Long> successes() {
        HttpRequest request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + console + "/metrics")).build();
        String text;
        try {
            text = http.send(request, HttpResponse.BodyHandlers.ofString()).body();
        } catch (IOException | InterruptedException error) {
            throw new IllegalStateException(error);
        }
        Map<String, Long> counts = new HashMap<>();
        Matcher lines = COUNTED.matcher(text);
        while (lines.find()) {
            if (lines.group(1).contains("code=\"OK\"")) {
                counts.put(lines.group(1).split("operation=\"")[1].split("\"")[0], Long.parseLong(lines.group(2)));
            }
        }
        return counts;
    }

    /** SIGTERM, and the gateway has to leave by itself, with exit code 0. */
    @Override
    public void close() throws IOException, InterruptedException {
        process.destroy();
        boolean left = process.waitFor(STOP_SECONDS, TimeUnit.SECONDS);
        if (!left) {
            process.destroyForcibly();
        }
        String output = output();
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path path : files.sorted((a, b) -> b.compareTo(a)).toList()) {
                Files.delete(path);
            }
        }
        if (!left) {
            throw new IllegalStateException("the gateway ignored SIGTERM for " + STOP_SECONDS + " s:\n" + output);
        }
        if (process.exitValue() != 0) {
            throw new IllegalStateException("the gateway left with " + process.exitValue() + ":\n" + output);
        }
    }
}
