package quiver;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.alibaba.dashscope.embeddings.BatchTextEmbedding;
import com.alibaba.dashscope.embeddings.BatchTextEmbeddingParam;
import com.alibaba.dashscope.embeddings.BatchTextEmbeddingResult;
import com.alibaba.dashscope.exception.ApiException;
import com.alibaba.dashscope.task.AsyncTaskListParam;
import com.alibaba.dashscope.task.AsyncTaskListResult;
import com.alibaba.dashscope.utils.Constants;
import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.http.HttpResponse;
import com.openai.errors.NotFoundException;
import com.openai.models.batches.Batch;
import com.openai.models.batches.BatchCreateParams;
import com.openai.models.files.FileCreateParams;
import com.openai.models.files.FilePurpose;
import com.sun.net.httpserver.HttpServer;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tasks by URL through dashscope-java, batches through openai-java. */
class JobsTest {
  private static final List<String> VERSES = List.of("风急天高猿啸哀", "渚清沙白鸟飞回", "无边落木萧萧下", "不尽长江滚滚来");

  private static HttpServer place;
  private static ServerProcess server;

  @TempDir Path folder;

  /** A web server with a file of texts, which the server under test may reach. */
  @BeforeAll
  static void start() throws IOException {
    place = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    byte[] texts = (String.join("\n", VERSES) + "\n").getBytes(StandardCharsets.UTF_8);
    place.createContext(
        "/text_embedding_file.txt",
        exchange -> {
          exchange.sendResponseHeaders(200, texts.length);
          exchange.getResponseBody().write(texts);
          exchange.close();
        });
    place.start();
    server = new ServerProcess(Map.of("QUIVER_EGRESS_ALLOW", host()));
  }

  @AfterAll
  static void stop() {
    server.close();
    place.stop(0);
  }

  private static String host() {
    return "127.0.0.1:" + place.getAddress().getPort();
  }

  private static BatchTextEmbeddingParam task() {
    return BatchTextEmbeddingParam.builder()
        .model(BatchTextEmbedding.Models.TEXT_EMBEDDING_ASYNC_V1)
        .url("http://" + host() + "/text_embedding_file.txt")
        .build();
  }

  /** A base URL and key of its own: each key may submit one task a second. */
  private static BatchTextEmbedding tasks() {
    Constants.baseHttpApiUrl = server.url() + "/api/v1";
    Constants.apiKey = "sk-" + UUID.randomUUID();
    return new BatchTextEmbedding();
  }

  @Test
  void callWaitsForTheResult() throws Exception {
    BatchTextEmbeddingResult result = tasks().call(task());
    assertEquals("SUCCEEDED", result.getOutput().getTaskStatus());
    assertTrue(result.getUsage().getTotalTokens() > 0);
    List<String> rows = rowsOf(result.getOutput().getUrl());
    assertEquals(VERSES.size(), rows.size());
    for (int i = 0; i < rows.size(); i++) assertTrue(rows.get(i).contains("\"text_index\":" + i), rows.get(i));
  }

  @Test
  void submitFetchWaitListCancel() throws Exception {
    BatchTextEmbedding tasks = tasks();
    BatchTextEmbeddingResult submitted = tasks.asyncCall(task());
    assertEquals("PENDING", submitted.getOutput().getTaskStatus());
    String id = submitted.getOutput().getTaskId();
    assertEquals(id, tasks.fetch(submitted, null).getOutput().getTaskId());
    assertEquals("SUCCEEDED", tasks.wait(id, null).getOutput().getTaskStatus());
    AsyncTaskListResult listed =
        tasks.list(
            AsyncTaskListParam.builder().status("SUCCEEDED").modelName("text-embedding-async-v1").pageSize(5).build());
    assertEquals(List.of(id), listed.getData().stream().map(row -> row.getTaskId()).collect(Collectors.toList()));
    assertTrue(listed.getData().get(0).getEndTime() >= listed.getData().get(0).getGmtCreate());
    ApiException late = assertThrows(ApiException.class, () -> tasks.cancel(submitted, null));
    assertEquals("UnsupportedOperation", late.getStatus().getCode());
    assertEquals("UNKNOWN", tasks.wait(UUID.randomUUID().toString(), null).getOutput().getTaskStatus());
  }

  @Test
  void aBatchFromFileToFile() throws Exception {
    OpenAIClient client = client();
    Batch batch = create(client, line("one", 64) + line("two", 63));
    assertEquals(Batch.Status.VALIDATING, batch.status());
    Batch done = finished(client, batch).validate();
    assertEquals(Batch.Status.COMPLETED, done.status());
    assertEquals(2, done.requestCounts().get().total());
    assertEquals(1, done.requestCounts().get().failed());
    assertTrue(content(client, done.outputFileId().get()).contains("\"custom_id\":\"one\""));
    assertTrue(content(client, done.errorFileId().get()).contains("\"custom_id\":\"two\""));
    assertEquals(
        List.of(batch.id()),
        client.batches().list().autoPager().stream().map(Batch::id).collect(Collectors.toList()));
    client.close();
  }

  @Test
  void whatIsWrongWithAFileIsSaidLineByLine() throws Exception {
    OpenAIClient client = client();
    Batch failed = finished(client, create(client, line("one", 64) + line("one", 64)));
    assertEquals(Batch.Status.FAILED, failed.status());
    assertFalse(failed.outputFileId().isPresent());
    assertEquals("duplicate_custom_id", failed.errors().get().data().get().get(0).code().get());
    assertThrows(NotFoundException.class, () -> client.batches().retrieve("batch_0"));
    client.close();
  }

  private static OpenAIClient client() {
    return OpenAIOkHttpClient.builder()
        .apiKey("sk-" + UUID.randomUUID())
        .baseUrl(server.url() + "/compatible-mode/v1")
        .maxRetries(0)
        .build();
  }

  private static String line(String id, int dimensions) {
    return "{\"custom_id\":\"" + id + "\",\"method\":\"POST\",\"url\":\"/v1/embeddings\",\"body\":"
        + "{\"model\":\"text-embedding-v4\",\"input\":\"" + id + "\",\"dimensions\":" + dimensions + "}}\n";
  }

  private Batch create(OpenAIClient client, String lines) throws IOException {
    Path path = Files.writeString(folder.resolve("batch.jsonl"), lines);
    String file = client.files().create(FileCreateParams.builder().file(path).purpose(FilePurpose.BATCH).build()).id();
    return client
        .batches()
        .create(
            BatchCreateParams.builder()
                .inputFileId(file)
                .endpoint(BatchCreateParams.Endpoint.V1_EMBEDDINGS)
                .completionWindow(BatchCreateParams.CompletionWindow._24H)
                .build());
  }

  private static Batch finished(OpenAIClient client, Batch batch) throws InterruptedException {
    List<Batch.Status> open = List.of(Batch.Status.VALIDATING, Batch.Status.IN_PROGRESS, Batch.Status.FINALIZING);
    Batch now = batch;
    while (open.contains(now.status())) {
      Thread.sleep(100);
      now = client.batches().retrieve(batch.id());
    }
    return now;
  }

  private static String content(OpenAIClient client, String file) throws IOException {
    try (HttpResponse content = client.files().content(file)) {
      return new String(content.body().readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private static List<String> rowsOf(String url) throws IOException {
    try (BufferedReader rows =
        new BufferedReader(
            new InputStreamReader(new GZIPInputStream(URI.create(url).toURL().openStream()), StandardCharsets.UTF_8))) {
      return rows.lines().collect(Collectors.toList());
    }
  }
}
