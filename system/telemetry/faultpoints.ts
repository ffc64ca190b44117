/**
 * Legal but rare behaviour that a peer may show at any time, and that everybody has to bear. A peer asks its `Probe` at each of
 * these points whether to show it; in production the answer is no. None of them may cost more than time and bytes.
 */

interface FaultPoint {
  readonly about: string
  /** How often, parts per million, where it is asked for. */
  readonly ppm: number
}

export const FAULT_POINTS = {
  // the host; keyed by author and frame where nothing else is said
  'a snapshot waits for a frame': { about: 'the host holds a snapshot back until the next frame', ppm: 100_000 },
  'a snapshot goes out backwards': { about: 'the last chunk first; by author and snapshot', ppm: 100_000 },
  'a snapshot chunk waits for a frame': { about: 'one chunk goes out a frame after the others; by snapshot and chunk', ppm: 50_000 },
  'a snapshot chunk goes out twice': { about: 'one chunk is sent once more; by snapshot and chunk', ppm: 50_000 },
  'frames are answered by a snapshot': { about: 'the host resends nothing; by author and first frame', ppm: 100_000 },
  'a frame goes out twice': { about: 'a replication frame is sent once more', ppm: 10_000 },
  'a frame is resent twice': { about: 'a frame that was asked for is sent once more', ppm: 100_000 },
  'a closing waits for a frame': { about: 'the host closes nothing in this frame; by frame', ppm: 20_000 },
  'a receipt waits for a frame': { about: 'a refusal is told with the next frame; by author and Lamport time', ppm: 100_000 },
  'an entry is told twice': { about: 'admitted entries are sent to everyone once more; by author and Lamport time', ppm: 50_000 },
  'entries are told one by one': { about: 'admitted entries go out in a message each; by author and Lamport time', ppm: 100_000 },
  'a connection is closed': { about: 'the host says goodbye to a member, which may come back', ppm: 2_000 },
  // either side
  'a heartbeat is left out': { about: 'a ping that is due is not sent', ppm: 100_000 },
  'what is shown is made anew': { about: 'the speculative view is forgotten when an entry comes; by author and Lamport time', ppm: 50_000 },
  // a client
  'a snapshot is asked for without need': { about: 'nothing is missing; by the next frame and the present one', ppm: 5_000 },
  'frames are asked for without need': { about: 'the last frame is asked for again; by the next frame and the present one', ppm: 10_000 },
  'a request goes out twice': { about: 'a client repeats a request with the next frame; by its first frame', ppm: 100_000 },
  'entries are asked for without need': { about: 'open entries are asked for; by the next frame and the present one', ppm: 5_000 },
  'frames beyond a gap are forgotten': { about: 'what was kept for later is lost; by the next frame and the present one', ppm: 50_000 },
  'another connection is taken': { about: 'a client resumes on another connection while the first one stands', ppm: 1_000 },
  'own entries wait for a frame': { about: 'what was signed goes out with the next frame', ppm: 50_000 },
  'own entries go out twice': { about: 'what was signed is sent once more; by author and Lamport time', ppm: 50_000 },
} as const satisfies Readonly<Record<string, FaultPoint>>
export type FaultPointName = keyof typeof FAULT_POINTS
