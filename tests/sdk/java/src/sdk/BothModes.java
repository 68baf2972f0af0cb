package sdk;

import static java.util.concurrent.TimeUnit.SECONDS;

import com.obs.services.internal.Constants;
import java.io.IOException;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.TestTemplate;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.Extension;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;
import org.junit.jupiter.api.extension.TestTemplateInvocationContext;
import org.junit.jupiter.api.extension.TestTemplateInvocationContextProvider;

/**
 * A test that runs once in either mode of the SDK, with a {@link Session} of that mode. The operations it exercises are
 * named as in docs/operations.md; each must have succeeded at least once while the test ran, and is recorded.
 */
@TestTemplate
@ExtendWith(BothModes.Provider.class)
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.METHOD)
@interface BothModes {
    String[] value();

    /** Further operations that are exercised by host name alone. */
    String[] obs() default {};

    /** Further operations that are exercised by IP alone. */
    String[] v2() default {};

    /** Runs the test twice. */
    final class Provider implements TestTemplateInvocationContextProvider {
        @Override
        public boolean supportsTestTemplate(ExtensionContext context) {
            return true;
        }

        @Override
        public Stream<TestTemplateInvocationContext> provideTestTemplateInvocationContexts(ExtensionContext context) {
            return Stream.of(Session.Mode.values()).map(Invocation::new);
        }
    }

    /** One of the two runs. */
    record Invocation(Session.Mode mode) implements TestTemplateInvocationContext {
        @Override
        public String getDisplayName(int number) {
            return mode.name();
        }

        @Override
        public List<Extension> getAdditionalExtensions() {
            return List.of(new Run(mode));
        }
    }

    /** Gives the test its session, and takes the results when it has ended. */
    final class Run implements ParameterResolver, BeforeEachCallback, AfterEachCallback {
        private final Session.Mode mode;
        private Session session;
        private Map<String, Long> before;

        Run(Session.Mode mode) {
            this.mode = mode;
        }

        @Override
        public void beforeEach(ExtensionContext context) {
            Gateway gateway = context.getRoot().getStore(ExtensionContext.Namespace.GLOBAL)
                    .getOrComputeIfAbsent(Running.class, key -> new Running(), Running.class).gateway;
            before = gateway.successes();
            session = new Session(gateway, mode);
        }

        @Override
        public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
            return parameter.getParameter().getType() == Session.class;
        }

        @Override
        public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
            return session;
        }

        @Override
        public void afterEach(ExtensionContext context) throws Exception {
            BothModes claim = context.getRequiredTestMethod().getAnnotation(BothModes.class);
            List<String> operations = Stream.of(claim.value(), mode.pick(claim.obs(), claim.v2())).flatMap(Stream::of).toList();
            boolean passed = context.getExecutionException().isEmpty();
            try {
                session.close(passed);
                if (passed) {
                    checkSucceeded(operations);
                }
            } catch (Exception | AssertionError error) {
                passed = false;
                throw error;
            } finally {
                record(operations, context, passed);
            }
        }

        private void checkSucceeded(List<String> operations) throws InterruptedException {
            // A request is counted after its answer has gone out, so the last one may be a moment late.
            long deadline = System.nanoTime() + SECONDS.toNanos(60);
            while (true) {
                Map<String, Long> after = session.gateway.successes();
                List<String> missing = operations.stream()
                        .filter(operation -> after.getOrDefault(operation, 0L) <= before.getOrDefault(operation, 0L))
                        .toList();
                if (missing.isEmpty()) {
                    return;
                }
                if (System.nanoTime() > deadline) {
                    throw new AssertionError("claimed, but not one of these has succeeded: " + missing);
                }
                Thread.sleep(5);
            }
        }

        /** Appends a line per operation to the file that docs/compatibility.md is printed from. */
        private void record(List<String> operations, ExtensionContext context, boolean passed) throws IOException {
            String path = System.getenv("OBS_GATEWAY_SDK_RESULTS");
            if (path == null) {
                return;
            }
            for (String operation : operations) {
                String line = """
                        {"operation":"%s","sdk":"esdk-obs-java-bundle","version":"%s","mode":"%s","test":"%s.%s","passed":%s}
                        """.formatted(operation, Constants.OBS_SDK_VERSION, mode.name().toLowerCase(),
                        context.getRequiredTestClass().getSimpleName(), context.getRequiredTestMethod().getName(), passed);
                Files.writeString(Path.of(path), line, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
            }
        }
    }

    /** The one gateway of the run; stopped when the last test has ended. */
    final class Running implements ExtensionContext.Store.CloseableResource {
        private final Gateway gateway;

        Running() {
            try {
                gateway = new Gateway();
            } catch (IOException | InterruptedException error) {
                throw new IllegalStateException(error);
            }
        }

        @Override
        public void close() throws Throwable {
            gateway.close();
        }
    }
}
