import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Campaign } from './campaign.js'
import type { OneServer } from './kill.js'
import { openOneServer } from './kill.js'
import type { MortalServer } from './mortal-server.js'

/** Where Debian puts it; `QUIVER_TEST_FAKETIME` names another place. */
const LIBRARY = process.env.QUIVER_TEST_FAKETIME ?? '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1'

/** Whether libfaketime is here. */
export const hasFaketime = () => existsSync(LIBRARY)

/** A server whose clock can be set, in hours from now; its timers go on as they did. */
export interface OnWrongClock extends OneServer {
  setClock(hours: number): void
}

export async function openOnWrongClock(
  settings: Readonly<Record<string, string>>,
  config: object = {},
): Promise<OnWrongClock> {
  const clock = (server: MortalServer) => join(server.home, 'clock')
  const one = await openOneServer(settings, config, (server) => {
    writeFileSync(clock(server), '+0')
    return {
      LD_PRELOAD: LIBRARY,
      FAKETIME_TIMESTAMP_FILE: clock(server),
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    }
  })
  return { ...one, setClock: (hours) => writeFileSync(clock(one.server), `${hours < 0 ? '' : '+'}${hours}h`) }
}

/**
 * The clock is put forward and back, a day at a time, while jobs run. Never further than a task lives: what that does is
 * not a disturbance, but the end of its time.
 */
export function clockCampaign({ jumps, config }: { jumps: number; config: object }): Campaign<OnWrongClock> {
  return {
    open: (settings) => openOnWrongClock(settings, config),
    async disturb(servers, { hasEnded, random, undisturbedMs, report }) {
      const places = [-24, 0, 23, -1, -24, 23]
      let done = 0
      while (done < jumps && !hasEnded()) {
        await sleep((random() * 2 * undisturbedMs) / jumps)
        if (hasEnded()) break
        servers.server.checkRunning()
        servers.setClock(places[done % places.length] ?? 0)
        done++
        if (done % 10 === 0) report(`${done} jumps`)
      }
      servers.setClock(0)
      return done
    },
  }
}
