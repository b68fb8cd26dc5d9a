import type { EngineKind, Prompts, TowerFacts } from '../../pull/pulled-model.js'

/** One way to get a model: a repository with weights for one engine. */
export interface Build {
  engine: EngineKind
  /** On Hugging Face, `org/repository`. */
  repository: string
  /** Whose tokenizer and settings count, where the repository of the weights is somebody's export. */
  settingsRepository?: string
  /** Of a model of texts and pictures: the folder of its graphs, in a repository of several models. */
  folder?: string
  /** Files that no rule of ours takes; the engine knows how to read them without running them. */
  also?: readonly string[]
  /** The variant that is pulled unless another is asked for. */
  variant: string
}

/** A model that `quiver pull` knows by name: where it is, and what its files do not say. */
export interface Pullable {
  name: string
  /** The first is the usual one. */
  builds: readonly [Build, ...Build[]]
  /** SPDX id where there is one. `terms` have to be agreed to before the weights come. */
  license: { id: string; terms?: { name: string; url: string } }
  /** Components offered, ascending; the last is the whole vector. More than one: trained so that prefixes are good. */
  dimensions: readonly [number, ...number[]]
  /** `any` where the authors name a range instead of a list. */
  dimensionChoice: 'listed' | 'any'
  /** Of one text, as its authors say. */
  maxTokens: number
  /** Codes of ISO 639-1, or how many where only the number is documented. */
  languages: readonly string[] | number
  prompts?: Prompts
  /** Present for a model of texts and pictures: what its files do not say. */
  towers?: TowerFacts
  /** First publication, Unix seconds. */
  createdAtSeconds: number
}
