/**
 * Words a layer must not know. The halves stay apart in their vocabulary too: a simulator that says `lamport`, or a
 * system that says `scenario`, has learnt something that it should have been told through a port.
 */
import { type Layer, type SourceFile, type SyntaxNode, complaint, layerOf, lineAt, walk } from './source.ts'

/** Theta's messages and ideas. `Heartbeat` is missing on purpose: SCTP (RFC 9260 3.3.5) has a chunk of that name. */
const THETA_WORDS = [
  'theta', 'sessionHello', 'sessionAcknowledge', 'sessionControl', 'worldSnapshot', 'componentDelta', 'commandLog',
  'inputPredictive', 'editorEvent', 'assetTransfer', 'telemetryReport', 'nackRequest', 'keyRoster', 'lamport', 'placement', 'gizmo',
]
const SIMULATOR_WORDS = ['simulator', 'scenario', 'tamper', 'oracle', 'webxrPolyfill', 'seedrandom', 'virtualTime', 'virtualClock']

const FORBIDDEN: Partial<Record<Layer, readonly string[]>> = { sim: THETA_WORDS, system: SIMULATOR_WORDS }

/** Identifiers and property names that contain a word of the other half, in whatever case. */
export function checkWords(files: readonly SourceFile[]): string[] {
  const complaints: string[] = []
  for (const file of files) {
    const layer = layerOf(file.path)
    const words = layer === undefined ? undefined : FORBIDDEN[layer]
    if (words === undefined) continue
    walk(file.body, (node) => {
      const name = identifierOf(node)
      const word = name === undefined ? undefined : words.find((one) => name.toLowerCase().includes(one.toLowerCase()))
      if (word === undefined) return
      complaints.push(complaint(file, lineAt(file.text, node.start), `'${name}' says '${word}', which ${layer}/ must not know`))
    })
  }
  return complaints
}

function identifierOf(node: SyntaxNode): string | undefined {
  return /^(Private)?Identifier$/.test(node.type) ? String(node.name) : undefined
}
