import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concatenate } from '../../../system/protocol/bytes.ts'
import { RecordReader, sealRecord } from '../../../system/storage/records.ts'

const MARK = Uint8Array.of(9, 8, 7, 6, 5, 4, 3, 2)
const payloads = fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 6 })
const fileOf = (list: readonly Uint8Array[], mark = MARK) => concatenate(list.map((payload, index) => sealRecord(mark, index, 2, payload)))
const read = (bytes: Uint8Array) => new RecordReader(bytes).read()
const recordsOf = (list: readonly Uint8Array[]) => list.map((payload) => ({ kind: 2, payload }))

describe('a file of records', () => {
  it('R-DISK-3 gives back what was written', () => {
    fc.assert(fc.property(payloads, (list) => {
      expect(read(fileOf(list))).toEqual({ kind: 'read', records: recordsOf(list), tornBytes: 0 })
    }))
  })

  it('R-DISK-3 is cut after its last whole record, wherever its last write was torn, with zeros behind or nothing', () => {
    fc.assert(fc.property(payloads, fc.nat(), fc.boolean(), (list, at, hasZeros) => {
      const whole = fileOf(list.slice(0, -1))
      const last = sealRecord(MARK, list.length - 1, 2, list.at(-1)!)
      const torn = last.slice(0, at % last.length)
      const file = concatenate([whole, torn, new Uint8Array(hasZeros ? last.length - torn.length : 0)])
      const found = read(file)
      // Where all that is missing was zeros, nothing is.
      if (hasZeros && file.every((byte, index) => byte === fileOf(list)[index])) return
      expect(found).toEqual({ kind: 'read', records: recordsOf(list.slice(0, -1)), tornBytes: file.length - whole.length })
    }))
  })

  it('R-DISK-3 is refused where something before a whole record is damaged', () => {
    fc.assert(fc.property(payloads.filter(({ length }) => length > 1), fc.nat(), fc.integer({ min: 1, max: 255 }), (list, at, flip) => {
      const first = sealRecord(MARK, 0, 2, list[0])
      const file = fileOf(list)
      // Not the mark itself: without it nothing in the file is known for a record.
      file[MARK.length + (at % (first.length - MARK.length))] ^= flip
      expect(read(file)).toEqual({ kind: 'damaged', at: 0 })
    }))
  })

  it('R-DISK-3 is not deceived by a payload that looks like records of another file', () => {
    const inner = fileOf([Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(3)], Uint8Array.of(1, 1, 1, 1, 1, 1, 1, 1))
    const torn = sealRecord(MARK, 1, 2, concatenate([inner, inner])).slice(0, -1)
    const found = read(concatenate([fileOf([Uint8Array.of(5)]), torn]))
    expect(found).toEqual({ kind: 'read', records: recordsOf([Uint8Array.of(5)]), tornBytes: torn.length })
  })
})
