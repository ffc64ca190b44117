/** The attackers' story: what honest members end with is what their own entries make, and nothing else. */
import { describe, expect, it } from 'vitest'
import type { Bed, Canary } from '../../scenarios/canaries/canary.ts'
import type { Cluster } from '../../scenarios/cluster/cluster.ts'
import { COMPONENTS } from '../../system/ecs/components.ts'
import type { World } from '../../system/ecs/world.ts'
import { EquivocationProofs } from '../../system/security/equivocation.ts'
import { Conduct } from '../../system/session/conduct.ts'
import { Seats } from '../../system/session/seats.ts'
import { OutputQueue } from '../../system/session/peer.ts'
import { newLog } from '../system/commands/entries.ts'
import { runInside, storyOf } from '../support/runs.ts'

const STORY = storyOf('attacker')
const ATTACKERS = ['eve', 'mal']

/** Rows of the log's part of a world, without those of one entity. */
const rowsOf = (world: World, without: number): string[] =>
  [...world.rows()].filter(({ entity, component }) => component.source === 'log' && entity !== without)
    .map(({ entity, component, bytes }) => `${component.name} ${entity} ${Buffer.from(bytes).toString('hex')}`)

/** What the host's world is, and what it would be had its attackers signed nothing, at the end. */
function ends({ host, clients }: Cluster): { readonly is: string[]; readonly withoutThem: string[]; readonly theirs: number } {
  const attackers = clients.filter(({ name }) => ATTACKERS.includes(name)).map(({ peer }) => peer.author)
  const admitted = host.peer.log.entriesSince(0)
  const honest = admitted.filter(({ author }) => !attackers.includes(author))
  const again = newLog()
  again.take(...honest)
  again.log.closeUpTo(host.peer.log.position.closedLamport, 0)
  // The one thing that eve was free to touch: the fifth that the host made.
  const decoy = host.peer.world.entities(COMPONENTS.find(({ name }) => name === 'theta.Entity')!)[4]
  return { is: rowsOf(host.peer.world, decoy), withoutThem: rowsOf(again.world, decoy), theirs: admitted.length - honest.length }
}

describe('attackers', () => {
  it.each([1, 2, 3, 4, 5, 6])('R-SEC-7 leave the log\'s rows as honest entries alone make them: seed %i', async (seed) => {
    let end: ReturnType<typeof ends> | undefined
    const { verdict } = await runInside(STORY, { seed, onEnd: (cluster) => { end = ends(cluster) } })
    expect(verdict).toBe('converged')
    expect(end!.theirs).toBeGreaterThan(3)
    expect(end!.is.length).toBeGreaterThan(20)
    expect(end!.is).toEqual(end!.withoutThem)
  })

  const failureWith = async (plant: (bed: Bed) => void) => {
    const canary: Canary = { name: 'planted', area: 'log', about: '', stories: [], shows: [], plant }
    return (await runInside(STORY, { seed: 1, canary })).info.failures[0]
  }
  it('R-SEC-7 a host that keeps too much is found out', async () => {
    const failure = await failureWith((bed) =>
      bed.wrap(EquivocationProofs.prototype, 'keep', () => function (this: EquivocationProofs) {
        Object.defineProperty(this, 'size', { value: 65, configurable: true })
      }))
    expect(failure).toMatchObject({ check: 'security', details: { field: 'proofs' } })
    const strangers = await failureWith((bed) => bed.set(Seats.prototype, 'strangers' as never, 129 as never))
    expect(strangers).toMatchObject({ check: 'security', details: { field: 'strangers' } })
  })
  it('R-SEC-2 a host that disconnects who is honest is found out', async () => {
    const failure = await failureWith((bed) => bed.wrap(Conduct.prototype, 'takeOver', (takeOver) => {
      let calls = 0
      return function (this: Conduct) {
        return takeOver.call(this) || ++calls % 200 === 0
      }
    }))
    expect(failure).toMatchObject({ check: 'security', message: expect.stringMatching(/^the host disconnected author \d, who is honest/) })
  })
  it('R-SEC-5 an accusation that proves nothing is found out', async () => {
    const failure = await failureWith((bed) => bed.wrap(OutputQueue.prototype, 'push', (push) => function (this: OutputQueue, output) {
      const isProof = output.kind === 'event' && output.event.event === 'equivocation'
      push.call(this, isProof ? { kind: 'event', event: { ...output.event, second: output.event.first } } : output)
    }))
    expect(failure).toMatchObject({ check: 'security', message: expect.stringMatching(/accused of equivocation/) })
  })
})
