/** What `import ... from 'theta-sim'` gives: to write a scenario, and to run one. */
export { FRAMES_MAX, type MustHappen, type Scenario, scenario, type ScenarioSettings } from './scenario.ts'
export { OptionError, type RunHeader, type RunResult, simulate, type SimulateOptions } from './simulate.ts'
export { CATALOGUE, type CatalogueEntry } from './catalogue.ts'
export { type ParsedPlan, parsePlan, type Plan } from '../sim/plan.ts'
export type {
  Actor, BodyOptions, HandActor, HostActor, JoinOptions, LinkActor, LinkOptions, Metres, Network, PeerActor, PlacementActor,
  PlacementOptions, Prop, SpawnOptions, Story, Thing,
} from './cluster/vocabulary.ts'
export { COUNTERS, type CounterName } from '../reports/counters.ts'
