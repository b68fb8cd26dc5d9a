import type { PulledModel } from '../../pull/pulled-model.js'

/** ONNX files whose weights have 8 bits or fewer: `int8`, `uint8`, `quantized`, `q4`, `q4f16`, `bnb4` …. */
const FEW_BITS = /^(u?int8|quantized.*|q[48].*|bnb4|.*int[48].*)$/i

/** What 8 bits take from a model, where it was measured: benchmarks/results/peers.md. */
const MEASURED: Readonly<Record<string, string>> = {
  'all-minilm-l6-v2': 'cosine 0.967 at least to those of fp32, and 0.0027 less of Spearman’s correlation on STSb',
}

/** What whoever pulls weights of few bits is told; nobody gets them without asking for them. */
export function roundingNote({ curated, engine, variant }: PulledModel): string | undefined {
  if (engine !== 'onnx' || !FEW_BITS.test(variant)) return undefined
  const measured = curated === undefined || !/8/.test(variant) ? undefined : MEASURED[curated]
  return `${variant}: faster, and other vectors than fp32’s: ${measured ?? 'not measured for this model'}. On your own texts: quiver verify, against a server with fp32`
}
