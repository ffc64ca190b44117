/**
 * Every bound of Theta that is not the wire's own (those stand in protocol/), with its unit. Relations between them
 * are asserted at load.
 */
import { assert } from './assert.ts'

// --- frames --------------------------------------------------------------------------------------------------------
/** Replication frames a second. Frame k begins at floor(k * 1e6 / FRAMES_PER_SECOND) microseconds of the session. */
export const FRAMES_PER_SECOND = 90
/** Physics steps every this many frames: 30 a second. */
export const PHYSICS_EVERY_FRAMES = 3
export const PHYSICS_HZ = FRAMES_PER_SECOND / PHYSICS_EVERY_FRAMES

// --- command log ---------------------------------------------------------------------------------------------------
/** An entry may arrive this many frames (200 ms) after the host knew its Lamport time; later it is refused as late. */
export const LATE_WINDOW_FRAMES = 18
/** The token bucket of an author: commands at once, and commands a second sustained. */
export const COMMAND_BURST = 100
export const COMMANDS_PER_SECOND = 10
/** A command's payload, in bytes: the plan's 64 KiB guard, less room for the entry around it. */
export const COMMAND_PAYLOAD_BYTES_MAX = 60 * 1024
/** How far ahead of the host's clock an entry's Lamport time may be; more would let one author use the clock up. */
export const LAMPORT_LEAD_MAX = 1 << 20
/** How often an author signs a refused-as-late command anew before it gives up. */
export const RESIGN_MAX = 8
/** And one that was refused by its order: each of those before it may have been late so often. */
export const REORDER_MAX = 8 * RESIGN_MAX
/** Admitted entries that wait for their closing, at a host or a client. */
export const PENDING_ENTRIES_MAX = 8192
/** The host lets nobody in above this: what is left is for the goodbyes of members, which cannot be refused. */
export const PENDING_ADMITTED_MAX = 8064
/** Bytes of those that wait. An author's burst may have a hundred times the largest payload, and a host has many authors. */
export const PENDING_BYTES_MAX = 32 * 1024 * 1024
/** Own entries that the host has not admitted: above, an author is told to wait. */
export const OWN_ENTRIES_MAX = 256
/** A queue of commands is told to be long at half its bound, and once more after it has fallen below a quarter. */
export const BACKLOG_WARNING_SHARE = 0.5
export const BACKLOG_RELIEF_SHARE = 0.25
/** Closed entries that a log keeps, and their bytes. */
export const CLOSED_ENTRIES_MAX = 16_384
export const CLOSED_BYTES_MAX = 8 * 1024 * 1024
/** Frames for which no closed entry goes while there is another: who is further behind misses frames as well. */
export const RANGE_FRAMES = 256
/** And older ones, which nobody needs to go on: a log does not grow with its session. */
export const OLD_ENTRIES_MAX = 1024
/** Bytes of entries that answer a member's range requests in one frame; a larger entry goes alone. */
export const RANGE_BYTES_PER_FRAME = 16 * 1024
/** Entries in one CommandLogEntry message. */
export const ENTRIES_PER_MESSAGE_MAX = 64
/** Proofs of equivocation that a host keeps, one an author. */
export const EQUIVOCATION_PROOFS_MAX = 64
/** Commit results that a peer keeps for its audit history. */
export const COMMIT_HISTORY_MAX = 1024
/** How often one command may divide a face: each time quadruples its parts. */
export const SUBDIVISION_LEVELS_MAX = 4

// --- replication ---------------------------------------------------------------------------------------------------
/**
 * Encoded frames that the host keeps for NackRequest; a larger gap (711 ms) is repaired by a snapshot. A snapshot has to come over a
 * slow link in less, or the frames that follow it are gone when it is there, and so on without end.
 */
