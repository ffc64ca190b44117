/** The commit that is checked out, or one line that says why there is none. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it, vi } from 'vitest'
import { checkedOutCommit } from '../../platform/commit.ts'

const folder = mkdtempSync(join(tmpdir(), 'theta-commit-'))
afterAll(() => rmSync(folder, { recursive: true }))
const git = (...argv: string[]): string => execFileSync('git', argv, { cwd: folder, encoding: 'utf8' })

it('is told where there is one, and its absence explained', () => {
  vi.stubEnv('GIT_CEILING_DIRECTORIES', tmpdir())
  expect(() => checkedOutCommit(folder)).toThrow('this is no git repository')
  git('init', '--quiet')
  expect(() => checkedOutCommit(folder)).toThrow('git names no commit')
  git('-c', 'user.name=a', '-c', 'user.email=a@b.c', 'commit', '--quiet', '--allow-empty', '-m', 'one')
  expect(checkedOutCommit(folder)).toMatch(/^[0-9a-f]{40}$/)
  expect(checkedOutCommit(folder)).toBe(git('log', '-1', '--format=%H').trim())
  vi.stubEnv('PATH', folder)
  expect(() => checkedOutCommit(folder)).toThrow('there is no git')
  vi.unstubAllEnvs()
})
