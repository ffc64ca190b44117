/** What `import ... from 'theta-sim'` gives: to write a scenario, and to run one. */
export { FRAMES_MAX, type MustHappen, type Scenario, scenario, type ScenarioSettings } from './scenario.ts'
export { OptionError, type SimulateOptions } from './options.ts'
export type { RunHeader, RunResult } from './result.ts'
export { shrink, type ShrinkOptions, type Shrunk, type ShrunkItem } from './shrink/shrink.ts'
export { simulate } from './simulate.ts'
export { branch, type BranchOptions, type Future, inspect, type InspectOptions } from './inspect.ts'
export { capture, type Captured, type CaptureOptions } from './capture.ts'
export { observe, type ObserveOptions } from './observe.ts'
export { checkDeterminism, type Checked, type CheckOptions, type Difference } from './determinism.ts'
export { swarm, type SwarmSettings } from './swarm/swarm.ts'
export type { SwarmNarrowing } from './swarm/narrowing.ts'
export { CATALOGUE, type CatalogueEntry } from './catalogue.ts'
export { type ParsedPlan, parsePlan, type Plan } from '../sim/plan.ts'
export type {
  Actor, BodyOptions, BurstOptions, DirectionOptions, DragOptions, HandActor, HostActor, HostileActor, HostMessage, JitterOptions,
  JoinCompression, JoinOptions, LinkActor, LinkOptions, MeshActor, Metres, Network, PeerActor, PlacementActor, PlacementOptions,
  PlacementTag, Prop, QueueOptions, RoamOptions, ShownActor, SpawnOptions, Story, SubdivideOptions, SubscribeOptions, Thing, ToolName,
} from './cluster/vocabulary.ts'
export { type Translator, TRANSLATORS } from './cluster/translators.ts'
export type { BurstName } from '../sim/net/bursts.ts'
export { PRESET_NAMES, type PresetName } from '../sim/net/presets.ts'
export type { TraceName } from '../sim/net/synthetic-traces.ts'
export type { Seed } from '../sim/choice.ts'
export type { RandomStream } from '../sim/random.ts'
export { COUNTERS, type CounterName } from '../reports/counters.ts'
export { MARKS, type MarkName } from './scenario.ts'
