import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Charge, Ledger } from './ledger.js'

function chargeFor(reference: string, changes: Partial<Charge> = {}): Charge {
  return {
    id: `request:${reference}`,
    project: 'project',
    keyId: 'key',
    kind: 'request',
    reference,
    model: 'model',
    space: 'space',
    inputs: 2,
    tokens: 17,
    priceMicrosPer1kTokens: 500,
    at: new Date(Date.UTC(2026, 0, 1)),
    ...changes,
  }
}

/** What every ledger must do. @param open also opens it a second time, as another process would. */
export function ledgerSuite(
  name: string,
  open: () => Promise<{ ledger: Ledger; another: Ledger; close(): Promise<void> }>,
): void {
  describe(`ledger: ${name}`, () => {
    let opened: Awaited<ReturnType<typeof open>>
    beforeAll(async () => {
      opened = await open()
    })
    afterAll(() => opened.close())

    test('a charge that was recorded is there, for every process once it is in the table, with its exact price', async () => {
      await opened.ledger.record(chargeFor('first'))
      expect(await opened.ledger.totalsOf('project', 'first')).toMatchObject({ charges: 1 })
      expect(await opened.another.totalsOf('project', 'first')).toEqual({
        charges: 1,
        inputs: 2,
        tokens: 17,
        amountNanos: 8500,
      })
    })

    test('the same id counts once, whoever records it and however often', async () => {
      const charge = chargeFor('repeated')
      await Promise.all([opened.ledger.record(charge), opened.another.record(charge), opened.ledger.record(charge)])
      await opened.ledger.record({ ...charge, tokens: 1000 })
      expect(await opened.ledger.totalsOf('project', 'repeated')).toMatchObject({ charges: 1, tokens: 17 })
    })

    test('many at once are all there', async () => {
      const ids = Array.from({ length: 1500 }, (_, i) => `many:${i}`)
      await Promise.all(ids.map((id) => opened.ledger.record(chargeFor('many', { id }))))
      await opened.ledger.totalsOf('project', 'many')
      expect(await opened.another.totalsOf('project', 'many')).toMatchObject({ charges: 1500, tokens: 17 * 1500 })
    })

    test("another project's charge is not seen", async () => {
      await opened.ledger.record(chargeFor('foreign', { project: 'other' }))
      expect(await opened.ledger.totalsOf('project', 'foreign')).toMatchObject({ charges: 0, tokens: 0 })
    })

    test('what is not in the least possible is refused, and does not harm those beside it', async () => {
      const good = Array.from({ length: 3 }, (_, i) => chargeFor('beside', { id: `beside:${i}` }))
      await Promise.all(good.map((charge) => opened.ledger.record(charge)))
      // @ts-expect-error: a row without its project
      await expect(opened.ledger.record(chargeFor('bad', { project: null }))).rejects.toThrow(/project/)
      await opened.ledger.record(chargeFor('after'))
      expect(await opened.ledger.totalsOf('project', 'beside')).toMatchObject({ charges: 3 })
      expect(await opened.ledger.totalsOf('project', 'after')).toMatchObject({ charges: 1 })
    })
  })
}
