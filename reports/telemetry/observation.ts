/** What was measured of a run from within: samples of every node's metrics over virtual time, and how they stood at the end. */

export interface ObservedNode {
  readonly name: string
  /** 'host', 'quic' or 'webrtc'. */
  readonly over: string
}

/** One metric of one node at one instant. */
export interface Sample {
  readonly atUs: number
  readonly node: string
  readonly metric: string
  readonly value: number
}

export interface HistogramNumbers {
  readonly count: number
  readonly sum: number
  readonly max: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
}

/** Metrics of one node at the end, by name. */
export interface NodeMetrics extends ObservedNode {
  readonly counters: Readonly<Record<string, number>>
  readonly gauges: Readonly<Record<string, number>>
  readonly histograms: Readonly<Record<string, HistogramNumbers>>
}

/** A packet that a node's mirror kept. */
export interface Packet {
  readonly atUs: number
  readonly node: string
  readonly way: 'sent' | 'received'
  readonly peer: number
  readonly channel: number
  /** Hexadecimal. */
  readonly bytes: string
}

/** Something that took time. */
export interface Span {
  /** 32 hexadecimal digits; spans of one command share it. */
  readonly trace: string
  /** 16 hexadecimal digits. */
  readonly id: string
  /** Empty for the first of a trace. */
  readonly parent: string
  readonly node: string
  readonly name: string
  readonly fromUs: number
  readonly toUs: number
  readonly attributes: Readonly<Record<string, string | number>>
}

export interface Observation {
  readonly scenario: string
  readonly seed: string | number
  readonly everyUs: number
  readonly samples: readonly Sample[]
  readonly nodes: readonly NodeMetrics[]
  readonly spans: readonly Span[]
  readonly packets: readonly Packet[]
  /** What each metric means, by name. */
  readonly about: Readonly<Record<string, string>>
}

/** A histogram's numbers as metrics of their own: `command.latencyUs.p99`. */
export const histogramSamples = (histograms: NodeMetrics['histograms']): [string, number][] =>
  Object.entries(histograms).flatMap(([name, { count, p50, p99, max }]): [string, number][] =>
    [[`${name}.count`, count], [`${name}.p50`, p50], [`${name}.p99`, p99], [`${name}.max`, max]])
