package quiver;

import java.util.Map;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** One server process for all test classes, or the running one that QUIVER_TEST_URL names. */
public final class TestServer implements BeforeAllCallback, ExtensionContext.Store.CloseableResource {
  private static String url;
  private ServerProcess process;

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
    process = new ServerProcess(Map.of());
    url = process.url();
  }

  @Override
  public void close() {
    if (process != null) process.close();
  }
}
