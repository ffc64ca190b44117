/** What an agent knows between two restarts (RFC 8445, section 9): credentials of both sides, the checklist, and since when. */
import { Checklist } from './checklist.ts'
import { CheckKeys } from './checkmessages.ts'
import type { IceCredentials } from './credentials.ts'

export class Generation {
  /** 0 for the first. */
  readonly number: number
  readonly keys: CheckKeys
  readonly checklist: Checklist
  /** When the checks could begin: the other side's credentials were there. */
  startedUs = Infinity
  /** Until when it is not given up. */
  patienceUs = Infinity
  /** When the first pair became valid. */
  validUs = Infinity
  /** The other side has no more candidates. */
  isRemoteComplete = false
  hasFailed = false

  constructor(number: number, credentials: IceCredentials, isControlling: boolean) {
    this.number = number
    this.keys = new CheckKeys(credentials)
    this.checklist = new Checklist(isControlling)
  }
}
