"""A float32 ONNX model → its 8-bit copy, as ONNX Runtime's own tool makes it: matrices per channel, the rest as it was.

    pip install onnxruntime onnx && python quantize.py FOLDER/onnx/model.onnx COPY/onnx/model_int8.onnx
"""

import sys
from pathlib import Path

from onnxruntime.quantization import QuantType, quantize_dynamic

source, target = map(Path, sys.argv[1:3])
target.parent.mkdir(parents=True, exist_ok=True)
quantize_dynamic(source, target, per_channel=True, weight_type=QuantType.QInt8, op_types_to_quantize=["MatMul"])
