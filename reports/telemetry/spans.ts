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

export function spansOf(records: readonly RunRecord[], nodes: readonly RunNode[]): Span[] {
  return new Spans(nodes).read(records)
}

class Spans {
  readonly #names: ReadonlyMap<number, string>
  readonly #spans: Span[] = []
  /** By author and present Lamport time. */
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
        const { author, lamport, resignedFrom, command, scope } = event
        const before = this.#commands.get(`${author} ${resignedFrom}`)
        const made = before ?? { trace: traceId(KIND.command, author, lamport), span: this.#id(), node, fromUs: atUs, name: command, scope }
        this.#commands.set(`${author} ${lamport}`, made)
        return
      }
      case 'commandAdmitted': return this.#child('admit', event.entry.author, event.entry.lamport, atUs, node)
      case 'commandIntegrated': return this.#child('integrate', event.author, event.lamport, atUs, node)
      case 'commandFolded': {
        const { author, lamport, outcome } = event
        const command = this.#commands.get(`${author} ${lamport}`)
        if (command === undefined) return
        // The author's own fold ends the whole.
        if (command.node === node) {
          const { trace, span: id, fromUs, name, scope } = command
          this.#spans.push({
            trace, id, parent: '', node: this.#name(node), name, fromUs, toUs: atUs, attributes: { author, lamport, outcome, scope },
          })
        } else this.#child('apply', author, lamport, atUs, node)
        return
      }
      case 'joined': return this.#alone('join', KIND.join, event.tookUs, atUs, node)
      case 'resyncFinished': return this.#alone('resync', KIND.resync, event.tookUs, atUs, node)
      default:
    }
  }

  #child(name: string, author: number, lamport: number, toUs: number, node: number): void {
    const command = this.#commands.get(`${author} ${lamport}`)
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
