/**
 * What interop cases are made of: two hosts on the runner's path, files that have to arrive, and demands, of which the first that is
 * not met is the case's fault.
 */
import { CLIENT, type Lab, type PathSettings, SERVER } from './lab.ts'
import { QuicHost, type QuicHostOptions, type QuicSession } from './quichost.ts'

export interface Finding {
  /** The first demand that was not met. */
  readonly fault: string | undefined
  readonly finding: string
  readonly goodputBytesPerSecond?: number
}
export interface InteropCase {
  readonly name: string
  readonly about: string
  readonly path: PathSettings
  play(lab: Lab): Finding
}

export const KB = 1_024
export const MB = 1_024 * KB
export const SECOND_US = 1_000_000
/** The runner's usual path. */
export const PATH: PathSettings = { delayUs: 15_000, bitsPerSecond: 10_000_000, queuePackets: 25 }
const CASE_US_MAX = 300 * SECOND_US

/** What a case demands, one after the other; the first that is not met counts. */
export class Demands {
  fault: string | undefined

  expect(isMet: boolean, otherwise: string): void {
    if (!isMet) this.fault ??= otherwise
  }
  /** What the case has come to, once everything was demanded. */
  found(finding: string, goodputBytesPerSecond?: number): Finding {
    return { fault: this.fault, finding, ...(goodputBytesPerSecond !== undefined && { goodputBytesPerSecond }) }
  }
}

export interface Hosts {
  readonly client: QuicHost
  readonly server: QuicHost
}
export const hosts = (lab: Lab, client: QuicHostOptions = {}, server: QuicHostOptions = {}): Hosts =>
  ({ client: new QuicHost(lab, CLIENT, client), server: new QuicHost(lab, SERVER, server) })

/** Lets a connection fetch files to their end. */
export function fetched(lab: Lab, demands: Demands, session: QuicSession, sizes: readonly number[]): void {
  const files = session.fetch(sizes)
  lab.run(CASE_US_MAX, () => files.isDone || session.event('closed') !== undefined)
  const closed = session.event('closed')
  const end = closed === undefined ? `${CASE_US_MAX / SECOND_US} s` : `what was closed: ${closed.by} ${closed.code} ${closed.reason}`
  demands.expect(files.isDone, `${files.finished} of ${sizes.length} files in ${end}`.trimEnd())
  demands.expect(files.fault === undefined, files.fault ?? '')
}

export interface TransferOptions {
  readonly path?: PathSettings
  readonly client?: QuicHostOptions
  readonly server?: QuicHostOptions
  readonly before?: (lab: Lab, hosts: Hosts) => void
  /** What else it demands, and what it has shown. */
  readonly shown?: (lab: Lab, demands: Demands, session: QuicSession, hosts: Hosts) => string
  readonly isGoodput?: boolean
}

/** A case in which one connection fetches files, with whatever more the case demands. */
export function transfer(name: string, about: string, sizes: readonly number[], options: TransferOptions = {}): InteropCase {
  const { path = PATH, client, server, before, shown, isGoodput } = options
  return {
    name, about, path,
    play: (lab) => {
      const demands = new Demands()
      const made = hosts(lab, client, server)
      before?.(lab, made)
      const session = made.client.connect()
      fetched(lab, demands, session, sizes)
      const tookUs = lab.nowUs
      const finding = shown?.(lab, demands, session, made) ?? `${sum(sizes)} bytes in ${seconds(tookUs)}`
      return demands.found(finding, isGoodput === true ? Math.floor((sum(sizes) * SECOND_US) / tookUs) : undefined)
    },
  }
}

export const seconds = (us: number): string => `${(us / SECOND_US).toFixed(3)} s`
export const sum = (sizes: readonly number[]): number => sizes.reduce((total, size) => total + size, 0)
