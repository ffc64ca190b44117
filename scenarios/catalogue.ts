/** The built-in stories, in the order in which they are best read. */
import type { Scenario } from './scenario.ts'
import assetStreaming from './stories/asset-streaming.ts'
import attacker from './stories/attacker.ts'
import behindNats from './stories/behind-nats.ts'
import commitStorm from './stories/commit-storm.ts'
import cutOff from './stories/cut-off.ts'
import editorsTalk from './stories/editors-talk.ts'
import forgedCommand from './stories/forged-command.ts'
import givenOrder from './stories/given-order.ts'
import hostHandsOver from './stories/host-hands-over.ts'
import hostRestarts from './stories/host-restarts.ts'
import interest from './stories/interest.ts'
import lateJoin from './stories/late-join.ts'
import loopback120 from './stories/loopback-120.ts'
import meshEdits from './stories/mesh-edits.ts'
import mixedCompression from './stories/mixed-compression.ts'
import partitionHeals from './stories/partition-heals.ts'
import placementRace from './stories/placement-race.ts'
import roams from './stories/roams.ts'
import swarm from './stories/swarm.ts'
import thinPipe from './stories/thin-pipe.ts'
import viewerEdits from './stories/viewer-edits.ts'
import worlds from './stories/worlds.ts'

export interface CatalogueEntry {
  readonly scenario: Scenario
  /** The file it stands in, from the package's root. */
  readonly source: string
}

const entry = (scenario: Scenario): CatalogueEntry => ({ scenario, source: `scenarios/stories/${scenario.name}.ts` })

export const CATALOGUE: readonly CatalogueEntry[] = [
  loopback120, lateJoin, partitionHeals, forgedCommand, placementRace, viewerEdits, meshEdits, editorsTalk, commitStorm, givenOrder,
  mixedCompression, attacker, hostRestarts, hostHandsOver, interest, thinPipe, cutOff, assetStreaming, behindNats, roams,
  swarm, worlds,
].map(entry)
