package quiver;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.alibaba.dashscope.embeddings.MultiModalEmbedding;
import com.alibaba.dashscope.embeddings.MultiModalEmbeddingItemBase;
import com.alibaba.dashscope.embeddings.MultiModalEmbeddingItemImage;
import com.alibaba.dashscope.embeddings.MultiModalEmbeddingItemText;
import com.alibaba.dashscope.embeddings.MultiModalEmbeddingParam;
import com.alibaba.dashscope.embeddings.MultiModalEmbeddingResult;
import com.alibaba.dashscope.embeddings.MultiModalEmbeddingResultItem;
import com.alibaba.dashscope.exception.ApiException;
import com.alibaba.dashscope.utils.Constants;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Texts and pictures, as the samples of the SDK send them. */
@ExtendWith(TestServer.class)
class MultiModalTest {
  /** 32 × 32 red pixels. */
  private static final String PNG =
      "iVBORw0KGgoAAAANSUhEUgAAACAAAAAgCAMAAABEpIrGAAAAA1BMVEX/AAAZ4gk3AAAACXBIWXMAAAPoAAAD6AG1e1JrAAAAEklEQVQ4y2NgGAWj"
          + "YBSMAuwAAAQgAAFWu83mAAAAAElFTkSuQmCC";

  @TempDir Path folder;

  @BeforeAll
  static void pointAtTheServer() {
    Constants.baseHttpApiUrl = TestServer.url() + "/api/v1";
    Constants.apiKey = "sk-test";
  }

  private static MultiModalEmbeddingResult call(MultiModalEmbeddingItemBase... contents) throws Exception {
    List<MultiModalEmbeddingItemBase> list = Arrays.asList(contents);
    return new MultiModalEmbedding()
        .call(MultiModalEmbeddingParam.builder().model("multimodal-embedding-v1").contents(list).build());
  }

  @Test
  void embedsATextAndAPicture() throws Exception {
    MultiModalEmbeddingResult result =
        call(
            new MultiModalEmbeddingItemText("一张红色的图片"),
            new MultiModalEmbeddingItemImage("data:image/png;base64," + PNG));
    List<MultiModalEmbeddingResultItem> items = result.getOutput().getEmbeddings();
    assertEquals(2, items.size());
    String[] types = {"text", "image"};
    for (int position = 0; position < types.length; position++) {
      MultiModalEmbeddingResultItem item = items.get(position);
      assertEquals(position, item.getIndex());
      assertEquals(types[position], item.getType());
      assertEquals(1024, item.getEmbedding().size());
      assertEquals(1, item.getEmbedding().stream().mapToDouble(value -> value * value).sum(), 1e-3);
    }
    assertEquals(1, result.getUsage().getImageCount());
    assertEquals(896, result.getUsage().getImageTokens());
    assertTrue(result.getUsage().getInputTokens() > 0);
    assertEquals(0, result.getUsage().getDuration());
    assertEquals(36, result.getRequestId().length());
  }

  @Test
  void uploadsALocalFile() throws Exception {
    Path path = Files.write(folder.resolve("red.png"), Base64.getDecoder().decode(PNG));
    MultiModalEmbeddingResult uploaded = call(new MultiModalEmbeddingItemImage("file://" + path));
    MultiModalEmbeddingResult inBody = call(new MultiModalEmbeddingItemImage("data:image/png;base64," + PNG));
    assertEquals(
        inBody.getOutput().getEmbeddings().get(0).getEmbedding(),
        uploaded.getOutput().getEmbeddings().get(0).getEmbedding());
  }

  @Test
  void throwsForWhatIsNoPicture() {
    ApiException error =
        assertThrows(
            ApiException.class, () -> call(new MultiModalEmbeddingItemImage("data:image/png;base64,aGVsbG8=")));
    assertEquals(400, error.getStatus().getStatusCode());
    assertEquals("InvalidParameter.DataInspection", error.getStatus().getCode());
    assertTrue(error.getStatus().getMessage().endsWith("(input.contents[0].image)"), error.getStatus().getMessage());
  }

  @Test
  void throwsForAModelOfTexts() {
    MultiModalEmbeddingParam param =
        MultiModalEmbeddingParam.builder()
            .model("text-embedding-v4")
            .contents(List.of(new MultiModalEmbeddingItemText("a")))
            .build();
    ApiException error = assertThrows(ApiException.class, () -> new MultiModalEmbedding().call(param));
    assertTrue(error.getStatus().getMessage().startsWith("url error, please check url"), error.getMessage());
  }
}
