package quiver;

import java.nio.file.Path;

/** Where the tests find what they test; Maven runs them in the folder of the POM. */
final class Repository {
  static Path path(String relative) {
    return Path.of("../../..", relative).toAbsolutePath().normalize();
  }

  private Repository() {}
}
