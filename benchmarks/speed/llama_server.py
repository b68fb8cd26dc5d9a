"""llama.cpp's own server code, as the wheel of xllamacpp has it, on a GGUF embedding model: tokens per CPU-second.

    pip install xllamacpp && python llama_server.py MODEL.gguf SECONDS

One thread. One JSON line for each shape of request: texts at a time × tokens a text. Beside `npm run bench -- llama-cpp`.
"""

from __future__ import annotations

import json
import resource
import sys
import time

import xllamacpp


def cpu_seconds() -> float:
    """Of this process, all threads."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    path, seconds = sys.argv[1], float(sys.argv[2])
    params = xllamacpp.CommonParams()
    params.model.path = path
    params.embedding = True
    params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_LAST
    params.n_parallel = 8
    params.n_ctx = 8 * 520
    params.n_batch = params.n_ubatch = 520
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.warmup = False
    server = xllamacpp.Server(params)
    for count, length in ((1, 16), (8, 16), (1, 128), (1, 512)):
        texts = [[1000 + (7 * i + 31 * j) % 50_000 for i in range(length - 1)] + [151643] for j in range(count)]
        server.handle_embeddings({"input": texts})
        rates = []
        end = time.monotonic() + seconds
        while time.monotonic() < end or len(rates) < 2:
            before = cpu_seconds()
            server.handle_embeddings({"input": texts})
            rates.append(count * length / (cpu_seconds() - before))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"texts": count, "tokens": length, "tokensPerCpuSecond": round(sorted(rates)[len(rates) // 2], 1),
                          "peakMb": round(peak)}), flush=True)


if __name__ == "__main__":
    main()
