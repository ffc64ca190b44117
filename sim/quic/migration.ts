/** Going from one path to another: RFC 9000, section 9. A client moves when it is told to, a server follows its client. */
import type { SocketAddress } from '../net/datagram.ts'
import type { Parts } from './parts.ts'
import type { Path } from './paths.ts'

export class Migration {
  readonly #parts: Parts

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /**
   * A client goes on from another address of its own. False where that may not be (yet).
   * @param hasLeft it has none of the old ones any more.
   */
  begin(local: SocketAddress, hasLeft: boolean, nowUs: number): boolean {
    const { isClient, paths, remoteIds, isConfirmed, peer, recovery } = this.#parts
    if (!isClient || !isConfirmed || peer?.disableActiveMigration !== false) return false
    const id = remoteIds.fresh()
    if (id === undefined) return false
    const path = paths.add(local, paths.active.remote, id, true)
    path.challenge(nowUs, recovery.probeTimeoutUs)
    this.#moveTo(path)
    if (hasLeft) paths.forgetFallback()
    return true
  }

  /** Section 9.3: the client's newest packet came over another path. */
  follow(path: Path, nowUs: number): void {
    if (!path.isValidated && path.failsUs === Infinity) path.challenge(nowUs, this.#parts.recovery.probeTimeoutUs)
    this.#moveTo(path)
  }

  /** Section 9.3.2: nobody answers there; back to where the peer was before. */
  failed(path: Path): void {
    const { paths, remoteIds } = this.#parts
    const fallback = paths.failed(path)
    if (fallback !== undefined) this.#moveTo(fallback)
    // Section 5.1.2: its id is of no more use, and makes room for a new one.
    if (path.remoteId !== paths.active.remoteId) remoteIds.retire(path.remoteId)
  }

  #moveTo(path: Path): void {
    const { paths, recovery, remoteIds } = this.#parts
    // A path that was left once lost its connection id.
    path.remoteId = remoteIds.valid(path.remoteId) ?? path.remoteId
    paths.activate(path)
    recovery.path = path.recovery
    this.#parts.emit({ kind: 'pathChanged', isValidated: path.isValidated && path.failsUs === Infinity })
  }
}
