package quiver;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.errors.BadRequestException;
import com.openai.errors.NotFoundException;
import com.openai.models.embeddings.CreateEmbeddingResponse;
import com.openai.models.embeddings.EmbeddingCreateParams;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** The vendor's Java quick starts through openai-java; only the base URL differs from its documentation. */
@ExtendWith(TestServer.class)
class OpenAITest {
  private static OpenAIClient client;

  @BeforeAll
  static void pointAtTheServer() {
    client =
        OpenAIOkHttpClient.builder()
            .apiKey("sk-test")
            .baseUrl(TestServer.url() + "/compatible-mode/v1")
            .maxRetries(0)
            .build();
  }

  @AfterAll
  static void close() {
    client.close();
  }

  @Test
  void embedsAString() {
    EmbeddingCreateParams params =
        EmbeddingCreateParams.builder()
            .model("text-embedding-v4")
            .input(EmbeddingCreateParams.Input.ofString("衣服的质量杠杠的，很漂亮，不枉我等了这么久啊，喜欢，以后还来这里买"))
            .dimensions(1024)
            .build();
    expectVectors(client.embeddings().create(params), 1, 1024);
  }

  /** The SDK asks for base64 by itself, so the floats are what it has decoded. */
  @Test
  void embedsAListInAnyEncoding() {
    EmbeddingCreateParams.Builder builder =
        EmbeddingCreateParams.builder()
            .model("text-embedding-v4")
            .inputOfArrayOfStrings(List.of("风急天高猿啸哀", "渚清沙白鸟飞回", "无边落木萧萧下", "不尽长江滚滚来"));
    CreateEmbeddingResponse byDefault = client.embeddings().create(builder.build());
    CreateEmbeddingResponse floats =
        client.embeddings().create(builder.encodingFormat(EmbeddingCreateParams.EncodingFormat.FLOAT).build());
    expectVectors(byDefault, 4, 1024);
    expectVectors(floats, 4, 1024);
    for (int position = 0; position < 4; position++) {
      assertEquals(floats.data().get(position).embedding(), byDefault.data().get(position).embedding());
    }
  }

  @Test
  void throwsNotFoundForAnUnknownModel() {
    EmbeddingCreateParams params = EmbeddingCreateParams.builder().model("text-embedding-v99").input("a").build();
    NotFoundException error = assertThrows(NotFoundException.class, () -> client.embeddings().create(params));
    assertEquals(404, error.statusCode());
    assertEquals("model_not_found", error.code().orElse(null));
    assertEquals(1, error.headers().values("x-request-id").size());
  }

  @Test
  void throwsBadRequestForAnEmptyText() {
    EmbeddingCreateParams params = EmbeddingCreateParams.builder().model("text-embedding-v4").input("").build();
    BadRequestException error = assertThrows(BadRequestException.class, () -> client.embeddings().create(params));
    assertEquals("InvalidParameter", error.code().orElse(null));
    assertTrue(error.getMessage().contains("Range of input length should be [1, 8192]"));
  }

  @Test
  void listsTheModels() {
    List<String> ids = client.models().list().data().stream().map(model -> model.id()).toList();
    assertTrue(ids.contains("text-embedding-v4"), ids.toString());
  }

  private static void expectVectors(CreateEmbeddingResponse response, int texts, int dimension) {
    assertEquals(texts, response.data().size());
    assertEquals("text-embedding-v4", response.model());
    assertTrue(response.usage().totalTokens() > 0);
    for (int position = 0; position < texts; position++) {
      assertEquals(position, response.data().get(position).index());
      List<Float> vector = response.data().get(position).embedding();
      assertEquals(dimension, vector.size());
      assertEquals(1, vector.stream().mapToDouble(value -> value * value).sum(), 1e-3);
    }
  }
}
