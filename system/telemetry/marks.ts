/**
 * Rare states that must not stay untested. A peer marks each where it is reached, through its `Probe`; a sweep over all stories
 * fails where one is not reached at least once within `seedsMax` seeds, because then nobody knows what would happen in it.
 */

interface Mark {
  /** What has happened, and why it is worth fearing. */
  readonly about: string
  /** Within this many seeds of a sweep over all stories it has to be reached at least once. */
  readonly seedsMax: number
}

export const MARKS = {
  // frames and snapshots, at a client
  'a frame waited for entries': { about: 'a frame came before the entries that it closes', seedsMax: 100 },
  'entries asked for by range': { about: 'a frame waited so long for entries that the client asked for them', seedsMax: 500 },
  'a gap closed by resent frames': { about: 'the frame that was missing came after it had been asked for', seedsMax: 50 },
  'a gap beyond the ring': { about: 'more frames were missing than the host keeps', seedsMax: 50 },
  'a frame came twice': { about: 'a frame was applied or held already when it came', seedsMax: 50 },
  'frames waited behind a snapshot': { about: 'a snapshot came after frames that follow it', seedsMax: 50 },
  'a snapshot older than the frames': { about: 'a snapshot came whole when its client was past it', seedsMax: 100 },
  'a snapshot that was asked for again': { about: 'a snapshot did not come within its time', seedsMax: 2000 },
  'a snapshot given up for a newer one': { about: 'a newer snapshot began before the last chunk of the one before', seedsMax: 2000 },
  'chunks of an older snapshot passed over': { about: 'a chunk came after a newer snapshot had begun', seedsMax: 2000 },
  'a snapshot chunk came twice': { about: 'a chunk came that was there already', seedsMax: 100 },
  'a snapshot chunk overtook an earlier one': { about: 'the chunks of a snapshot came in another order than their own', seedsMax: 100 },
  'an interest came into force by a snapshot': { about: 'more came into view than fits a frame', seedsMax: 500 },
  'a leap stood for the frames that were missing': { about: 'one delta brought what frames that had left the ring would', seedsMax: 50 },
  'a row of the stream waited for the budget': { about: 'a frame had no room for all that the host wrote', seedsMax: 50 },
  // the log, wherever it is held
  'an own entry rewound below another one': { about: 'an entry came that stands before an own one that was shown already', seedsMax: 50 },
  'an own entry was passed by the closed mark': { about: 'the log was closed above an own entry that the host had not', seedsMax: 200 },
  'an entry shown as done came to nothing': { about: 'an entry was applied where it was shown, and not where it was closed', seedsMax: 50 },
  'a speculative commit that was rejected when it closed': { about: 'a commit was shown as applied and closed as rejected', seedsMax: 50 },
  'a commit merged with what was live': { about: 'a commit kept what somebody else had changed since its draft', seedsMax: 50 },
  'an entry came that was closed already': { about: 'a snapshot had brought it, or it came twice', seedsMax: 100 },
  'a snapshot brought entries that were waiting': { about: 'a snapshot was closed above entries that the client held open', seedsMax: 50 },
  'an equivocation was refused': { about: 'two different entries of one author came for one position', seedsMax: 200 },
  'a role held at the position of an entry and not at its arrival': {
    about: 'an entry came after a change of its author\'s role that stands behind it', seedsMax: 500,
  },
  // own commands
  'a command signed anew': { about: 'the host refused an own command as late', seedsMax: 50 },
  'a command signed anew behind another one': { about: 'what an author gave before it was refused', seedsMax: 200 },
  'what was refused waits for what is ahead of it': { about: 'the host told of a later entry before an earlier one', seedsMax: 2000 },
  'a commit signed anew': { about: 'the host refused an own commit as late', seedsMax: 200 },
  'an own command refused for good': { about: 'an own command was refused, and not signed anew', seedsMax: 200 },
  'an own command was declined': { about: 'so many own commands wait for the host that no other is signed', seedsMax: 2000 },
  'more entries than can wait': { about: 'a client had more open entries than it keeps', seedsMax: Infinity },
  'a receipt for an entry that was no longer waiting': { about: 'the host refused a copy of what it had judged', seedsMax: 50 },
  'a drafted placement was drafted again': { about: 'a draft took the place of an earlier one of its session', seedsMax: 500 },
  // the host
  'an entry signed before its author was enrolled': { about: 'an entry stands before its author\'s latest joining', seedsMax: 200 },
  'an author used its budget up': { about: 'an entry was refused because its sender had sent too many', seedsMax: 200 },
  'the log was closed at once with nobody there': { about: 'entries were closed within the late window', seedsMax: 50 },
  'a range answered over several frames': { about: 'a member asked for more entries than a frame answers', seedsMax: 2000 },
  'entries asked for are kept no more': { about: 'a request for entries was answered by a snapshot', seedsMax: Infinity },
  'a newcomer got entries beyond its snapshot': { about: 'entries were open when somebody joined', seedsMax: 50 },
  'frames asked for had left the ring': { about: 'a leap or a snapshot answered a request for frames', seedsMax: 50 },
  'a request from before a snapshot on its way': { about: 'frames were asked for that a snapshot sent before brings', seedsMax: 200 },
  'the runtime had more wishes than a frame takes': { about: 'wishes for props waited for the next frame', seedsMax: 1000 },
  'a pose that was overtaken': { about: 'a pose came after a newer one of its member', seedsMax: 50 },
  'an authored move met a body': { about: 'a person moved what physics moves', seedsMax: 2000 },
  'a body was taken away': { about: 'a rigid body ended while physics moved it', seedsMax: 500 },
  // the host's disk
  'something waited for the disk': { about: 'what was to leave the host waited for what it had not stored', seedsMax: 50 },
  'a torn write was cut off': { about: 'a host began anew from a journal that ended within a write', seedsMax: 50 },
  'a host began anew with entries that were open': { about: 'entries had been stored and not been closed in a checkpoint', seedsMax: 50 },
  // assets
  'a chunk of an asset came in vain': { about: 'somebody else brought the asset while a member was sending it', seedsMax: Infinity },
  'an asset began anew with another host': { about: 'the host did not know the token of the one before', seedsMax: Infinity },
  // connections
  'a key that is present was refused': { about: 'somebody came back as new while its former connection stood', seedsMax: 500 },
  'a former connection made way for a resumed one': { about: 'a member resumed before the host noticed its loss', seedsMax: 200 },
  'resumed on another connection': { about: 'a client went on with its session after a loss', seedsMax: 100 },
  'entries sent again on another connection': { about: 'a client had entries under way when its connection was lost', seedsMax: 100 },
  'a message that could not be read': { about: 'garbage came, or a message that was damaged', seedsMax: 100 },
  'a message number came twice': { about: 'a message came under a number that was used before, or long ago', seedsMax: 50 },
  // the person
  'what was dragged vanished': { about: 'somebody took away what was in this person\'s hand', seedsMax: 1000 },
} as const satisfies Readonly<Record<string, Mark>>
export type MarkName = keyof typeof MARKS
