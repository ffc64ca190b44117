import { describe, expect, it } from 'vitest'
import { Compression, savedShare } from '../../reports/compression.ts'
import type { MessageSent } from '../../reports/input.ts'

const sent = (message: string, bytes: number, more: Partial<MessageSent> = {}): MessageSent =>
  ({ event: 'messageSent', message, channel: 'control', bytes, peer: 1, ...more })

describe('compression', () => {
  it('is told by message and by size of the body, losses included', () => {
    const told = new Compression()
    told.sent(sent('Heartbeat', 70))
    told.sent(sent('Heartbeat', 70, { packing: 'bypassed', plainBytes: 70 }))
    told.sent(sent('ComponentDelta', 100, { packing: 'compressed', plainBytes: 24 + 128 }))
    told.sent(sent('ComponentDelta', 90, { packing: 'compressed', plainBytes: 24 + 255 }))
    told.sent(sent('ComponentDelta', 24 + 127, { packing: 'grown', plainBytes: 24 + 127 }))
    told.sent(sent('ComponentDelta', 500, { packing: 'compressed', plainBytes: 24 + 4096 }))
    const none = { compressed: 0, bypassed: 0, grown: 0 }
    expect(told.rows()).toEqual([
      { ...none, message: 'ComponentDelta', bodyBytes: '64 to 127', count: 1, grown: 1, plainBytes: 151, bytes: 151 },
      { ...none, message: 'ComponentDelta', bodyBytes: '128 to 255', count: 2, compressed: 2, plainBytes: 431, bytes: 190 },
      { ...none, message: 'ComponentDelta', bodyBytes: '4096 and more', count: 1, compressed: 1, plainBytes: 4120, bytes: 500 },
      { ...none, message: 'Heartbeat', bodyBytes: '0 to 63', count: 1, bypassed: 1, plainBytes: 70, bytes: 70 },
    ])
  })

  it('is told in tenths of a percent, never rounded up', () => {
    expect(savedShare({ plainBytes: 431, bytes: 190 })).toBe('55.9%')
    expect(savedShare({ plainBytes: 1000, bytes: 501 })).toBe('49.9%')
    expect(savedShare({ plainBytes: 3, bytes: 3 })).toBe('0.0%')
    expect(savedShare({ plainBytes: 0, bytes: 0 })).toBe('0.0%')
  })
})
