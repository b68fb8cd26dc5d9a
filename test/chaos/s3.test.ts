import { expect, test } from 'vitest'
import { openOnFaultyS3 } from './s3-sweep.js'
import { configFor, startStandIn } from './stand-in.js'
import { runSweep } from './sweep.js'

/** Program of versitygw; `test/contract/s3.sh` names it. */
const program = process.env.QUIVER_TEST_S3_SERVER ?? ''

test.skipIf(program === '')(
  'QUIVER_TEST_S3_SERVER is given: a job comes to the same when every fourth request to S3, and three more, fail',
  async () => {
    const model = await startStandIn(1)
    const config = configFor(model.url)
    const options = { lines: 40, counts: [4], stride: 4, only: [], report: () => {} }
    const reports = await runSweep((settings) => openOnFaultyS3(settings, { config, program }), options)
    model.close()
    expect(reports.flatMap(({ wrong }) => wrong)).toEqual([])
    expect(reports.every(({ steps }) => steps > 0)).toBe(true)
  },
  900_000,
)
