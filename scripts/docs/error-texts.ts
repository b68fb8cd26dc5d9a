import type { ErrorName } from '@quiver/protocol'

/** What a reader of docs/errors.md wants to know of an error, in one language. Markdown; links are relative to docs/. */
interface Advice {
  when: string
  remedy: string
}

export type Language = 'en' | 'zh'

/** One entry for every row of the table of errors; a row without one does not compile. */
export const ERROR_TEXTS: Record<ErrorName, Record<Language, Advice>> = {
  invalid_parameter: {
    en: {
      when: 'A field has a wrong type or value: too many texts, a text without tokens or with too many, a dimension or output the model does not offer, token ids instead of texts',
      remedy:
        'Read the message; it names the field and what is allowed. Split long lists (10 texts for v4 and v3, 25 for v2 and v1) and leave out empty lines',
    },
    zh: {
      when: '某个字段的类型或取值不对：文本条数过多，文本没有 Token 或 Token 过多，模型不支持该维度或输出类型，或者传了 Token ID 而不是文本',
      remedy: '看消息，其中指出了字段和允许的取值。长列表请分批（v4、v3 每次 10 条，v2、v1 每次 25 条），并去掉空行',
    },
  },
  invalid_body: {
    en: {
      when: 'The body is not a JSON object, or not valid UTF-8 JSON',
      remedy: 'Send JSON. The content type does not matter',
    },
    zh: {
      when: '请求体不是 JSON 对象，或者不是合法的 UTF-8 JSON',
      remedy: '发送 JSON；Content-Type 写什么都可以',
    },
  },
  malformed_http: {
    en: {
      when: "What arrived is no HTTP request. The answer is in OpenAI's shape and the connection is closed",
      remedy: 'Look at what speaks to the port; TLS sent to this plain port is the usual cause',
    },
    zh: {
      when: '收到的不是 HTTP 请求。以 OpenAI 格式回答，并关闭连接',
      remedy: '检查是谁在连这个端口；最常见的原因是用 HTTPS 访问了这个 HTTP 端口',
    },
  },
  missing_model: {
    en: {
      when: '`model` is missing or empty',
      remedy: 'Name a model from [the list](api/models.md)',
    },
    zh: {
      when: '缺少 `model`，或者为空',
      remedy: '填写[模型列表](api/models.zh-CN.md)中的名字',
    },
  },
  missing_input: {
    en: {
      when: '`input` (`input.texts`) is missing, or an empty list',
      remedy: 'Send at least one text',
    },
    zh: {
      when: '缺少 `input`（`input.texts`），或者是空列表',
      remedy: '至少传一条文本',
    },
  },
  invalid_api_key: {
    en: {
      when: 'No key was sent, or one that the configuration does not name',
      remedy:
        'Send `Authorization: Bearer KEY`. On loopback without configured keys any key will do, but there must be one',
    },
    zh: {
      when: '没有带 API Key，或者 Key 不在配置中',
      remedy: '发送 `Authorization: Bearer KEY`。只监听本机且未配置 Key 时，任意 Key 都可以，但必须有',
    },
  },
  access_denied: {
    en: {
      when: '`X-DashScope-Async: enable` was sent',
      remedy: 'Call synchronously; asynchronous tasks are not in this version',
    },
    zh: {
      when: '带了 `X-DashScope-Async: enable`',
      remedy: '改用同步调用；本版本没有异步任务',
    },
  },
  asynchronous_only: {
    en: {
      when: 'A model for tasks (`text-embedding-async-v1`, `-v2`) was asked for vectors at once',
      remedy: 'Submit a file as a task, or use the model without `async` in its name',
    },
    zh: {
      when: '对异步任务模型（`text-embedding-async-v1`、`-v2`）发起了同步调用',
      remedy: '以任务方式提交文件，或者改用名称中没有 `async` 的模型',
    },
  },
  model_not_found: {
    en: {
      when: 'There is no model of this name. Names are case-sensitive',
      remedy: 'Name a model from [the list](api/models.md)',
    },
    zh: {
      when: '没有这个名字的模型。名字区分大小写',
      remedy: '填写[模型列表](api/models.zh-CN.md)中的名字',
    },
  },
  not_found: {
    en: {
      when: 'There is nothing at this path',
      remedy: 'Check the base URL: `/compatible-mode/v1` for OpenAI, `/api/v1` for DashScope',
    },
    zh: {
      when: '这个路径下没有接口',
      remedy: '检查 base URL：OpenAI 用 `/compatible-mode/v1`，DashScope 用 `/api/v1`',
    },
  },
  unsupported_operation: {
    en: {
      when: 'A task that has begun, or a batch that has ended, was to be cancelled',
      remedy: 'Nothing; tasks can be cancelled while they are PENDING, batches until they end',
    },
    zh: {
      when: '要取消的任务已经开始，或者要取消的批处理已经结束',
      remedy: '无需处理；任务只能在 PENDING 时取消，批处理在结束之前都可以取消',
    },
  },
  method_not_allowed: {
    en: {
      when: 'The path exists, the method does not',
      remedy: 'The message says which method to use',
    },
    zh: {
      when: '路径存在，但不支持该方法',
      remedy: '消息中写明了应使用的方法',
    },
  },
  invalid_url: {
    en: {
      when: 'A URL in the request is no plain `http` or `https` URL: another scheme, a user name in it, spaces, or an `oss://` URL that is unknown, expired, or of another key or model',
      remedy:
        'Send a URL that a browser would open without a password; upload an `oss://` file with the key and for the model that use it',
    },
    zh: {
      when: '请求中的 URL 不是普通的 `http` 或 `https` URL：其他协议、带用户名、含空格，或者 `oss://` URL 不存在、已过期、属于别的 Key 或模型',
      remedy: '使用浏览器无需密码即可打开的 URL；`oss://` 文件须用同一个 Key、为同一个模型上传',
    },
  },
  download_failed: {
    en: {
      when: 'The file behind a URL cannot be had: its address may not be reached from the server, it is too large or too slow, or its server did not answer with it',
      remedy:
        'Read the message. For an address inside your network, ask the operator to add it to `egressAllow`, or upload the file instead',
    },
    zh: {
      when: '无法取得 URL 指向的文件：服务器不允许访问该地址，文件过大或传输过慢，或者对方没有返回文件',
      remedy: '看消息。内网地址请让运维人员加入 `egressAllow`，或者改为上传文件',
    },
  },
  invalid_media: {
    en: {
      when: 'A picture or video is of no known format, broken, cut off, or over a limit of bytes, pixels, seconds or decoding time',
      remedy:
        'Read the message; it says which. The format is told from the bytes, not from the name. Save the file anew as JPEG, PNG or MP4, or make it smaller',
    },
    zh: {
      when: '图片或视频的格式无法识别、已损坏、不完整，或者超过了字节数、像素、时长或解码时间的上限',
      remedy: '看消息，其中说明了是哪一种。格式由文件内容判断，与文件名无关。请另存为 JPEG、PNG 或 MP4，或者缩小文件',
    },
  },
  invalid_signature: {
    en: {
      when: 'The signature of a result URL, or of the form of an upload, is not ours. The answer is XML, as that of object storage',
      remedy: 'Use the URL or the policy exactly as it was given out',
    },
    zh: {
      when: '结果 URL 或上传表单的签名不正确。与对象存储一样，返回 XML',
      remedy: '原样使用拿到的 URL 或上传凭证',
    },
  },
  already_exists: {
    en: {
      when: 'A file was uploaded with a policy under a name that it has already',
      remedy: 'Ask for a new policy, or take another name',
    },
    zh: {
      when: '用同一上传凭证上传了同名文件',
      remedy: '重新获取上传凭证，或者换一个文件名',
    },
  },
  file_quota_exceeded: {
    en: {
      when: 'The key keeps as many files, or bytes of files, as it may',
      remedy:
        'Delete files, upload with `expires_after`, wait until jobs have ended, or raise `maxFiles` or `maxStorageBytes`',
    },
    zh: {
      when: '该 Key 保存的文件数或字节数已达上限',
      remedy: '删除文件，上传时设置 `expires_after`，等待作业结束，或者调大 `maxFiles`、`maxStorageBytes`',
    },
  },
  range_not_satisfiable: {
    en: {
      when: 'The `Range` header asks for bytes behind the end of a file',
      remedy: 'The header `content-range` of the answer says how many bytes there are',
    },
    zh: {
      when: '`Range` 头请求的字节超出文件末尾',
      remedy: '响应头 `content-range` 给出了文件的字节数',
    },
  },
  body_too_large: {
    en: {
      when: 'The body, or the text that its token ids stand for, is larger than `maxBodyBytes`',
      remedy: 'Send fewer or shorter texts a request, or raise the setting',
    },
    zh: {
      when: '请求体（或其中 Token ID 对应的文本）超过 `maxBodyBytes`',
      remedy: '减少每次请求的文本，或者调大该设置',
    },
  },
  unsupported_encoding: {
    en: {
      when: 'The body is compressed (`Content-Encoding`)',
      remedy: 'Send it uncompressed',
    },
    zh: {
      when: '请求体经过压缩（`Content-Encoding`）',
      remedy: '不压缩直接发送',
    },
  },
  idempotency_conflict: {
    en: {
      when: 'The `Idempotency-Key` of this request was used within the last 24 hours, with another body',
      remedy: 'Use a new key for a new request; repeat a request with the body it had',
    },
    zh: {
      when: '该请求的 `Idempotency-Key` 在 24 小时内已经用过，而且当时的请求体不同',
      remedy: '新的请求请用新的键；重复请求时请求体须与原来相同',
    },
  },
  space_changed: {
    en: {
      when: 'The model of a job was replaced while it ran, and for an hour no process computed as before: its vectors would be of two spaces',
      remedy: 'What was computed is in the result. Submit the input again, all of it, to have it in the new space',
    },
    zh: {
      when: '作业运行期间模型被更换，一小时内没有任何进程按原来的模型计算：否则结果会混有两个向量空间',
      remedy: '已计算的部分在结果中。若要全部在新的空间中，请重新提交整个输入',
    },
  },
  rate_limited: {
    en: {
      when: 'Jobs are submitted faster than the model allows, or too many of them wait or run',
      remedy: 'Wait as long as `Retry-After` says, or until a job has ended',
    },
    zh: {
      when: '提交任务的速度超过了模型的限制，或者排队和运行中的任务过多',
      remedy: '按 `Retry-After` 等待，或者等已有任务结束',
    },
  },
  engine_failed: {
    en: {
      when: 'The model broke on this input, or produced an invalid vector, which is never sent',
      remedy: "Try again; if it stays, report it with the text's length and language. `quiver doctor` checks the model",
    },
    zh: {
      when: '模型在该输入上出错，或者算出了无效向量（无效向量绝不会返回）',
      remedy: '重试；若仍出现，请报告文本的长度和语言。`quiver doctor` 可以检查模型',
    },
  },
  internal: {
    en: {
      when: 'A fault of the server. Its cause is in the log only',
      remedy: 'Try again; then look for the request id in the log',
    },
    zh: {
      when: '服务内部错误，原因只写入日志',
      remedy: '重试；然后凭请求 ID 查日志',
    },
  },
  timed_out: {
    en: {
      when: 'The request took longer than `requestTimeoutMs`',
      remedy: 'Try again with fewer or shorter texts, or raise the setting',
    },
    zh: {
      when: '请求处理时间超过 `requestTimeoutMs`',
      remedy: '减少文本后重试，或者调大该设置',
    },
  },
  not_ready: {
    en: {
      when: 'The server is starting or shutting down, said by `/readyz` and `/health`; or no server that computes this model can be reached',
      remedy: 'Wait as long as `Retry-After` says',
    },
    zh: {
      when: '服务正在启动或关闭，由 `/readyz` 和 `/health` 返回；或者负责计算该模型的服务都无法连接',
      remedy: '按 `Retry-After` 等待',
    },
  },
  not_supported: {
    en: {
      when: 'The request is known and the model cannot serve it: images, late chunking, reranking, a vector for each token; or a video, on a server without ffmpeg',
      remedy: 'Leave the field out; the message names it',
    },
    zh: {
      when: '请求本身没有错，但模型做不到：图片、late chunking、重排、逐 Token 向量；或者服务器上没有 ffmpeg 而传了视频',
      remedy: '去掉该字段；消息中写明了是哪一个',
    },
  },
  overloaded: {
    en: {
      when: 'Too many inputs are waiting',
      remedy:
        'Wait as long as `Retry-After` says; with more cores raise `threads`, for longer waiting raise `maxQueuedInputs`',
    },
    zh: {
      when: '排队的文本过多',
      remedy: '按 `Retry-After` 等待；CPU 核数有余时调大 `threads`，愿意等更久则调大 `maxQueuedInputs`',
    },
  },
}
