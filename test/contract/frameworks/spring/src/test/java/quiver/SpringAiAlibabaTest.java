package quiver;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.alibaba.cloud.ai.dashscope.api.DashScopeApi;
import com.alibaba.cloud.ai.dashscope.embedding.DashScopeEmbeddingModel;
import com.alibaba.cloud.ai.dashscope.embedding.DashScopeEmbeddingOptions;
import com.alibaba.cloud.ai.dashscope.spec.DashScopeApiSpec;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.springframework.ai.document.MetadataMode;
import org.springframework.ai.embedding.EmbeddingResponse;
import org.springframework.ai.retry.NonTransientAiException;

/** Spring AI Alibaba's embedding model at QUIVER_TEST_URL; its base URL is the root, and it appends the rest. */
class SpringAiAlibabaTest {
  private static final List<String> VERSES = List.of("风急天高猿啸哀", "渚清沙白鸟飞回", "无边落木萧萧下", "不尽长江滚滚来");

  private static DashScopeEmbeddingModel model(DashScopeEmbeddingOptions.Builder options) {
    DashScopeApi api = DashScopeApi.builder().baseUrl(System.getenv("QUIVER_TEST_URL")).apiKey("sk-test").build();
    return new DashScopeEmbeddingModel(api, MetadataMode.EMBED, options.build());
  }

  private static DashScopeEmbeddingOptions.Builder options(String model) {
    return DashScopeEmbeddingOptions.builder().model(model);
  }

  @Test
  void embedsAListInOrderWithItsUsage() {
    DashScopeEmbeddingModel model = model(options("text-embedding-v4").textType("document").dimensions(256));
    EmbeddingResponse response = model.embedForResponse(VERSES);
    assertEquals(4, response.getResults().size());
    // The sum of Spring's own interface is 0 whatever comes: it adds prompt and completion, which this API has not.
    Object usage = response.getMetadata().getUsage().getNativeUsage();
    assertTrue(assertInstanceOf(DashScopeApiSpec.EmbeddingUsage.class, usage).totalTokens() > 0);
    for (int position = 0; position < 4; position++) {
      assertEquals(position, response.getResults().get(position).getIndex());
      assertEquals(256, response.getResults().get(position).getOutput().length);
    }
    assertArrayEquals(model.embed(VERSES.get(3)), response.getResults().get(3).getOutput(), 1e-6f);
  }

  @Test
  void aQueryDiffersFromADocument() {
    float[] query = model(options("text-embedding-v4").textType("query")).embed("你好");
    float[] document = model(options("text-embedding-v4").textType("document")).embed("你好");
    assertEquals(document.length, query.length);
    assertFalse(Arrays.equals(query, document));
  }

  @Test
  void findsOutTheDimension() {
    assertEquals(1536, model(options("text-embedding-v2").textType("document")).dimensions());
  }

  @Test
  void aMistakeIsNotTransientAndNamesItsCode() {
    NonTransientAiException error =
        assertThrows(
            NonTransientAiException.class,
            () -> model(options("text-embedding-v99").textType("document")).embed("a"));
    assertTrue(error.getMessage().contains("InvalidParameter"), error.getMessage());
  }
}
