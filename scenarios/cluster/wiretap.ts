/** Reads messages as they travel, for whoever looks on and knows nothing of what two peers agreed on: a checksum tells what it was. */
import { type Compressor, NO_DICTIONARY } from '../../system/ports.ts'
import { Codec } from '../../system/protocol/codec.ts'
import { Packer } from '../../system/protocol/compression.ts'
import { BODY_BYTES_MAX, type BodyForm, openEnvelope } from '../../system/protocol/envelope.ts'
import type { Message } from '../../system/protocol/messages.ts'
import { SCHEMA_HASH } from '../../system/protocol/version.ts'

export interface TappedBody {
  readonly type: number
  readonly form: BodyForm
  readonly body: Uint8Array
}

export class Wiretap {
  readonly #codec = new Codec()
  readonly #packer: Packer
  readonly #dictionaries: readonly number[]

  constructor(compressor: Compressor) {
    this.#packer = new Packer(compressor)
    this.#dictionaries = [...compressor.dictionaries, NO_DICTIONARY]
  }

  /** The body as it was encoded, and the message's type; undefined where it cannot be read. */
  bodyOf(bytes: Uint8Array): TappedBody | undefined {
    const opened = openEnvelope(bytes, SCHEMA_HASH)
    if (opened.kind !== 'opened') return undefined
    const { type, form, body, compression: mode } = opened
    if (mode === 'none') return { type, form, body }
    for (const dictionary of this.#dictionaries) {
      const unpacked = this.#packer.unpack(body, { mode, dictionary }, BODY_BYTES_MAX)
      if (unpacked.kind === 'unpacked') return { type, form, body: unpacked.body }
    }
    return undefined
  }

  messageOf(bytes: Uint8Array): Message | undefined {
    const tapped = this.bodyOf(bytes)
    const decoded = tapped && this.#codec.decodeBody(tapped)
    return decoded?.kind === 'message' ? decoded.message : undefined
  }
}
