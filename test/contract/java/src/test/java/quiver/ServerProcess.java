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
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** A `quiver serve` on a free port, with a home directory of its own. */
final class ServerProcess implements AutoCloseable {
  private final Process process;
  private final String url;

  /**
   * Returns when it is ready to embed.
   *
   * @param settings environment variables, for example QUIVER_THREADS
   */
  ServerProcess(Map<String, String> settings) {
    try {
      int port = freePort();
      url = "http://127.0.0.1:" + port;
      Path executable = Repository.path("packages/server/bin/quiver.js");
      ProcessBuilder builder = new ProcessBuilder("node", executable.toString(), "serve").inheritIO();
      builder.environment().put("QUIVER_PORT", String.valueOf(port));
      builder.environment().put("QUIVER_HOME", Files.createTempDirectory("quiver-contract-").toString());
      builder.environment().putAll(settings);
      process = builder.start();
    } catch (IOException error) {
      throw new IllegalStateException(error);
    }
    waitUntilReady();
  }

  /** Root of the server, without a trailing slash. */
  String url() {
    return url;
  }

  @Override
  public void close() {
    process.destroy();
    try {
      if (!process.waitFor(20, TimeUnit.SECONDS)) process.destroyForcibly();
    } catch (InterruptedException error) {
      throw new IllegalStateException(error);
    }
  }

  private void waitUntilReady() {
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
    close();
    throw new IllegalStateException(url + " was not ready within a minute");
  }

  private static int freePort() throws IOException {
    try (ServerSocket probe = new ServerSocket(0)) {
      return probe.getLocalPort();
    }
  }
}
