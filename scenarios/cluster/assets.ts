/**
 * What anyone holds as an asset has the bytes of its digest, and somebody offered it: judged by another implementation of SHA-256 than
 * the system's. And whatever was offered or wanted came to an end that has a name.
 */
import { sha256Hex } from '../../platform/digests.ts'
import type { AssetLibrary } from '../../system/assets/library.ts'
import type { SystemEvent } from '../../system/telemetry/events.ts'
import type { Failure } from './checkers.ts'
import type { Watcher } from './watchers.ts'

export interface AssetsPorts {
  nameOf(node: number): string
  libraryOf(node: number): AssetLibrary
  /** Whether some node says what its client knows nothing of: what nobody offered may be held then. */
  isAnyHostile(): boolean
}

export class Assets implements Watcher {
  readonly #ports: AssetsPorts
  readonly #failures: Failure[] = []
  /** Digests of what users offered. */
  readonly #offered = new Set<string>()
  /** By node and digest: what is under way. */
  readonly #open = new Map<number, Map<string, string>>()

  constructor(ports: AssetsPorts) {
    this.#ports = ports
  }

  event(node: number, event: SystemEvent): void {
    switch (event.event) {
      case 'assetOffered':
        this.#offered.add(event.sha256)
        return void this.#openOf(node).set(event.sha256, 'offered')
      case 'assetWanted': return void this.#openOf(node).set(event.sha256, 'wanted')
      case 'assetHeld':
        this.#openOf(node).delete(event.sha256)
        return this.#look(node, event.asset, event.sha256)
      case 'assetAccepted':
      case 'assetRefused': return void this.#openOf(node).delete(event.sha256)
      case 'sessionOpened':
        // Who began anew has forgotten what it wanted.
        if (node !== 0 && !event.resumed) this.#open.delete(node)
        return
      default:
    }
  }

  /** In the end. @param nodes those in the session, the host among them. */
  failures(nodes: readonly number[]): Failure[] {
    for (const node of nodes) {
      for (const { sha256 } of this.#ports.libraryOf(node)) {
        const digest = Buffer.from(sha256)
        this.#look(node, digest.readUInt32LE(), digest.toString('hex'))
      }
      for (const [sha256, what] of this.#openOf(node)) this.#fail(node, sha256, 'end', `${what} an asset, and nothing came of it`)
    }
    return this.#failures
  }

  #openOf(node: number): Map<string, string> {
    const known = this.#open.get(node)
    if (known !== undefined) return known
    const fresh = new Map<string, string>()
    this.#open.set(node, fresh)
    return fresh
  }
  #look(node: number, number: number, sha256: string): void {
    const bytes = this.#ports.libraryOf(node).numbered(number)?.bytes
    const isGenuine = bytes !== undefined && sha256Hex(bytes) === sha256
    if (!isGenuine) return this.#fail(node, sha256, 'bytes', 'holds an asset whose digest is another one')
    if (!this.#offered.has(sha256) && !this.#ports.isAnyHostile()) this.#fail(node, sha256, 'offer', 'holds an asset that nobody offered')
  }
  /** The first is told. */
  #fail(node: number, sha256: string, field: string, what: string): void {
    if (this.#failures.length > 0) return
    const message = `${this.#ports.nameOf(node)} ${what}: ${sha256.slice(0, 8)}`
    this.#failures.push({ check: 'assets', message, details: { node, component: 'AssetTransfer', field } })
  }
}
