package quiver;

import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** One server process for all test classes, or the running one that QUIVER_TEST_URL names. */
public final class TestServer implements BeforeAllCallback, ExtensionContext.Store.CloseableResource {
  private static String url;
  private Process process;

  /** Root of the server, without a trailing slash. */
  static String url() {
    return url;
  }

  @Override
  public void beforeAll(ExtensionContext context) {
    context
        .getRoot()
        .getStore(ExtensionContext.Namespace.GLOBAL)
        .getOrComputeIfAbsent(
            "quiver",
            key -> {
              start();
              return this;
            });
  }

  private void start() {
    String running = System.getenv("QUIVER_TEST_URL");
    if (running != null && !running.isEmpty()) {
      url = running;
      return;
    }
    try {
      int port = freePort();
      url = "http://127.0.0.1:" + port;
      Path home = Files.createTempDirectory("quiver-contract-");
      Path executable = Path.of("../../../packages/server/bin/quiver.js").toAbsolutePath().normalize();
      ProcessBuilder builder = new ProcessBuilder("node", executable.toString(), "serve").inheritIO();
      builder.environment().put("QUIVER_PORT", String.valueOf(port));
      builder.environment().put("QUIVER_HOME", home.toString());
      process = builder.start();
      waitUntilReady();
    } catch (IOException error) {
      throw new IllegalStateException(error);
    }
  }

  @Override
  public void close() throws InterruptedException {
    if (process == null) return;
    process.destroy();
    if (!process.waitFor(20, TimeUnit.SECONDS)) process.destroyForcibly();
  }

  private static void waitUntilReady() {
    HttpClient client = HttpClient.newHttpClient();
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(url + "/readyz")).timeout(Duration.ofSeconds(2)).build();
    for (int attempt = 0; attempt < 300; attempt++) {
      try {
        if (client.send(request, HttpResponse.BodyHandlers.discarding()).statusCode() == 200) return;
      } catch (IOException notListeningYet) {
        // Asked again below.
      } catch (InterruptedException error) {
        throw new IllegalStateException(error);
      }
      try {
        Thread.sleep(200);
      } catch (InterruptedException error) {
        throw new IllegalStateException(error);
      }
    }
    throw new IllegalStateException(url + " was not ready within a minute");
  }

  private static int freePort() throws IOException {
    try (ServerSocket probe = new ServerSocket(0)) {
      return probe.getLocalPort();
    }
  }
}
