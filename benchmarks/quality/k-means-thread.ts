/** A thread that clusters once and ends; started by cluster.ts. */
import { parentPort, workerData } from 'node:worker_threads'
import { type KMeansOptions, kMeans, type Points } from './k-means.js'

/** What the thread is started with; it answers with the clusters alone. */
export interface ClusterTask {
  points: Points
  options: KMeansOptions
}

const { points, options } = workerData as ClusterTask // cluster.ts starts this file with nothing else
parentPort?.postMessage(kMeans(points, options).clusters)
