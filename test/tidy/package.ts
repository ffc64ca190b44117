/**
 * What the package's own files promise: a lock file that names no download address, and one exact version a dependency.
 */

/** @param lock the text of package-lock.json. */
export function checkLock(lock: string): string[] {
  return lock.split('\n').flatMap((line, index) =>
    /"resolved"\s*:/.test(line) ? [`package-lock.json:${index + 1}: names a download address; omit-lockfile-registry-resolved`] : [])
}

/** @param manifest the text of package.json. */
export function checkVersions(manifest: string): string[] {
  const { dependencies = {}, devDependencies = {} } = JSON.parse(manifest) as Record<string, Record<string, string>>
  return Object.entries({ ...dependencies, ...devDependencies })
    .filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
    .map(([name, version]) => `package.json:1: ${name} is '${version}'; name one exact version`)
}
