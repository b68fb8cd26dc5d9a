"""Texts, pictures and videos, as programs that use the SDKs send them: the samples of the service's page, and what goes wrong."""

import base64
import shutil
import struct
import subprocess
import zlib
from http import HTTPStatus

import pytest
from dashscope.utils.oss_utils import OssUtils

V1 = "multimodal-embedding-v1"


def png(red, green, blue, side=64):
    """A picture of one colour."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    rows = (b"\0" + bytes((red, green, blue)) * side) * side
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "红 red.png"
    path.write_bytes(png(255, 0, 0))
    return path


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    if shutil.which("ffmpeg") is None:
        pytest.skip("there is no ffmpeg to make a video with")
    path = tmp_path_factory.mktemp("videos") / "red.mp4"
    source = ["-f", "lavfi", "-i", "color=red:s=160x120:d=3", "-pix_fmt", "yuv420p"]
    subprocess.run(["ffmpeg", "-loglevel", "error", *source, str(path)], check=True)
    return path


def embedded(response):
    assert response.status_code == HTTPStatus.OK, response
    return response.output["embeddings"]


def cosine(a, b):
    return sum(x * y for x, y in zip(a["embedding"], b["embedding"], strict=True))


def data_uri(picture):
    return f"data:image/png;base64,{base64.b64encode(picture.read_bytes()).decode()}"


def test_text_picture_and_video(native, picture, video):
    response = native.MultiModalEmbedding.call(
        model=V1,
        input=[{"text": "一张红色的图片"}, {"image": f"file://{picture}"}, {"video": f"file://{video}"}],
    )
    text, image, clip = embedded(response)
    assert [(item["index"], item["type"], len(item["embedding"])) for item in (text, image, clip)] == [
        (0, "text", 1024),
        (1, "image", 1024),
        (2, "video", 1024),
    ]
    assert cosine(image, clip) > 0.95, "a red video is what a red picture is"
    assert response.usage["input_tokens"] > 0
    assert (response.usage["image_count"], response.usage["duration"]) == (1, 3)
    assert response.usage["image_tokens"] == 896 * (1 + 3)


def test_a_picture_is_the_same_by_path_by_uri_and_by_data_uri(native, picture):
    vectors = []
    for source in (str(picture), f"file://{picture}", data_uri(picture)):
        [item] = embedded(native.MultiModalEmbedding.call(model=V1, input=[{"image": source}]))
        vectors.append(item["embedding"])
    assert vectors[0] == vectors[1] == vectors[2]


def test_a_local_file_beside_a_text(native, picture):
    items = embedded(native.MultiModalEmbedding.call(model=V1, input=[{"image": str(picture)}, {"text": "hello"}]))
    assert [item["type"] for item in items] == ["image", "text"]


def test_other_models_and_their_usage(native, picture):
    call = native.MultiModalEmbedding.call
    contents = [{"text": "a"}, {"image": data_uri(picture)}]
    response = call(model="tongyi-embedding-vision-flash", input=contents, dimension=256)
    assert [(item["type"], len(item["embedding"])) for item in embedded(response)] == [("text", 256), ("image", 256)]
    assert response.usage["total_tokens"] == response.usage["input_tokens"]
    response = call(model="qwen3-vl-embedding", input=contents, dimension=512, enable_fusion=True)
    assert [(item["type"], len(item["embedding"])) for item in embedded(response)] == [("fusion", 512)]
    response = call(model="qwen2.5-vl-embedding", input=contents)
    assert [(item["type"], len(item["embedding"])) for item in embedded(response)] == [("fusion", 1024)]
    [several] = embedded(
        call(
            model="tongyi-embedding-vision-plus",
            input=[{"multi_images": [data_uri(picture)] * 2}],
            parameters={"dimension": 512},
        )
    )
    assert (several["type"], len(several["embedding"])) == ("multi_images", 512)


def test_the_client_of_2_x(client_v2, picture):
    answer = client_v2.multimodal.embeddings.create(
        model="qwen3-vl-embedding", input=[{"text": "a"}, {"image": str(picture)}], dimension=1024, enable_fusion=True
    )
    assert len(answer.embeddings) == 1


@pytest.mark.parametrize(
    ("contents", "code", "words"),
    [
        ([{"image": "data:image/png;base64,aGVsbG8="}], "InvalidParameter.DataInspection", "input.contents[0].image"),
        ([{"text": "a"}, {"image": "http://127.0.0.1:1/a.png"}], "BadRequest.InputDownloadFailed", "[1].image"),
        ([{"image": "ftp://example.com/a.png"}], "InvalidURL", "input.contents[0].image"),
        ([{"text": "a"}, {"text": "b"}], "InvalidParameter", "takes 1 in a request"),
        ([{"text": " "}], "InvalidParameter", "Range of input length should be [1, 512]"),
    ],
)
def test_what_is_wrong_is_named(native, contents, code, words):
    response = native.MultiModalEmbedding.call(model=V1, input=contents)
    assert (response.status_code, response.code) == (400, code)
    assert words in response.message


def test_a_model_of_texts_has_another_endpoint(native):
    response = native.MultiModalEmbedding.call(model="text-embedding-v4", input=[{"text": "a"}])
    assert response.code == "InvalidParameter"
    assert response.message.startswith("url error, please check url！")
    response = native.TextEmbedding.call(model=V1, input="a")
    assert response.message.startswith("url error, please check url！")


def test_an_upload_is_of_use_to_its_model_only(native, picture):
    answer = OssUtils.upload(model=V1, file_path=str(picture), api_key="sk-test")
    uploaded = answer[0] if isinstance(answer, tuple) else answer

    def call(**more):
        # Older versions send it only for what they have uploaded in the same call.
        return native.MultiModalEmbedding.call(headers={"X-DashScope-OssResourceResolve": "enable"}, **more)

    assert len(embedded(call(model=V1, input=[{"image": uploaded}]))) == 1
    refused = call(model="qwen2.5-vl-embedding", input=[{"image": uploaded}])
    assert refused.code == "InvalidURL"
    assert call(model=V1, input=[{"image": uploaded}], api_key="sk-other").code == "InvalidURL"


def test_pictures_through_the_openai_client(client, picture):
    # Through the body: older versions make lists of objects before they send them.
    contents = [{"image": data_uri(picture)}, {"text": "红色"}, "蓝色"]
    answer = client.embeddings.create(model=V1, input="", extra_body={"input": contents})
    assert [len(item.embedding) for item in answer.data] == [1024] * 3
    assert answer.usage.total_tokens > 896
