package quiver;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.alibaba.dashscope.embeddings.BatchTextEmbedding;
import com.alibaba.dashscope.embeddings.BatchTextEmbeddingParam;
import com.alibaba.dashscope.embeddings.TextEmbedding;
import com.alibaba.dashscope.embeddings.TextEmbeddingParam;
import com.alibaba.dashscope.exception.ApiException;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.errors.BadRequestException;
import com.openai.errors.InternalServerException;
import com.openai.errors.NotFoundException;
import com.openai.errors.OpenAIServiceException;
import com.openai.errors.PermissionDeniedException;
import com.openai.errors.RateLimitException;
import com.openai.errors.UnauthorizedException;
import com.openai.errors.UnexpectedStatusCodeException;
import com.openai.models.embeddings.EmbeddingCreateParams;
import java.io.IOException;
import java.nio.file.Files;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Every row of the server's table of errors, through both clients: class, status, code, request id.
 *
 * <p>A new row fails here until it has a call that provokes it, or a reason in unprovokable.json.
 */
@ExtendWith(TestServer.class)
class ErrorTableTest {
  private static final String MODEL = "text-embedding-v4";
  private static final List<String> DISTINCT = List.of("一", "二", "三", "四");
  private static final List<String> LONG =
      Stream.iterate(0, number -> number + 1).limit(10).map(number -> number + "江".repeat(8000)).toList();

  /** Only what cannot be sent to the shared server: other keys, a tiny queue and body, a tenth of a second. */
  private static ServerProcess keyed;

  private static ServerProcess small;
  private static ServerProcess hasty;

  @BeforeAll
  static void startServers() {
    keyed = new ServerProcess(Map.of("QUIVER_API_KEYS", "sk-right"));
    small =
        new ServerProcess(
            Map.of("QUIVER_THREADS", "1", "QUIVER_MAX_QUEUED_INPUTS", "1", "QUIVER_MAX_BODY_BYTES", "1024"));
    hasty = new ServerProcess(Map.of("QUIVER_THREADS", "1", "QUIVER_REQUEST_TIMEOUT_MS", "100"));
  }

  @AfterAll
  static void stopServers() {
    Stream.of(keyed, small, hasty).forEach(ServerProcess::close);
  }

  private static Map<String, Runnable> openaiCalls() {
    String root = TestServer.url();
    return Map.ofEntries(
        Map.entry("invalid_parameter", () -> openai(root, "", input -> input.dimensions(100))),
        Map.entry("missing_model", () -> openai(root, "", input -> input.model(""))),
        Map.entry("missing_input", () -> openai(root, "", input -> input.inputOfArrayOfStrings(List.of()))),
        Map.entry("invalid_api_key", () -> openai(keyed.url(), "", input -> input)),
        Map.entry("model_not_found", () -> openai(root, "", input -> input.model("text-embedding-v99"))),
        Map.entry("not_found", () -> openai(root, "/nothing", input -> input)),
        // POST to /models/embeddings: one model, which is only read.
        Map.entry("method_not_allowed", () -> openai(root, "/models", input -> input)),
        Map.entry("body_too_large", () -> openai(small.url(), "", input -> input.input("x".repeat(2000)))),
        Map.entry(
            "unsupported_encoding", () -> openai(root, "", input -> input.putAdditionalHeader("Content-Encoding", "gzip"))),
        Map.entry("timed_out", () -> openai(hasty.url(), "", input -> input.inputOfArrayOfStrings(LONG))),
        Map.entry("overloaded", () -> openai(small.url(), "", input -> input.inputOfArrayOfStrings(DISTINCT))));
  }

  private static void openai(String root, String path, UnaryOperator<EmbeddingCreateParams.Builder> mistake) {
    OpenAIClient client =
        OpenAIOkHttpClient.builder()
            .apiKey("sk-test")
            .baseUrl(root + "/compatible-mode/v1" + path)
            .maxRetries(0)
            .build();
    try {
      client.embeddings().create(mistake.apply(EmbeddingCreateParams.builder().model(MODEL).input("a")).build());
    } finally {
      client.close();
    }
  }

  private static Map<String, Runnable> dashscopeCalls() {
    String root = TestServer.url();
    return Map.ofEntries(
        Map.entry("invalid_parameter", () -> dashscope(root, "", param -> param.parameter("dimension", 100))),
        Map.entry("missing_model", () -> dashscope(root, "", param -> param.model(""))),
        Map.entry("invalid_api_key", () -> dashscope(keyed.url(), "", param -> {})),
        Map.entry("access_denied", () -> batch(root)),
        Map.entry("model_not_found", () -> dashscope(root, "", param -> param.model("text-embedding-v99"))),
        Map.entry("not_found", () -> dashscope(root, "/nothing", param -> {})),
        // A base URL that ends in a query makes the rest of the path a parameter: a POST to what is only read.
        Map.entry("method_not_allowed", () -> dashscope(root, "/models?rest=", param -> {})),
        Map.entry("body_too_large", () -> dashscope(small.url(), "", param -> param.text("x".repeat(2000)))),
        Map.entry(
            "unsupported_encoding",
            () -> dashscope(root, "", param -> param.headers(Map.of("Content-Encoding", "gzip")))),
        Map.entry("timed_out", () -> dashscope(hasty.url(), "", param -> param.clearTexts().texts(LONG))),
        Map.entry("overloaded", () -> dashscope(small.url(), "", param -> param.clearTexts().texts(DISTINCT))));
  }

