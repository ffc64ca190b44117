/** Which commit is checked out. */
import { execFileSync } from 'node:child_process'

/** There is no telling; the message is one line that says why. */
export class CommitError extends Error {
  override readonly name = 'CommitError'
}

/**
 * The hash of the commit that is checked out in a folder, in lower-case hexadecimal digits.
 * @throws {CommitError} without git, outside a repository, and in one that has no commit.
 */
export function checkedOutCommit(folder: string): string {
  try {
    const command = ['rev-parse', '--verify', 'HEAD']
    return execFileSync('git', command, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim()
  } catch (error) {
    const { code, stderr = '' } = error as NodeJS.ErrnoException & { stderr?: string }
    if (code === 'ENOENT') throw new CommitError('there is no git')
    throw new CommitError(/not a git repository/.test(stderr) ? 'this is no git repository' : 'git names no commit')
  }
}
