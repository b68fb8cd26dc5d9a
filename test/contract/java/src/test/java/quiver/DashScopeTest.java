package quiver;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.alibaba.dashscope.embeddings.BatchTextEmbedding;
import com.alibaba.dashscope.embeddings.BatchTextEmbeddingParam;
import com.alibaba.dashscope.embeddings.TextEmbedding;
import com.alibaba.dashscope.embeddings.TextEmbeddingParam;
import com.alibaba.dashscope.embeddings.TextEmbeddingResult;
import com.alibaba.dashscope.embeddings.TextEmbeddingResultItem;
import com.alibaba.dashscope.exception.ApiException;
import com.alibaba.dashscope.exception.NoApiKeyException;
import com.alibaba.dashscope.utils.Constants;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** The vendor's Java quick starts through dashscope-java; only the base URL differs from its documentation. */
@ExtendWith(TestServer.class)
class DashScopeTest {
  private static final List<String> VERSES =
      Arrays.asList("风急天高猿啸哀", "渚清沙白鸟飞回", "无边落木萧萧下", "不尽长江滚滚来");

  @BeforeAll
  static void pointAtTheServer() {
    Constants.baseHttpApiUrl = TestServer.url() + "/api/v1";
    Constants.apiKey = "sk-test";
  }

  @Test
  void embedsAString() throws NoApiKeyException {
    String inputTexts = "衣服的质量杠杠的";
    TextEmbeddingParam param =
        TextEmbeddingParam.builder()
            .model("text-embedding-v4")
            .texts(Collections.singleton(inputTexts))
            .build();
    TextEmbedding textEmbedding = new TextEmbedding();
    TextEmbeddingResult result = textEmbedding.call(param);
    expectVectors(result, 1, 1024);
  }

  @Test
  void embedsAListInBatches() throws NoApiKeyException {
    List<String> inputs = new ArrayList<>();
    for (int round = 0; round < 6; round++) inputs.addAll(VERSES);
    TextEmbeddingResult result = null;
    int batchCounter = 0;
    for (int i = 0; i < inputs.size(); i += 10) {
      List<String> batch = inputs.subList(i, Math.min(i + 10, inputs.size()));
      TextEmbeddingParam param =
          TextEmbeddingParam.builder()
              .model("text-embedding-v4")
              .texts(batch)
              .parameter("dimension", 1024)
              .build();
      TextEmbeddingResult resp = new TextEmbedding().call(param);
      if (result == null) {
        result = resp;
      } else {
        for (TextEmbeddingResultItem embedding : resp.getOutput().getEmbeddings()) {
          embedding.setTextIndex(embedding.getTextIndex() + batchCounter);
          result.getOutput().getEmbeddings().add(embedding);
        }
        result
            .getUsage()
            .setTotalTokens(result.getUsage().getTotalTokens() + resp.getUsage().getTotalTokens());
      }
      batchCounter += batch.size();
    }
    expectVectors(result, 24, 1024);
    List<TextEmbeddingResultItem> items = result.getOutput().getEmbeddings();
    assertEquals(items.get(0).getEmbedding(), items.get(20).getEmbedding(), "the same verse in another batch");
    assertFalse(items.get(0).getEmbedding().equals(items.get(1).getEmbedding()));
  }

  @Test
  void embedsAFileAsOneText() throws NoApiKeyException {
    StringBuilder content = new StringBuilder();
    for (String line : VERSES) content.append(line).append("\n");
    TextEmbeddingParam param =
        TextEmbeddingParam.builder().model("text-embedding-v4").text(content.toString()).build();
    expectVectors(new TextEmbedding().call(param), 1, 1024);
  }

  @Test
  void takesTheBaseUrlInTheConstructor() throws NoApiKeyException {
    TextEmbeddingParam param =
        TextEmbeddingParam.builder()
            .model("text-embedding-v4")
            .text("查询")
            .textType(TextEmbeddingParam.TextType.QUERY)
            .parameter("dimension", 256)
            .build();
    expectVectors(new TextEmbedding(TestServer.url() + "/api/v1/").call(param), 1, 256);
  }

  @Test
  void throwsTheServersErrorWithItsCodeAndRequestId() {
    TextEmbeddingParam unknownModel =
        TextEmbeddingParam.builder().model("text-embedding-v99").text("a").build();
    ApiException error = assertThrows(ApiException.class, () -> new TextEmbedding().call(unknownModel));
    assertEquals(400, error.getStatus().getStatusCode());
    assertEquals("InvalidParameter", error.getStatus().getCode());
    assertEquals("Model not exist.", error.getStatus().getMessage());
    assertEquals(36, error.getStatus().getRequestId().length());
    assertTrue(error.getStatus().isJson());
  }

  @Test
  void throwsForTooManyTexts() {
    TextEmbeddingParam param =
        TextEmbeddingParam.builder().model("text-embedding-v4").texts(Collections.nCopies(11, "a")).build();
    ApiException error = assertThrows(ApiException.class, () -> new TextEmbedding().call(param));
    assertEquals("InvalidParameter", error.getStatus().getCode());
    assertTrue(error.getStatus().getMessage().contains("should not be larger than 10."));
  }

  @Test
  void isDeniedAnAsynchronousCallOfASynchronousModel() {
    BatchTextEmbeddingParam param =
        BatchTextEmbeddingParam.builder().model("text-embedding-v4").url("https://example.com/texts.txt").build();
    ApiException error = assertThrows(ApiException.class, () -> new BatchTextEmbedding().asyncCall(param));
    assertEquals(403, error.getStatus().getStatusCode());
    assertEquals("AccessDenied", error.getStatus().getCode());
  }

  private static void expectVectors(TextEmbeddingResult result, int texts, int dimension) {
    List<TextEmbeddingResultItem> items = result.getOutput().getEmbeddings();
    assertEquals(texts, items.size());
    for (int position = 0; position < texts; position++) {
      TextEmbeddingResultItem item = items.get(position);
      assertEquals(position, item.getTextIndex());
      assertEquals(dimension, item.getEmbedding().size());
      double square = item.getEmbedding().stream().mapToDouble(value -> value * value).sum();
      assertEquals(1, square, 1e-3);
    }
    assertTrue(result.getUsage().getTotalTokens() > 0);
    assertEquals(36, result.getRequestId().length());
  }
}