  private static void dashscope(
      String root, String path, Consumer<TextEmbeddingParam.TextEmbeddingParamBuilder<?, ?>> mistake) {
    TextEmbeddingParam.TextEmbeddingParamBuilder<?, ?> param =
        TextEmbeddingParam.builder().apiKey("sk-test").model(MODEL).text("a");
    mistake.accept(param);
    call(() -> new TextEmbedding(root + "/api/v1" + path).call(param.build()));
  }

  private static void batch(String root) {
    BatchTextEmbeddingParam param =
        BatchTextEmbeddingParam.builder().apiKey("sk-test").model(MODEL).url("https://example.com/texts.txt").build();
    call(() -> new BatchTextEmbedding(root + "/api/v1").asyncCall(param));
  }

  private interface Call {
    void run() throws Exception;
  }

  /** ApiException is unchecked; the missing key, which is checked, cannot happen here. */
  private static void call(Call call) {
    try {
      call.run();
    } catch (RuntimeException error) {
      throw error;
    } catch (Exception error) {
      throw new IllegalStateException(error);
    }
  }

  @Test
  void everyRowHasACallOrAReason() throws IOException, InterruptedException {
    JsonObject table = table();
    for (Map.Entry<String, Set<String>> client :
        Map.of("openai-java", openaiCalls().keySet(), "dashscope-java", dashscopeCalls().keySet()).entrySet()) {
      Set<String> rows = new TreeSet<>(client.getValue());
      for (String row : reasons().keySet()) {
        Set<String> clients = reasons().getAsJsonObject(row).keySet();
        if (clients.contains("*") || clients.contains(client.getKey())) rows.add(row);
      }
      assertEquals(new TreeSet<>(table.keySet()), rows, client.getKey());
    }
  }

  @TestFactory
  List<DynamicTest> openai() throws IOException, InterruptedException {
    return rows(
        "openai",
        openaiCalls(),
        (call, expected) -> {
          OpenAIServiceException error = assertThrows(OpenAIServiceException.class, call::run);
          int status = expected.get("status").getAsInt();
          assertEquals(classOf(status), error.getClass());
          assertEquals(status, error.statusCode());
          assertEquals(expected.get("code").getAsString(), error.code().orElse(null));
          assertEquals(expected.get("type").getAsString(), error.type().orElse(null));
          List<String> ids = error.headers().values("x-request-id");
          assertEquals(Collections.singletonList(UUID.fromString(ids.get(0)).toString()), ids);
        });
  }

  @TestFactory
  List<DynamicTest> dashscope() throws IOException, InterruptedException {
    return rows(
        "dashscope",
        dashscopeCalls(),
        (call, expected) -> {
          ApiException error = assertThrows(ApiException.class, call::run);
          assertEquals(expected.get("status").getAsInt(), error.getStatus().getStatusCode(), error::getMessage);
          assertEquals(expected.get("code").getAsString(), error.getStatus().getCode());
          String id = error.getStatus().getRequestId();
          assertEquals(UUID.fromString(id).toString(), id);
        });
  }

  private interface Expectation {
    void check(Runnable call, JsonObject expected);
  }

  private static List<DynamicTest> rows(String dialect, Map<String, Runnable> calls, Expectation expectation)
      throws IOException, InterruptedException {
    JsonObject table = table();
    return new TreeMap<>(calls)
        .entrySet().stream()
        .map(
            row ->
                DynamicTest.dynamicTest(
                    dialect + " " + row.getKey(),
                    () ->
                        expectation.check(
                            row.getValue(), table.getAsJsonObject(row.getKey()).getAsJsonObject(dialect))))
        .toList();
  }

  /** The documented mapping of openai-java. */
  private static Class<? extends OpenAIServiceException> classOf(int status) {
    if (status >= 500) return InternalServerException.class;
    return switch (status) {
      case 400 -> BadRequestException.class;
      case 401 -> UnauthorizedException.class;
      case 403 -> PermissionDeniedException.class;
      case 404 -> NotFoundException.class;
      case 429 -> RateLimitException.class;
      default -> UnexpectedStatusCodeException.class;
    };
  }

  private static JsonObject table() throws IOException, InterruptedException {
    Process script =
        new ProcessBuilder("node", Repository.path("test/contract/error-table.mjs").toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    String json = new String(script.getInputStream().readAllBytes());
    assertEquals(0, script.waitFor());
    return JsonParser.parseString(json).getAsJsonObject();
  }

  private static JsonObject reasons() throws IOException {
    return JsonParser.parseString(Files.readString(Repository.path("test/contract/unprovokable.json")))
        .getAsJsonObject();
  }
}