export const FRAME_RING = 64
/** Frames for which the host remembers which rows changed, and how many changes of rows at most: a member that was away for less leaps. */
export const CHANGE_MEMORY_FRAMES = 900
export const CHANGE_MEMORY_ROWS = 1 << 17
/** Of the rows that a snapshot would bring, the share that a leap may bring in its place. */
export const LEAP_SHARE_MAX = 0.5
/** Frames that a client buffers beyond a gap. */
export const FRAME_BUFFER_MAX = 256
/** A gap must be this old before it is asked for: reordering closes most by itself. */
export const NACK_DELAY_US = 30_000
/** And is asked for again after this long. */
export const NACK_INTERVAL_US = 80_000
/** A snapshot that was asked for and has not come whole is asked for again after this long. */
export const SNAPSHOT_TIMEOUT_US = 1_000_000
/** A chunk of a large body, which fits a datagram with what is around it; */
export const SNAPSHOT_CHUNK_BYTES = 1024
/** of a small one, of which a lost chunk then costs little. */
export const SNAPSHOT_CHUNK_BYTES_MIN = 256
/** Chunks that a body has until they are as large as they get. */
export const SNAPSHOT_CHUNKS = 8
/** 32 MiB: the chunks fit the u16 that counts them. */
export const SNAPSHOT_BODY_BYTES_MAX = 32_768 * SNAPSHOT_CHUNK_BYTES
/** Rows of a snapshot: what its receiver makes room for at most. */
export const SNAPSHOT_ROWS_MAX = 1 << 18
/** Chunks of a snapshot that go to a member in one frame (1.5 MB/s), so that they do not crowd out the frames that follow; */
export const SNAPSHOT_CHUNKS_PER_FRAME = 16
/** and frames over which a snapshot is spread at most: the frames lost meanwhile must still be in the ring. */
export const SNAPSHOT_FRAMES_MAX = 32
/** Rows that one segment of a frame may tell of. */
export const SEGMENT_CHANGES_MAX = 1 << 16
/** Of a row in a frame at its worst, in bytes: one that is new, or one that leaps in every field and was foreseen elsewhere. */
export const CHANGE_BYTES_MAX = 56
/** Least budget of the stream, bytes a second: what an entity of many rows takes is less than what it gives in a second. */
export const STREAM_BYTES_PER_SECOND_MIN = 2048
/** Frames of a budget that may come together where little was to tell: a tenth of a second. */
export const STREAM_BURST_FRAMES = 9
/** A row is reckoned with at this many bytes at least, so that rows that cost little of late and leap now do not take too much. */
export const STREAM_ROW_BYTES_MIN = 8
/** What a row costs follows what it took by this share, a power of two. */
export const STREAM_COST_SHIFT = 3
/** Rows that a frame publishes of a stream with a budget: at their worst they fit a message. */
export const STREAM_ROWS_PER_FRAME_MAX = 1000
/** By what the frames are multiplied for which a row has waited: heads and hands, other rows, rows that come or go. */
export const STREAM_WEIGHT_POSE = 4
export const STREAM_WEIGHT_ELSE = 1
export const STREAM_WEIGHT_PRESENCE = 8
/** Entries that a closed frame needs and that have not come are asked for after this long. */
export const RANGE_REQUEST_DELAY_US = 150_000
/** Row bytes that a frame's digest audits: worlds up to this size are audited whole, every frame. */
export const AUDIT_BYTES_PER_FRAME = 16 * 1024

// --- world ---------------------------------------------------------------------------------------------------------
/** The fold must turn away what would need more rows than this; beyond it a table asserts. */
export const ROWS_PER_COMPONENT_MAX = 1 << 20

// --- interest ------------------------------------------------------------------------------------------------------
/** The edge of a cell, in steps of 1/512 m: 16 m. */
export const CELL_STEPS = 8192
/** Rows that may come into a member's view by a change of its interest within one frame; more come by a snapshot. */
export const INTEREST_ROWS_PER_FRAME_MAX = 512
/** A member's interest changes no more often than every so many frames: ten times a second. */
export const INTEREST_INTERVAL_FRAMES = 9
/** A client tells its interest again where it is not in force after this long. */
export const INTEREST_TIMEOUT_US = 2_000_000

// --- storage -------------------------------------------------------------------------------------------------------
/** A journal of this many bytes gives way to the next generation, which begins with a checkpoint. */
export const JOURNAL_BYTES = 64 * 1024
/** Outputs that wait for a write: far more than a disk that works ever holds up. */
export const HELD_OUTPUTS_MAX = 1 << 16

