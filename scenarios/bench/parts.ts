/**
 * The bare parts of a run: the work that nobody could leave out, each done as plainly as it can be and as often as the run
 * did it, with nothing around it. What a run takes beyond their sum is the price of the rest: transports, sessions, the
 * log, placements, the checkers, the trace.
 */
import { nodeSigner, nodeVerifier } from '../../platform/ed25519.ts'
import { admissibleKey, smallOrder } from '../../system/commands/signature.ts'
import { hashRow } from '../../system/ecs/rowhash.ts'
import { HASH64_ZERO } from '../../system/ids.ts'
import { PHYSICS_HZ } from '../../system/limits.ts'
import type { Rapier } from '../../system/physics/physics.ts'
import { Codec } from '../../system/protocol/codec.ts'
import { crc32 } from '../../system/protocol/crc32.ts'
import type { Message } from '../../system/protocol/messages.ts'
import type { Wiretap } from '../cluster/wiretap.ts'
import { keyFromSeed } from '../keys.ts'

/** How often a run did what. */
export interface Workload {
  readonly events: number
  /** Of every datagram that was sent. */
  readonly datagramBytes: readonly number[]
  /** Envelopes as they reached a peer. */
  readonly messages: readonly Uint8Array[]
  /** Of the world, each time that its digest was taken. */
  readonly digestedBytes: readonly number[]
  readonly bodies: number
  readonly physicsSteps: number
  readonly xrFrames: number
  readonly commands: number
}

/** Bytes of what is signed for a command. */
const SIGNED_BYTES = 100

/** Each datagram is copied once, and summed by its sender and by its receiver. */
export function datagrams({ datagramBytes }: Workload): () => void {
  const source = Uint8Array.from({ length: Math.max(0, ...datagramBytes) }, (_, i) => (i * 37) & 0xff)
  return () => {
    for (const bytes of datagramBytes) {
      const copy = source.slice(0, bytes)
      crc32(copy)
      crc32(copy)
    }
  }
}

/** The run's own messages: each that arrived is decoded, each that differs from all others is encoded (a broadcast is, once). */
export function codec({ messages }: Workload, tap: Wiretap): () => void {
  const coder = new Codec()
  const distinct = new Map<string, Message>()
  const bodies = messages.flatMap((bytes) => tap.bodyOf(bytes) ?? [])
  for (const { type, body } of bodies) {
    const decoded = coder.decode(type, body)
    if (decoded.kind === 'message') distinct.set(`${type} ${Buffer.from(body).toString('latin1')}`, decoded.message)
  }
  const toEncode = [...distinct.values()]
  return () => {
    for (const message of toEncode) coder.encode(message)
    for (const { type, body } of bodies) coder.decode(type, body)
  }
}

/** The row hash over as many bytes as the world had, each time that its digest was taken. */
export function digests({ digestedBytes }: Workload): () => void {
  const view = new DataView(new ArrayBuffer(Math.max(0, ...digestedBytes)))
  const hashes = new Uint32Array(2)
  return () => {
    for (const bytes of digestedBytes) hashRow(HASH64_ZERO, 0, view, 0, bytes, hashes, 0)
  }
}

/** As many bodies in two stacks, falling; the world is made anew each time, outside of what is measured. */
export function physics({ bodies, physicsSteps }: Workload, rapier: Rapier): { begin(): void; run(): void; end(): void } {
  let world: InstanceType<Rapier['World']> | undefined
  return {
    begin() {
      world = new rapier.World({ x: 0, y: -9.81, z: 0 })
      world.timestep = 1 / PHYSICS_HZ
      world.createCollider(new rapier.ColliderDesc(new rapier.HalfSpace({ x: 0, y: 1, z: 0 })))
      for (let i = 0; i < bodies; i++) {
        const body = world.createRigidBody(rapier.RigidBodyDesc.dynamic().setTranslation(i % 2 === 0 ? -4 : 4, 0.5 + 0.45 * (i >> 1), -3))
        world.createCollider(i % 2 === 0 ? rapier.ColliderDesc.cuboid(0.15, 0.15, 0.15) : rapier.ColliderDesc.ball(0.15), body)
      }
    },
    run() {
      for (let step = 0; step < physicsSteps; step++) world!.step()
    },
    end() {
      world!.free()
    },
  }
}

/** Each command signed once, and of the key's signatures the first verified, by node:crypto with Theta's rule for points. */
export function signatures({ commands }: Workload): () => void {
  const signer = nodeSigner(keyFromSeed('bench', 'bare'))
  const verifier = nodeVerifier({ admissibleKey, smallOrder })
  const message = new Uint8Array(SIGNED_BYTES)
  return () => {
    for (let i = 0; i < commands; i++) {
      message[0] = i
      const signature = signer.sign(message)
      if (i === 0) verifier.verify(signature, message, signer.publicKey)
    }
  }
}
