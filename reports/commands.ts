/** Commands: what they came to, and how long they took from the author's hand to every world. */
import { increment } from './counters.ts'
import type { CommandFolded, CommandRefused, EventNamed, FoldOutcome } from './input.ts'
import type { Members } from './members.ts'
import { LatencySamples } from './percentiles.ts'

export interface CommandSection {
  /** At the host, by command. */
  readonly outcomes: readonly ({ readonly command: string } & Readonly<Record<FoldOutcome, number>>)[]
  /** By the host, by reason. */
  readonly refusals: Readonly<Record<string, number>>
}

interface Command {
  /** Of its first signature, however often it was signed anew. */
  readonly signedUs: number
  readonly node: number
  /** The frame in which the host closed it. */
  closedFrame: number
  /** Nodes whose world has it for good. */
  readonly at: number[]
}

export class Commands {
  readonly #members: Members
  readonly #byAuthor = new Map<number, Map<number, Command>>()
  /** In the order in which the host closed them. */
  readonly #closed: Command[] = []
  /** By node: how many of the closed ones its last snapshot held. */
  readonly #inSnapshot = new Map<number, number>()
  readonly #outcomes = new Map<string, Record<FoldOutcome, number>>()
  readonly #refusals: Record<string, number> = {}
  readonly #toAdmit = new LatencySamples()
  readonly #toApply = new LatencySamples()

  constructor(members: Members) {
    this.#members = members
  }

  signed(atUs: number, node: number, { author, lamport, resignedFrom }: EventNamed<'commandSigned'>): void {
    const signedUs = this.#find(author, resignedFrom)?.signedUs ?? atUs
    let own = this.#byAuthor.get(author)
    if (own === undefined) this.#byAuthor.set(author, (own = new Map()))
    own.set(lamport, { signedUs, node, closedFrame: -1, at: [] })
  }

  admitted(atUs: number, { entry }: EventNamed<'commandAdmitted'>): void {
    const command = this.#find(entry.author, entry.lamport)
    if (command !== undefined) this.#toAdmit.add(this.#members.transportOf(command.node), atUs - command.signedUs)
  }

  refused({ reason, at }: CommandRefused): void {
    if (at === 'host') increment(this.#refusals, reason)
  }

  folded(atUs: number, node: number, { author, lamport, frame, command: name, outcome }: CommandFolded): void {
    const command = this.#find(author, lamport)
    // A host that began anew folds again what its disk gave back.
    if (node === this.#members.host && (command === undefined || command.closedFrame < 0)) {
      let outcomes = this.#outcomes.get(name)
      if (outcomes === undefined) this.#outcomes.set(name, (outcomes = { applied: 0, merged: 0, rejected: 0, denied: 0, void: 0 }))
      outcomes[outcome]++
      if (command !== undefined) {
        command.closedFrame = frame
        this.#closed.push(command)
      }
    }
    if (command !== undefined) this.#arrive(command, atUs, node)
  }

  /** A snapshot brings what was closed up to its frame: to a member that missed it, late; to a newcomer, as history. */
  snapshotApplied(atUs: number, node: number, { frame }: EventNamed<'snapshotApplied'>): void {
    const known = this.#inSnapshot.get(node)
    let index = known ?? 0
    for (; index < this.#closed.length && this.#closed[index].closedFrame <= frame; index++) {
      if (known !== undefined) this.#arrive(this.#closed[index], atUs, node)
    }
    this.#inSnapshot.set(node, index)
  }

  section(): CommandSection {
    const names = [...this.#outcomes.keys()].sort()
    return { outcomes: names.map((command) => ({ command, ...this.#outcomes.get(command)! })), refusals: this.#refusals }
  }
  latencies(): { readonly commandAdmit: LatencySamples; readonly commandApply: LatencySamples } {
    return { commandAdmit: this.#toAdmit, commandApply: this.#toApply }
  }

  #arrive(command: Command, atUs: number, node: number): void {
    if (command.at.includes(node)) return
    command.at.push(node)
    this.#toApply.add(this.#members.transportOf(node), atUs - command.signedUs)
  }

  #find(author: number, lamport: number): Command | undefined {
    return this.#byAuthor.get(author)?.get(lamport)
  }
}