// --- session -------------------------------------------------------------------------------------------------------
export const MEMBERS_MAX = 64
/** Connections that have not been let in, at once; more are closed as they come. */
export const STRANGERS_MAX = 128
/** Bytes of messages, commands left out, that a member may send at once, and a second sustained: 7 times what 90 poses a second take. */
export const TRAFFIC_BYTES_BURST = 512 * 1024
export const TRAFFIC_BYTES_PER_SECOND = 128 * 1024
/** What a message counts for beside its bytes: an empty one costs work, too. */
export const MESSAGE_OVERHEAD_BYTES = 64
/** Requests for frames, snapshots and entries that a member may send at once, and a second sustained. */
export const REQUEST_BURST = 64
export const REQUESTS_PER_SECOND = 32
/** Refused messages and commands that a host puts up with at once, and a second sustained; then it disconnects. */
export const OFFENCE_BURST = 256
export const OFFENCES_PER_SECOND = 10
export const HEARTBEAT_INTERVAL_US = 200_000
/** Silence after which a peer is given up. */
export const HEARTBEAT_TIMEOUT_US = 5_000_000
export const HANDSHAKE_TIMEOUT_US = 5_000_000
export const RECONNECT_DELAY_US = 250_000
/** How long a host that hands over waits for members that are not ready. */
export const HANDOVER_US = 5_000_000
/** And then, before it says goodbye, for those that were told where to go. */
export const RENDEZVOUS_US = 2_000_000
/** Generations of the group key of a sealed session: so often can somebody leave it, and others still come in. */
export const KEY_GENERATIONS_MAX = 1024
export const RECONNECTS_MAX = 24
export const TELEMETRY_INTERVAL_US = 1_000_000
/** InputPredictiveState goes out every this many frames. */
export const INPUT_EVERY_FRAMES = 1
/** How far ahead a client's poses are meant to be right at most, in frames: 133 ms. */
export const PREDICTION_FRAMES_MAX = 12
/** Samples that foretell the next: a motion over four frames, so that the step to which they are rounded weighs little. */
export const PREDICTION_SAMPLES = 5
/** A limb of which nothing was heard for longer is not foreseen from what it did before. */
export const PREDICTION_PAUSE_US = 50_000
/** And one that is faster, in steps of 1/512 m a second (10 m/s), was put elsewhere. */
export const PREDICTION_SPEED_MAX = 5120
/** Frames for which a client remembers where it was and what it told: as far behind as it may confirm one. */
export const PREDICTION_HISTORY_FRAMES = FRAME_BUFFER_MAX

/** What a member keeps of what each other one shows, and of the talk of all: the newest so many. */
export const HIGHLIGHTS_MAX = 64
export const PANELS_MAX = 8
export const CHAT_LINES_MAX = 64

// --- assets --------------------------------------------------------------------------------------------------------
/** A chunk, which fits a datagram with what is around it. */
export const ASSET_CHUNK_BYTES = 1024
/** One asset; */
export const ASSET_BYTES_MAX = 16 * 1024 * 1024
/** all that a host or a client keeps, what is still on its way included; */
export const ASSETS_BYTES_MAX = 64 * 1024 * 1024
/** and their number. */
export const ASSETS_MAX = 256
/** Assets on their way between a member and the host, each way, at once. */
export const ASSET_TRANSFERS_MAX = 4
/** Chunks that go to a member, or from it, in one frame (369 kB/s): the share that assets have of a path. */
export const ASSET_CHUNKS_PER_FRAME = 4
/** Chunks of an asset that are asked for at once: what may wait in front of a slow path. More are asked for when half of them are there. */
export const ASSET_WINDOW_CHUNKS = 64
/** A transfer of which nothing comes for so long is given up by the member, */
export const ASSET_STALL_US = 10_000_000
/** and what has come of an offer is kept by the host for so long, for one who goes on with it. */
export const ASSET_RESUME_US = 60_000_000
/** Bytes of chunks that a member may send at once, and a second sustained; with what is around each. */
export const ASSET_TRAFFIC_BYTES_BURST = 1024 * 1024
export const ASSET_TRAFFIC_BYTES_PER_SECOND = 512 * 1024

