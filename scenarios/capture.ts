/**
 * A run as other tools read it: its packets for Wireshark, what its QUIC connections tell of themselves for qvis. Done by running it
 * again, with packets that others can decrypt; nothing that the trace knows depends on that. A packet is captured where it leaves: lost
 * ones are there, with a comment, and those that were damaged on their way are whole.
 */
import { fatesOf } from '../reports/fates.ts'
import { ipv4Packet } from '../reports/ipv4packet.ts'
import { keyLogText } from '../reports/keylog.ts'
import { type CapturedPacket, type CaptureInterface, LinkType, pcapng } from '../reports/pcapng.ts'
import { qlogText } from '../reports/qlog.ts'
import { upperPdu } from '../reports/upperpdu.ts'
import { describe } from '../sim/net/datagram.ts'
import { dottedIpv4, ipv4Of } from '../sim/net/ipv4.ts'
import { firstDestination } from '../sim/quic/names.ts'
import { hexOf } from '../sim/octets.ts'
import { prepare } from './cluster/prepare.ts'
import { Recorder } from './cluster/recorder.ts'
import { runOnce, type RunOutcome } from './cluster/run.ts'
import type { SimulateOptions } from './options.ts'
import type { Scenario } from './scenario.ts'
import { settingsOf } from './settings.ts'
import { SignallingReader } from './signalling.ts'

export interface CaptureOptions extends SimulateOptions {
  readonly pcap: boolean
  readonly qlog: boolean
  /** How many are kept, instead of 200,000 packets and 250,000 events. */
  readonly packetsMax?: number
  readonly eventsMax?: number
}

/** What was captured; `leftOut` packets or events came after the bound was reached. */
export interface Captured {
  /** Of the run that was captured: it must be that of the run without. */
  readonly traceDigest: string
  /** `inside` of the file's packets stand beside those that carry them, and show what nobody could decrypt or read there. */
  readonly pcap?: { readonly file: Uint8Array; readonly packets: number; readonly inside: number; readonly leftOut: number }
  /** Of so many ends of connections. */
  readonly qlog?: { readonly file: string; readonly ends: number; readonly leftOut: number }
}

/** @throws {OptionError} where the options cannot be met. */
export async function capture(scenario: Scenario, { pcap, qlog, packetsMax, eventsMax, ...options }: CaptureOptions): Promise<Captured> {
  const settings = settingsOf(scenario, options)
  const recorder = new Recorder({
    datagrams: pcap, events: qlog,
    ...(packetsMax !== undefined && { datagramsMax: packetsMax }), ...(eventsMax !== undefined && { eventsMax }),
  })
  let nodeOf = (address: number): number => address
  const outcome = await runOnce(scenario, {
    ...settings, recorder,
    onEnd: ({ internet }) => {
      nodeOf = (address) => internet.nodeOf(address)
    },
  }, await prepare())
  // Each of these takes a second or two at its bound: whoever watches this thread is not to think that it loops.
  const beat = (): void => settings.onProgress?.(settings.frames, settings.frames)
  beat()
  const packets = pcap && { pcap: pcapOf(recorder, outcome, nodeOf) }
  beat()
  const events = qlog && { qlog: qlogOf(recorder, outcome, `${scenario.name}, seed ${settings.seed}`) }
  return { traceDigest: outcome.trace.digest, ...packets, ...events }
}

function pcapOf(recorder: Recorder, outcome: RunOutcome, nodeOf: (address: number) => number): NonNullable<Captured['pcap']> {
  const { datagrams, datagramsLeftOut, ends } = recorder
  const fates = fatesOf(outcome.records)
  const addresses = new Set([...datagrams.map(({ datagram }) => (datagram.via ?? datagram).from), ...datagramsLeftOut.keys()])
  const nodes = [...new Set([...addresses].map(nodeOf))].sort((a, b) => a - b)
  const interfaces = nodes.map((node): CaptureInterface => ({
    name: nameOf(node, outcome), linkType: LinkType.ip,
    ipv4: [...addresses].filter((address) => nodeOf(address) === node).sort((a, b) => a - b).map(ipv4Of),
    leftOut: sum([...datagramsLeftOut].filter(([address]) => nodeOf(address) === node).map(([, count]) => count)),
  }))
  /** Where one shows what travels inside others; made when there is something to show. */
  const inside = (node: number, what: string, linkType: CaptureInterface['linkType']): number => {
    const name = `${nameOf(node, outcome)} ${what}`
    const known = interfaces.findIndex((one) => one.name === name)
    return known >= 0 ? known : interfaces.push({ name, linkType, ipv4: [] }) - 1
  }
  const signalling = new SignallingReader()
  const packets: CapturedPacket[] = []
  for (const { atUs, datagram, sctp } of datagrams) {
    const { id, from, fromPort, to, toPort, ecn, bytes, label } = datagram
    const became = fates.get(id) ?? []
    const [source, destination] = [ipv4Of(from), ipv4Of(to)]
    const node = nodeOf((datagram.via ?? datagram).from)
    packets.push({
      atUs, interface: nodes.indexOf(node), comments: [`datagram ${id}: ${describe(label)}`, ...became],
      bytes: ipv4Packet({ from: { ipv4: source, port: fromPort }, to: { ipv4: destination, port: toPort }, ecn, payload: bytes }),
    })
    // As readers number packets: from 1.
    const comments = [`inside packet ${packets.length}: ${describe(label)}`, ...became]
    if (sctp !== undefined) packets.push({ atUs, interface: inside(node, 'inside DTLS', LinkType.sctp), bytes: sctp, comments })
    for (const text of signalling.messages(datagram)) {
      const json = upperPdu('json', source, destination, text)
      packets.push({ atUs, interface: inside(node, 'inside signalling', LinkType.upperPdu), bytes: json, comments })
    }
  }
  const file = pcapng({ interfaces, packets, keyLog: keyLogText(ends.flatMap(({ end }) => end.keyLog)) })
  return { file, packets: datagrams.length, inside: packets.length - datagrams.length, leftOut: sum([...datagramsLeftOut.values()]) }
}

function qlogOf({ ends, eventsLeftOut: leftOut }: Recorder, outcome: RunOutcome, title: string): NonNullable<Captured['qlog']> {
  const file = qlogText({
    title, description: leftOut === 0 ? outcome.verdict : `${outcome.verdict}; ${leftOut} events after these are left out`,
    vantagePoints: ends.map(({ node, end, events }) => ({
      name: nameOf(node, outcome), type: end.identity.isInitiator ? 'client' : 'server',
      originalDestinationId: hexOf(firstDestination(end.identity.number)), events,
    })),
    ipOf: dottedIpv4,
  })
  return { file, ends: ends.filter(({ events }) => events.length > 0).length, leftOut }
}

/** Those that are no peer have no name. */
const nameOf = (node: number, { info }: RunOutcome): string => info.nodes.find(({ id }) => id === node)?.name ?? `node ${node}`

const sum = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0)
