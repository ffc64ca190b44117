/** Choices and operations of a plan in words: "ben's datagram 41 to host (quic ack of connection 4096) was lost". */
import { eventOf, type RunNode, type RunRecord } from './input.ts'
import { at } from './names.ts'
import { milliseconds } from './percentiles.ts'
import { counted } from './table.ts'
import { type Passage, Traffic } from './traffic.ts'

/** A choice that did not go the benign way, and how many records the trace had when it was made. */
export interface MadeChoice {
  readonly site: string
  readonly keyHi: number
  readonly keyLo: number
  readonly alternative: number
  readonly record: number
}

const U32_RANGE = 2 ** 32
/** A tie's key names the node in its lower half and the instant in the rest. */
const NODE_RANGE = 2 ** 16

export class Wording {
  readonly #records: readonly RunRecord[]
  readonly #traffic: Traffic

  /** The trace in which the choices were made. */
  constructor(records: readonly RunRecord[], nodes: readonly RunNode[]) {
    this.#records = records
    this.#traffic = new Traffic(records, nodes)
  }

  /** One sentence without its full stop. */
  choice(choice: MadeChoice): string {
    const { site, alternative, record, keyHi, keyLo } = choice
    if (site === 'tie') {
      const atUs = Math.floor(keyHi / NODE_RANGE) * U32_RANGE + keyLo
      return `the tie ${at(atUs)}: node ${this.#traffic.names.node(keyHi % NODE_RANGE)} fell back ${counted(alternative, 'place')}`
    }
    if (site.startsWith('point.')) return this.#point(choice)
    if (site.startsWith('disk.')) return this.#onDisk(choice)
    const passage = site.startsWith('net.') ? this.#traffic.lastBefore(record) : undefined
    return passage === undefined ? `${site} took alternative ${alternative}` : this.#onDatagram(choice, passage)
  }

  /** What an operation that has to be there does: "ana's click happened". */
  done(label: string): string {
    return `${operationInWords(label)} happened`
  }

  #onDatagram({ site, record, alternative }: MadeChoice, passage: Passage): string {
    const name = this.#traffic.name(passage)
    switch (site) {
      case 'net.drop': return `${name} was lost`
      case 'net.lossBlock': return `${name} was lost, one of those that its link loses of every block`
      case 'net.lossGood': return `${name} was lost between two bursts of losses`
      case 'net.lossBad': return `${name} was lost in a burst of losses`
      case 'net.burstBegin': return `a burst of losses began behind ${name}`
      case 'net.burstStay': return `a burst of losses went on behind ${name}`
      case 'net.duplicate': return `${name} came twice`
      case 'net.corrupt': {
        const damage = passage.fates.find(({ fate, record: told }) => fate.kind === 'corrupted' && told >= record)?.fate
        return `${name} was damaged${damage?.kind === 'corrupted' ? ` at byte ${damage.offset}` : ''}`
      }
      case 'net.reorder': return `${name} was held back, so that later ones overtook it`
      case 'net.delay': case 'net.jitter': {
        const [first] = passage.delivered
        return first === undefined ? `${name} was delayed` : `${name} was ${milliseconds(first.atUs - passage.sent.atUs)} ms under way`
      }
      default: return `${name}: ${site} took alternative ${alternative}`
    }
  }

  /** The key of a write is its file, as a hash, and where in it the write begins. Of what a crash does a note follows. */
  #onDisk({ site, record, keyLo }: MadeChoice): string {
    if (site === 'disk.latency') return `a write to a disk, at byte ${keyLo} of its file, took long`
    for (const one of this.#records.slice(record)) {
      const met = one.kind === 'note' ? eventOf(one) : undefined
      if (met?.event !== 'unconfirmed' || met.offset !== keyLo) continue
      const crash = `the crash of ${this.#traffic.names.who(one.node)}, ${at(one.atUs)},`
      if (site === 'disk.crash.removal') return `${crash} found ${met.file} removed`
      return `${crash} left ${met.kept} of the ${counted(met.bytes, 'byte')} that were being written to ${met.file} at byte ${keyLo}`
    }
    return `a crash left something of a write, at byte ${keyLo} of its file`
  }

  /** The note that a fault point leaves follows the choice. */
  #point({ site, record, alternative }: MadeChoice): string {
    const name = site.slice('point.'.length)
    const note = this.#records.slice(record).find((one) => one.kind === 'note' && one.name === 'faultPoint' && one.data.name === name)
    const where = note === undefined ? '' : ` at ${this.#traffic.names.node(note.node)}, ${at(note.atUs)}`
    return `the fault point ${name} struck${where}${alternative === 1 ? '' : `, way ${alternative}`}`
  }
}

/** 'ana.right.pointAt#2' is "ana's 2nd right.pointAt"; the first needs no number. */
function operationInWords(label: string): string {
  const [, actor, verb, ordinal] = /^([^.]+)\.(.+)#(\d+)$/.exec(label) ?? [undefined, '', label, '1']
  const which = ordinal === '1' ? '' : `${nth(Number(ordinal))} `
  return actor === '' ? verb : `${actor}'s ${which}${verb}`
}

const SUFFIXES = ['th', 'st', 'nd', 'rd']
function nth(ordinal: number): string {
  const isTeen = Math.floor(ordinal / 10) % 10 === 1
  return `${ordinal}${(isTeen ? undefined : SUFFIXES[ordinal % 10]) ?? 'th'}`
}
