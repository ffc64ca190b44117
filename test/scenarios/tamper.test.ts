/**
 * One flipped bit, anywhere, at any instant: the checkers, which are not told, name it exactly. `npm run tampers` tries
 * 200 instead of the 20 of `npm test`.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RunOutcome } from '../../scenarios/cluster/run.ts'
import type { Tampered } from '../../scenarios/cluster/outcome.ts'
import { divergenceSection } from '../../reports/divergence.ts'
import { Names } from '../../reports/names.ts'
import { manifest } from '../../system/ecs/manifest.ts'
import { runInside, STORIES } from '../support/runs.ts'

const TAMPERS = Number(process.env.THETA_TAMPERS ?? 20)
const MISUSE = 4
const COMPONENTS = manifest().components
const ROW_HEADER_BYTES = 6
const REWRITTEN = /^theta\.(\w+Pose|Motion)$/

/** Where a row begins in the canonical bytes of a world; undefined where it is not there. Read here, not by what is tested. */
function rowOffset(world: Uint8Array, entity: number, component: string): number | undefined {
  const view = new DataView(world.buffer, world.byteOffset, world.length)
  for (let at = 0; at < world.length; at += ROW_HEADER_BYTES + COMPONENTS[view.getUint16(at + 4, true)].stride) {
    if (view.getUint32(at, true) === entity && COMPONENTS[view.getUint16(at + 4, true)].name === component) return at
  }
  return undefined
}

/** The one byte in which two values of a field differ, counted from the field's first. */
function flippedByte(before: string, after: string): number {
  const flipped = BigInt.asUintN(64, BigInt(before)) ^ BigInt.asUintN(64, BigInt(after))
  // A negative number has all the bits above its field: the lowest is the flipped one.
  let bit = 0
  while (((flipped >> BigInt(bit)) & 1n) === 0n) bit++
  return bit >> 3
}

interface Told {
  readonly atUs: number
  readonly node: number
  readonly frame: number
  readonly digest: string
}
type Event = 'frameClosed' | 'frameConfirmed'
const told = ({ trace }: RunOutcome, event: Event): Told[] => trace.records().flatMap((record) =>
  record.kind === 'note' && record.name === event ? [{ ...(record.data as unknown as Told), atUs: record.atUs, node: record.node }] : [])

/** That the verdict of a red run is the flip, the whole flip and nothing but the flip. */
function checkLocated(outcome: RunOutcome, tampered: Tampered, peer: string): void {
  const divergence = outcome.info.divergence!
  const place = divergenceSection(divergence, COMPONENTS, new Names([], outcome.info.nodes)).place!
  const { kind, entity, component, field, before, after } = tampered
  const isHost = peer === 'host'
  const [theirs, ours] = isHost ? [divergence.hostBytes, divergence.peerBytes] : [divergence.peerBytes, divergence.hostBytes]

  const node = outcome.info.nodes.find(({ name }) => name === peer)!.id
  const value = kind === 'value' ? [after, before] : kind === 'appeared' ? ['present', 'no such row'] : ['no such row', 'present']
  expect({ ...place, theirs: isHost ? place.host : place.peer, ours: isHost ? place.peer : place.host })
    .toMatchObject({ entity, component, field: field ?? null, theirs: value[0], ours: value[1] })
  const row = rowOffset(kind === 'vanished' ? ours : theirs, entity, component)!
  const spec = COMPONENTS.find(({ name }) => name === component)!.fields.find(({ name }) => name === field)
  // The report counts in the host's bytes, which lie like the peer's up to the first difference.
  expect(place.offset).toBe(row + (spec === undefined ? 0 : ROW_HEADER_BYTES + spec.offset + flippedByte(before!, after!)))
  const words = [divergence.frame, entity, component, place.offset, ...(kind === 'value' ? [field, before, after] : [])]
  for (const word of words) expect(outcome.verdict).toContain(String(word))

  const closed = new Map(told(outcome, 'frameClosed').map((frame) => [frame.frame, frame]))
  const confirmed = told(outcome, 'frameConfirmed')
  if (isHost) {
    // The first frame closed after the flip that anybody confirmed, or that the oracle looked at before.
    const first = [...closed.values()].find(({ atUs }) => atUs >= tampered.atUs)!.frame
    expect(divergence.frame).toBeGreaterThanOrEqual(first)
    for (const { frame } of confirmed) expect(frame >= first && frame < divergence.frame).toBe(false)
  } else {
    expect(divergence.peer).toBe(peer)
    expect(divergence.frame).toBe(confirmed.find((frame) => frame.node === node && frame.atUs >= tampered.atUs)!.frame)
    for (const { node: other, frame, digest } of confirmed) if (other !== node) expect(digest).toBe(closed.get(frame)!.digest)
  }
}

