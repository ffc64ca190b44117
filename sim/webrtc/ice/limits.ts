/** Times of ICE and of consent, and what an agent holds at most. All times in microseconds. */
import { retransmission, type RetransmissionSchedule, STUN_RTO_US, TRANSACTION_US } from '../stun/transactions.ts'
import { assert } from '../../assert.ts'

/** RFC 8445, section 14.2: Ta, between two checks. */
export const PACING_US = 50_000
/** RFC 8445, section 14.3: the least RTO of a check. */
const CHECK_RTO_US = STUN_RTO_US
/**
 * Waits of a check double no further than this, and it is sent so often: libwebrtc checks a pair anew every 480 ms or sooner and doubles
 * nothing; with the schedule of RFC 8489 alone one loss in a row more costs as long as all before it.
 */
const CHECK_WAIT_US_MAX = 1_000_000
const CHECK_SENDS_MAX = 16

/** Section 14.3: of a check that is one of `busy` under way or waiting. */
export function checkSchedule(busy: number): RetransmissionSchedule {
  const rtoUs = Math.max(CHECK_RTO_US, PACING_US * busy)
  return { ...retransmission(rtoUs), waitUsMax: Math.max(rtoUs, CHECK_WAIT_US_MAX), sendsMax: CHECK_SENDS_MAX }
}

/** RFC 8445, section 6.1.2.5: pairs of one checklist. */
export const PAIRS_MAX = 100
/** Candidates of one side, those learnt from checks included. */
export const CANDIDATES_MAX = 100

/**
 * The controlling agent nominates at once what nothing better can replace; else it gives the better pairs a while (RFC 8445, section
 * 8.1.1, leaves the criteria open), and a relayed pair waits until every other was tried twice.
 */
export const NOMINATION_US = 200_000
export const RELAYED_NOMINATION_US = STUN_RTO_US + 300_000

/** RFC 7675, section 5.1: between two consent checks, times 0.8 to 1.2. */
export const CONSENT_US = 5_000_000
/** RFC 7675, section 5.1: without an answer for so long nothing more may be sent. */
export const CONSENT_EXPIRY_US = 30_000_000
/**
 * A consent check is repeated as any request until the next one begins, and its response counts as long as consent lasts. Sent once
 * each, at 10% loss one connection in three would lose its consent within an hour.
 */
export const CONSENT_SCHEDULE: RetransmissionSchedule = {
  rtoUs: CHECK_RTO_US, waitUsMax: CHECK_WAIT_US_MAX, sendsMax: 4, lastWaitUs: CONSENT_EXPIRY_US,
}
/** A path on which nothing was heard for so long is disturbed: two checks went unanswered, and two of the other side did not come. */
export const DISTURBED_US = 2 * (CONSENT_US + CONSENT_US / 5)
/** RFC 8863, section 4: nobody gives up before a transaction has run its whole course. */
export const PATIENCE_US = TRANSACTION_US
/** And whatever still goes on after so long has failed as well: nobody nominates. */
export const PATIENCE_US_MAX = 2 * TRANSACTION_US

assert(NOMINATION_US < RELAYED_NOMINATION_US, 'a relayed pair waits for the others')
assert(DISTURBED_US < CONSENT_EXPIRY_US, 'a path is disturbed before it is lost')
