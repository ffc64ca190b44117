/** When the host closes its log, and up to where: an entry may be late by so many frames, and what is closed must be stored. */
import type { CommandLog } from '../commands/log.ts'
import { HOST_AUTHOR, type Lamport } from '../ids.ts'
import { LATE_WINDOW_FRAMES } from '../limits.ts'
import type { Probe } from '../ports.ts'
import type { Journal } from '../storage/journal.ts'

export interface LogClosingPorts {
  readonly log: CommandLog
  /** Where there is a disk. */
  readonly journal: Pick<Journal, 'closable'> | undefined
  readonly probe: Probe
}

export class LogClosing {
  readonly #ports: LogClosingPorts
  /** The highest Lamport time known at the last LATE_WINDOW_FRAMES frames. */
  readonly #clocks: Lamport[]

  /** @param clock the highest Lamport time that was known before the first frame. */
  constructor(ports: LogClosingPorts, clock: Lamport) {
    this.#ports = ports
    this.#clocks = Array.from({ length: LATE_WINDOW_FRAMES }, () => clock)
  }

  /**
   * Of this frame.
   * @param isAlone with nobody there, nobody can be late: the log closes at once, so that the first to join finds the world made.
   * @param isLast nobody is waited for any more.
   */
  close(frame: number, isAlone: boolean, isLast: boolean): void {
    const { log, journal, probe } = this.#ports
    const slot = frame % LATE_WINDOW_FRAMES
    const late = Math.max(this.#clocks[slot], log.position.closedLamport)
    const wanted = isAlone || isLast ? log.clock : late
    const closed = journal?.closable(wanted) ?? wanted
    this.#clocks[slot] = log.clock
    if (closed > late) probe.sometimes('the log was closed at once with nobody there')
    if (!isAlone && probe.happens('a closing waits for a frame', HOST_AUTHOR, frame)) return
    log.closeUpTo(closed, frame)
  }
}
