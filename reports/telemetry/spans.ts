/**
 * The lives of commands, joins and resyncs as spans, from the trace of a run. All spans of a command share one trace id, made of its
 * author and of the Lamport time under which it was first signed: the same in every run of a seed, on every machine.
 */
import { eventOf, type RunNode, type RunRecord } from '../input.ts'
import type { Span } from './observation.ts'

const TRACE_DIGITS = 32
const SPAN_DIGITS = 16
/** In the first digits of a trace id, so that what is no command has no command's id. */
const KIND = { command: '1', join: '2', resync: '3' } as const

interface Command {
  readonly trace: string
  readonly span: string
  /** Where it was signed. */
  readonly node: number
  readonly fromUs: number
  readonly name: string
  readonly scope: number
}

/** What every peer tells of a command: its place, and the Lamport time of its first signing. */
interface Traced {
  readonly author: number
  readonly lamport: number
  readonly trace: number
}

export function spansOf(records: readonly RunRecord[], nodes: readonly RunNode[]): Span[] {
  return new Spans(nodes).read(records)
}

class Spans {
  readonly #names: ReadonlyMap<number, string>
  readonly #spans: Span[] = []
  /** By author and the Lamport time of the first signing, which every peer tells. */
  readonly #commands = new Map<string, Command>()
  #ids = 0

  constructor(nodes: readonly RunNode[]) {
    this.#names = new Map(nodes.map(({ id, name }) => [id, name]))
  }

  read(records: readonly RunRecord[]): Span[] {
    for (const record of records) if (record.kind === 'note') this.#note(record)
    return this.#spans
  }

  #note(record: Extract<RunRecord, { readonly kind: 'note' }>): void {
    const { atUs, node } = record
    const event = eventOf(record)
    switch (event.event) {
      case 'commandSigned': {
        const { author, trace, resignedFrom, command: name, scope } = event
        if (resignedFrom !== 0) return
        const made = { trace: traceId(KIND.command, author, trace), span: this.#id(), node, fromUs: atUs, name, scope }
        this.#commands.set(`${author} ${trace}`, made)
        return
      }
      case 'commandAdmitted': {
        const { author, lamport, trace } = event.entry
        return this.#child('admit', { author, lamport, trace: trace === 0 ? lamport : trace }, atUs, node)
      }
      case 'commandIntegrated': return this.#child('integrate', event, atUs, node)
      case 'commandFolded': {
        const { author, lamport, outcome } = event
        const command = this.#commands.get(`${author} ${event.trace}`)
        if (command === undefined) return
        // The author's own fold ends the whole.
        if (command.node === node) {
          const { trace, span: id, fromUs, name, scope } = command
          this.#spans.push({
            trace, id, parent: '', node: this.#name(node), name, fromUs, toUs: atUs, attributes: { author, lamport, outcome, scope },
          })
        } else this.#child('apply', event, atUs, node)
        return
      }
      case 'joined': return this.#alone('join', KIND.join, event.tookUs, atUs, node)
      case 'resyncFinished': return this.#alone('resync', KIND.resync, event.tookUs, atUs, node)
      default:
    }
  }

  #child(name: string, { author, lamport, trace: first }: Traced, toUs: number, node: number): void {
    const command = this.#commands.get(`${author} ${first}`)
    if (command === undefined) return
    const { trace, span: parent, fromUs } = command
    this.#spans.push({
      trace, id: this.#id(), parent, node: this.#name(node), name: `${command.name} ${name}`, fromUs, toUs, attributes: { author, lamport },
    })
  }

  #alone(name: string, kind: string, tookUs: number, toUs: number, node: number): void {
    const id = this.#id()
    this.#spans.push({
      trace: traceId(kind, node, toUs), id, parent: '', node: this.#name(node), name, fromUs: toUs - tookUs, toUs, attributes: {},
    })
  }

  #name(node: number): string {
    return this.#names.get(node) ?? `node ${node}`
  }
  #id(): string {
    return (++this.#ids).toString(16).padStart(SPAN_DIGITS, '0')
  }
}

const traceId = (kind: string, who: number, when: number): string =>
  `${kind}${who.toString(16).padStart(7, '0')}${when.toString(16).padStart(TRACE_DIGITS - 8, '0')}`
