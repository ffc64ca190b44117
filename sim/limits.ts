/** Every bound of the simulator kernel, with its unit. The relations between them are asserted at load. */
import { assert } from './assert.ts'

/** Virtual time ends here at the latest: ten hours, in microseconds. */
export const VIRTUAL_US_MAX = 36_000_000_000
/** Events one run may handle. */
export const EVENTS_MAX = 50_000_000
/** Events of one instant. More means that nodes answer each other, or one wakes itself, without time passing. */
export const INSTANT_EVENTS_MAX = 200_000
/** Entries the event queue holds at once. */
export const PENDING_EVENTS_MAX = 2 ** 20
/** Entries ever pushed to one event queue; three fields of an order key share 53 bits (see clock.ts). */
export const EVENT_SEQUENCE_MAX = 2 ** 31
/** Nodes of one world. */
export const NODES_MAX = 4096
/** Datagrams and other events held for one paused node, as its socket's buffer would; what comes after is lost. */
export const HELD_EVENTS_MAX = 4096
/** Frames per second that a node may ask for. */
export const FRAME_HZ_MAX = 1000
/** Script waits that may come due at one instant. More means a script that loops without letting time pass. */
export const INSTANT_WAITS_MAX = 10_000
/** Script waits outstanding at once. */
export const SCRIPT_WAITS_MAX = 1024
/** Records after which a run ends; its last event may add a few. */
export const TRACE_RECORDS_MAX = 2 ** 23
/** Writes under way at one disk. */
export const DISK_WRITES_MAX = 4096
/** Nesting of the data of a note. */
export const NOTE_DEPTH_MAX = 16
/** Names whose hash a trace remembers; the others are hashed anew. */
export const TRACE_NAMES_MAX = 4096
/** Choices of one plan. */
export const PLAN_CHOICES_MAX = 1_000_000

assert(EVENTS_MAX + PENDING_EVENTS_MAX < EVENT_SEQUENCE_MAX / 2, 'a run ends before its event sequence does')
assert(INSTANT_EVENTS_MAX < EVENTS_MAX, 'a run that stands still is told apart from a long one')
assert(HELD_EVENTS_MAX * 2 < PENDING_EVENTS_MAX, 'the events held for a node fit into the queue again')
assert(VIRTUAL_US_MAX < 2 ** 40, 'an instant and a node fit into one 64-bit key')
