import { ModelError, type ModelFolder } from '../pulled/model-folder.js'
import type { ChildSetup } from './child-protocol.js'
import type { Description } from './description.js'
import { type DenseTensor, readSafetensors } from './safetensors.js'
import { readTorchFile } from './torch-file.js'

/** Where bge-m3 and its like keep the weights of their sparse head. */
const SPARSE_FILES = ['sparse_linear.safetensors', 'sparse_linear.pt', 'onnx/sparse_linear.safetensors'] as const

/** The weights of the dense layers after the pooling. @throws {ModelError} for another shape than the configuration's. */
export async function loadDense(folder: ModelFolder, { dense }: Description): Promise<ChildSetup['dense']> {
  return Promise.all(
    dense.map(async ({ path, inputs, outputs, activation }) => {
      const tensors = readParts(path, () => readSafetensorsOf(folder, path))
      const all = await tensors
      const weight = all.get('linear.weight')
      const bias = all.get('linear.bias')
      if (weight?.values.length !== inputs * outputs || weight.shape[0] !== outputs) {
        throw new ModelError(`${path}: linear.weight is not [${outputs}, ${inputs}].`)
      }
      if (bias !== undefined && bias.values.length !== outputs)
        throw new ModelError(`${path}: linear.bias is not [${outputs}].`)
      return { weight: weight.values, bias: bias?.values, activation }
    }),
  )
}

/** A sparse head that lies beside the graph. @throws {ModelError} for one that cannot be read. */
export async function loadSparseHead(
  folder: ModelFolder,
): Promise<(ChildSetup['sparse'] & { path: string }) | undefined> {
  const path = SPARSE_FILES.find((name) => folder.has(name))
  if (path === undefined) return undefined
  const bytes = await folder.bytesOf(path)
  const tensors = await readParts(path, async () =>
    path.endsWith('.pt') ? readTorchFile(bytes) : readSafetensors(bytes),
  )
  const weight = tensors.get('weight')
  const bias = tensors.get('bias')
  if (weight === undefined || weight.shape[0] !== 1 || bias?.values.length !== 1) {
    throw new ModelError(`${path}: is not one row of weights and a bias.`)
  }
  return { path, weight: weight.values, bias: bias.values[0] as number } // its length is 1
}

async function readSafetensorsOf(folder: ModelFolder, path: string): Promise<Map<string, DenseTensor>> {
  return readSafetensors(await folder.bytesOf(path))
}

async function readParts<Result>(path: string, read: () => Promise<Result>): Promise<Result> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof ModelError) throw error
    throw new ModelError(`${path}: ${error instanceof Error ? error.message : String(error)}.`)
  }
}
