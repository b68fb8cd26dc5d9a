package quiver;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.alibaba.dashscope.utils.Constants;
import com.alibaba.dashscope.utils.OSSUtils;
import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.http.HttpResponse;
import com.openai.errors.BadRequestException;
import com.openai.errors.NotFoundException;
import com.openai.models.files.FileCreateParams;
import com.openai.models.files.FileListParams;
import com.openai.models.files.FileObject;
import com.openai.models.files.FilePurpose;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Files through openai-java, temporary uploads through dashscope-java. */
@ExtendWith(TestServer.class)
class FilesTest {
  private static final byte[] LINE =
      "{\"custom_id\":\"1\",\"method\":\"POST\",\"url\":\"/v1/embeddings\",\"body\":{\"input\":\"你好\"}}\n"
          .getBytes(StandardCharsets.UTF_8);

  @TempDir Path folder;

  /** A key of its own, so that no test sees another's files. */
  private static OpenAIClient client() {
    return OpenAIOkHttpClient.builder()
        .apiKey("sk-" + UUID.randomUUID())
        .baseUrl(TestServer.url() + "/compatible-mode/v1")
        .maxRetries(0)
        .build();
  }

  private FileObject upload(OpenAIClient client, FilePurpose purpose) throws Exception {
    Path path = Files.write(folder.resolve("lines.jsonl"), LINE);
    return client.files().create(FileCreateParams.builder().file(path).purpose(purpose).build());
  }

  @Test
  void lifeOfAFile() throws Exception {
    OpenAIClient client = client();
    FileObject created = upload(client, FilePurpose.BATCH);
    assertTrue(created.id().startsWith("file-batch-"), created.id());
    assertEquals("lines.jsonl", created.filename());
    assertEquals(LINE.length, created.bytes());
    created.validate();
    assertEquals(created.id(), client.files().retrieve(created.id()).validate().id());
    try (HttpResponse content = client.files().content(created.id())) {
      assertArrayEquals(LINE, content.body().readAllBytes());
    }
    assertTrue(client.files().delete(created.id()).validate().deleted());
    assertThrows(NotFoundException.class, () -> client.files().retrieve(created.id()));
    client.close();
  }

  @Test
  void aListPagesByItself() throws Exception {
    OpenAIClient client = client();
    List<String> ids = new ArrayList<>();
    for (int number = 0; number < 5; number++) {
      ids.add(upload(client, FilePurpose.BATCH).id());
      Thread.sleep(3);
    }
    FileListParams params = FileListParams.builder().limit(2).order(FileListParams.Order.ASC).build();
    List<String> listed = client.files().list(params).autoPager().stream().map(FileObject::id).collect(Collectors.toList());
    assertEquals(ids, listed);
    client.close();
  }

  @Test
  void aForeignFileAndAWrongPurposeAreRefused() throws Exception {
    OpenAIClient ours = client();
    OpenAIClient theirs = client();
    String id = upload(ours, FilePurpose.BATCH).id();
    assertThrows(NotFoundException.class, () -> theirs.files().content(id));
    assertThrows(BadRequestException.class, () -> upload(ours, FilePurpose.of("nothing")));
    ours.close();
    theirs.close();
  }

  @Test
  void theNativeSdkUploadsLocalFiles() throws Exception {
    Constants.baseHttpApiUrl = TestServer.url() + "/api/v1";
    Path path = Files.write(folder.resolve("verses.txt"), LINE);
    String first = OSSUtils.upload("text-embedding-async-v2", path.toString(), "sk-test");
    String second = OSSUtils.upload("text-embedding-async-v2", path.toString(), "sk-test");
    assertTrue(first.startsWith("oss://dashscope-instant/"), first);
    assertTrue(first.endsWith("/verses.txt"), first);
    assertNotEquals(first, second);
    assertFalse(OSSUtils.get_upload_certificate("text-embedding-async-v2", "sk-test").getOutput() == null);
  }
}