describe('tampering', () => {
  it(`is located exactly, or was overwritten before it could be seen: ${TAMPERS} random flips`, async () => {
    const counts = { located: 0, overwritten: 0 }
    const kinds = new Set<string>()
    const sources = new Set<boolean>()
    // A story that draws its own members has no names to tamper by.
    const stories = STORIES.filter(([name]) => name in PEERS)
    const flips = fc.record({ story: fc.nat(stories.length - 1), seed: fc.nat(1_000_000), peer: fc.nat(2), instant: fc.nat(999) })
    // Where a peer has no state yet there is nothing to flip: such draws do not count.
    for (const draw of fc.sample(flips, { seed: 7, numRuns: 2 * TAMPERS })) {
      if (counts.located + counts.overwritten === TAMPERS) break
      const [name, story] = stories[draw.story]
      const peer = ['host', ...PEERS[name]][draw.peer]
      const tamper = { peer, frame: Math.floor((draw.instant * story.settings.frames) / 1000) }
      const outcome = await runInside(story, { seed: draw.seed, tamper })
      const again = `npx theta-sim run ${name} --seed ${draw.seed} --verifier node --tamper ${peer}@${tamper.frame}`
      if (outcome.exit === MISUSE) continue
      try {
        if (outcome.exit === 0) {
          expect(outcome.verdict).toBe('converged; the flip was overwritten before it could be seen')
          // What the host writes again every frame may be gone by the next, and leave its trace in when packets went.
          if (!REWRITTEN.test(outcome.tampered!.component)) {
            expect(outcome.info.finalDigest).toBe((await runInside(story, { seed: draw.seed })).info.finalDigest)
          }
          counts.overwritten++
        } else {
          expect(outcome.exit, outcome.verdict).toBe(1)
          const { entity, component, kind } = outcome.tampered!
          if (outcome.info.divergence === undefined) {
            // A row that came or went was to be written by the very next delta, which found the wrong base.
            expect(kind).not.toBe('value')
            expect(outcome.verdict).toMatch(/^\w+ could not take frame \d+: \w+ of entity \d+ theta\.\w+ to revision/)
            expect(outcome.verdict).toContain(`of entity ${entity} ${component} to`)
          } else checkLocated(outcome, outcome.tampered!, peer)
          counts.located++
          kinds.add(outcome.tampered!.kind)
          sources.add(peer === 'host')
        }
      } catch (error) {
        throw new Error(`${again}\n${JSON.stringify(outcome.tampered)}\n${outcome.verdict}`, { cause: error })
      }
    }
    expect(counts.located + counts.overwritten).toBe(TAMPERS)
    expect(counts.located).toBeGreaterThan(TAMPERS / 2)
    expect([...kinds].sort()).toEqual(['appeared', 'value', 'vanished'])
    expect(sources.size).toBe(2)
  }, 600_000)

  it('before anybody has joined is found by the oracle, at the frame after the flip', async () => {
    for (let seed = 1; seed <= 6; seed++) {
      const outcome = await runInside(STORIES[0][1], { seed, tamper: { peer: 'host', frame: 1 } })
      expect(outcome.exit, outcome.verdict).toBe(1)
      expect(outcome.info.divergence).toMatchObject({ peer: 'the oracle', frame: 2 })
      checkLocated(outcome, outcome.tampered!, 'host')
    }
  })
})

/** Who joins in each story. */
const PEERS: Readonly<Record<string, readonly [string, string]>> = {
  'loopback-120': ['ana', 'ben'], 'late-join': ['ana', 'ben'], 'partition-heals': ['ana', 'ben'],
  'forged-command': ['ana', 'eve'], 'placement-race': ['ana', 'ben'], 'viewer-edits': ['ana', 'vic'],
}
