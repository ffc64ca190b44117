/**
 * What a story says, checked: TypeScript's types are gone when it runs, and a slip must not pass for a fault that never
 * strikes or for an expectation that is always met. The first argument of each names the value as the story does.
 */

/** @throws {TypeError | RangeError} where it is no object, or has a field of another name. */
export function fieldsOf(what: string, value: unknown, names: readonly string[]): void {
  const known = names.join(', ')
  if (typeof value !== 'object' || value === null) throw new TypeError(`${what}: expected an object with ${known}, got ${String(value)}`)
  const stranger = Object.keys(value).find((name) => !names.includes(name))
  if (stranger !== undefined) throw new RangeError(`${what}: there is no '${stranger}', only ${known}`)
}

/** @throws {RangeError} */
export function oneOf<Name extends string>(what: string, value: Name, names: readonly Name[]): Name {
  if (!names.includes(value)) throw new RangeError(`${what}: expected one of ${names.join(', ')}, got ${value}`)
  return value
}

/** @throws {RangeError} where it is no number of [least, most]. */
export function within(what: string, value: number, least: number, most: number): number {
  if (typeof value !== 'number' || !(value >= least && value <= most)) {
    throw new RangeError(`${what}: expected ${most === Infinity ? `at least ${least}` : `${least} to ${most}`}, got ${String(value)}`)
  }
  return value
}

/** @throws {RangeError} where it is no whole number of at least 0. */
export function whole(what: string, value: number): number {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${what}: expected a whole number, got ${String(value)}`)
  return value
}

/** @throws {RangeError} where it is no [least, most]. */
export function rangeOf(what: string, value: readonly [least: number, most: number]): readonly [least: number, most: number] {
  if (!Array.isArray(value) || value.length !== 2 || !(value[0] >= 0 && value[1] >= value[0])) {
    throw new RangeError(`${what}: expected [least, most], got ${JSON.stringify(value)}`)
  }
  return value
}

/** @throws {TypeError} where it is no Uint8Array. */
export function bytesIn(what: string, value: Uint8Array): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new TypeError(`${what}: expected a Uint8Array, got ${String(value)}`)
  return value
}
