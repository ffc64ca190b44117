/**
 * A user's scenario file becomes one JavaScript module: TypeScript removed, what it imports drawn in, `theta-sim`
 * pointed at the package that is running. Stack traces keep naming the user's own lines.
 */
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { type BuildFailure, type BuildResult, build } from 'esbuild'
import { digestOfFiles } from './digests.ts'
import { temporaryFolder } from './files.ts'

/** The file is no scenario that can be run; the message is one line that says where and why. */
export class ScenarioFileError extends Error {
  override readonly name = 'ScenarioFileError'
}

export interface ScenarioBundle {
  /** The module to import, a `file:` address. */
  readonly module: string
  /** SHA-256 over the package's digest and the contents of all files drawn in, named as seen from the scenario's folder. */
  readonly digest: string
  /**
   * Where in the user's own files an error arose, as `file:line:column`. Wants source maps switched on where the module
   * was loaded (`process.setSourceMapsEnabled`).
   */
  placeOfError(stack: string): string | undefined
  /** Deletes the module. Call it once the module has been imported or is not wanted. */
  remove(): void
}

/**
 * @param path of a .ts, .mts, .js or .mjs file.
 * @param packageIndex the address that `import ... from 'theta-sim'` gets.
 * @param packageDigest of the code behind that address.
 * @throws {ScenarioFileError} when the file is missing, has a syntax error or imports something that is not there.
 */
export async function bundleScenario(path: string, packageIndex: URL, packageDigest: string): Promise<ScenarioBundle> {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) throw new ScenarioFileError(`${path} is not a file`)
  const folder = dirname(path)
  // Sources in a source map are relative to the module, and links in the temporary folder's path would break them.
  const output = temporaryFolder('theta-sim-')
  try {
    const result = await bundle(path, folder, join(output.path, 'scenario.mjs'), packageIndex)
    const module = result.outputFiles![0]
    writeFileSync(module.path, module.contents)
    const inputs = Object.keys(result.metafile!.inputs)
    const contents = inputs.map((name): [string, string | Uint8Array] => [name, readFileSync(join(folder, name))])
    const digest = digestOfFiles(new Map([['theta-sim', packageDigest], ...contents]))
    const own = new Set(inputs.filter((name) => !name.includes('node_modules/')).map((name) => join(folder, name)))
    return { module: pathToFileURL(module.path).href, digest, placeOfError: (stack) => placeIn(own, stack), remove: output.remove }
  } catch (error) {
    output.remove()
    throw isBuildFailure(error) ? new ScenarioFileError(describeFailure(error, path)) : error
  }
}

/** The first line of a stack that lies in one of `files`, as `file:line:column`. */
function placeIn(files: ReadonlySet<string>, stack: string): string | undefined {
  for (const [, address, position] of stack.matchAll(/^\s+at .*?\(?((?:file:\/\/)?\/[^()]+?)(:\d+:\d+)\)?$/gm)) {
    const path = address.startsWith('file:') ? fileURLToPath(address) : address
    if (files.has(path)) return `${path}${position}`
  }
  return undefined
}

function bundle(path: string, folder: string, outfile: string, packageIndex: URL): Promise<BuildResult> {
  return build({
    entryPoints: [basename(path)],
    absWorkingDir: folder,
    outfile,
    bundle: true,
    write: false,
    metafile: true,
    sourcemap: 'inline',
    sourcesContent: false,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    logLevel: 'silent',
    plugins: [{
      name: 'theta-sim',
      setup: (setup) => { setup.onResolve({ filter: /^theta-sim$/ }, () => ({ path: packageIndex.href, external: true })) },
    }],
  })
}

function isBuildFailure(error: unknown): error is BuildFailure {
  return error instanceof Error && Array.isArray((error as Partial<BuildFailure>).errors)
}

function describeFailure(failure: BuildFailure, path: string): string {
  const first = failure.errors[0]
  const place = first?.location
  if (first === undefined) return `${path}: ${failure.message}`
  const where = place === null ? path : `${join(dirname(path), place.file)}:${place.line}:${place.column + 1}`
  return `${where}: ${first.text}`
}
