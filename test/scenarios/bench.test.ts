import { expect, test } from 'vitest'
import { messages } from '../../scenarios/bench/messages.ts'
import { MessageType } from '../../system/protocol/messages.ts'

test('the bench of messages measures every one of the catalogue', async () => {
  let ms = 0
  const lines = await messages(() => ms++)
  for (const name of Object.keys(MessageType)) expect(lines.some((line) => line.startsWith(name)), name).toBe(true)
})
