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
  Actor, BodyOptions, DragOptions, HandActor, HostActor, HostileActor, HostMessage, JoinOptions, LinkActor, LinkOptions,
  MeshActor, Metres, Network, PeerActor, PlacementActor, PlacementOptions, Prop, ShownActor, SpawnOptions, Story, SubdivideOptions, Thing,
} from './cluster/vocabulary.ts'
export { COUNTERS, type CounterName } from '../reports/counters.ts'
export { MARKS, type MarkName } from './scenario.ts'
