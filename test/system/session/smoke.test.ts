import { beforeAll, expect, it } from 'vitest'
import { disagreement, Loopback, prepare } from '../../support/loopback.ts'
beforeAll(prepare)
it('smoke', () => {
  const loopback = new Loopback()
  loopback.host.intend({ kind: 'spawn', x: 0, y: 5000, z: 0, hx: 100, hy: 100, hz: 100, body: { shape: 'box', massGrams: 1000, restitution: 30 } })
  const [ana, ben] = loopback.joined('ana', 'ben')
  console.log(ana.peer.state, ben.peer.state, ana.peer.confirmedFrame, loopback.frame)
  ana.intend({ kind: 'spawn', x: 1, y: 2, z: 3, hx: 1, hy: 1, hz: 1 })
  ben.intend({ kind: 'toolActivate', tool: 2 })
  loopback.run(60)
  loopback.settle()
  expect(disagreement(loopback)).toBeUndefined()
  console.log(ana.events.filter(({event}) => !event.event.startsWith('message') && event.event !== 'frameConfirmed').map(({event}) => event).slice(0, 40), loopback.host.peer.world.rowCount)
})