// --- telemetry -----------------------------------------------------------------------------------------------------
/** A frame that begins this long after the one before is a slow one: half a frame late. */
export const SLOW_FRAME_US = 16_667
/** More refusals of entries and messages in a second than this are worth an alarm. */
export const REFUSALS_PER_SECOND_MAX = 20
/** The same alarm is not raised again before this has passed. */
export const ALARM_INTERVAL_US = 1_000_000
/** Own commands whose time to the fold is being taken. */
export const COMMAND_TIMES_MAX = 16_384
/** The packet mirror: what it keeps, and how much it takes in a second. */
export const MIRROR_BYTES_MAX = 1024 * 1024
export const MIRROR_PACKETS_PER_SECOND = 1000

// --- runtime -------------------------------------------------------------------------------------------------------
/** Entity counters of the host below this are reserved for scopes (0 itself, then one a tool). */
export const HOST_RESERVED_COUNTERS = 256
/** Spawns, moves and ends of props that a frame takes; what was asked for beyond waits for the next. */
export const RUNTIME_WISHES_PER_FRAME = 256

assert(PENDING_ADMITTED_MAX + 2 * MEMBERS_MAX <= PENDING_ENTRIES_MAX, 'whoever is a member can be told to have left')
assert(
  MEMBERS_MAX * (COMMAND_BURST + (COMMANDS_PER_SECOND * 2 * LATE_WINDOW_FRAMES) / FRAMES_PER_SECOND) < PENDING_ADMITTED_MAX,
  'all members at their limits, for twice the late window, are let in',
)
assert(OWN_ENTRIES_MAX > COMMAND_BURST, 'an author may have a burst on its way')
assert(RANGE_FRAMES >= FRAME_BUFFER_MAX, 'what a client keeps of frames can be confirmed with what the host keeps of entries')
assert(FRAME_BUFFER_MAX > FRAME_RING, 'a client can buffer more than the host can resend, so that a gap is judged by the ring')
assert(CHANGE_MEMORY_FRAMES > FRAME_RING, 'what has left the ring can be leapt over')
assert(SNAPSHOT_FRAMES_MAX < FRAME_RING, 'frames that were lost while a snapshot came can be asked for')
assert(SNAPSHOT_ROWS_MAX <= ROWS_PER_COMPONENT_MAX, 'a table takes what a snapshot may bring')
assert(PREDICTION_SAMPLES >= 2, 'a line goes through two samples')
assert(NACK_INTERVAL_US > NACK_DELAY_US, 'a repeated request comes after the first')
assert(HEARTBEAT_TIMEOUT_US > 4 * HEARTBEAT_INTERVAL_US, 'a few lost heartbeats are no reason to leave')
assert(RECONNECTS_MAX * RECONNECT_DELAY_US > HEARTBEAT_TIMEOUT_US, 'who begins anew after a crash outlasts its own ghost')
assert(COMMAND_TIMES_MAX > PENDING_ENTRIES_MAX, 'the time of every pending command is taken')
assert(REQUESTS_PER_SECOND * NACK_INTERVAL_US > 2 * 1_000_000, 'who misses frames and entries all the time may ask for both')
assert(OFFENCE_BURST > COMMAND_BURST, 'who sends too many commands is refused by name before it is disconnected')
assert(ASSET_BYTES_MAX <= ASSETS_BYTES_MAX, 'the largest asset can be kept')
assert(ASSET_STALL_US > HEARTBEAT_TIMEOUT_US, 'a lost connection is noticed before the transfers over it are given up')
assert(ASSET_RESUME_US > RECONNECTS_MAX * RECONNECT_DELAY_US + ASSET_STALL_US, 'who comes back finds what it has sent')
assert(
  2 * ASSET_TRANSFERS_MAX * ASSET_WINDOW_CHUNKS * (ASSET_CHUNK_BYTES + 256) <= ASSET_TRAFFIC_BYTES_BURST
    && FRAMES_PER_SECOND * ASSET_CHUNKS_PER_FRAME * (ASSET_CHUNK_BYTES + 256) <= ASSET_TRAFFIC_BYTES_PER_SECOND,
  'who sends what it was asked for is within its budget',
)
assert(Number.isInteger(PHYSICS_HZ), 'physics divides the frame rate')
