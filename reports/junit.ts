/**
 * JUnit XML of a sweep, for the pages on which CI shows tests: a suite a scenario, a failing case a red seed, and one
 * passing case for the green ones of each block of seeds that stand side by side.
 */
import { againCommand, seedAt } from './sweep-plan.ts'
import type { FailureGroup, RedRun, SeedBlock, SweepSummary } from './sweep.ts'

interface Case {
  readonly outcome: 'passed' | 'failed' | 'skipped'
  readonly name: string
  /** What stands within, in XML. */
  readonly inner: string
}

export function junitXml(summary: SweepSummary): string {
  const suites = summary.plan.scenarios.map((name, scenario) => ({ name, cases: casesOf(summary, scenario) }))
  const missed = summary.neverReached.map((name): Case => ({ outcome: 'failed', name, inner: '<failure message="never reached"/>' }))
  if (missed.length > 0) suites.push({ name: 'rare states', cases: missed })
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="theta-sim sweep" ${counts(suites.flatMap(({ cases }) => cases))}>`,
    ...suites.flatMap(({ name, cases }) => [
      `  <testsuite name="${escaped(name)}" ${counts(cases)}>`,
      ...cases.map((one) => `    <testcase classname="${escaped(name)}" name="${escaped(one.name)}">${one.inner}</testcase>`),
      '  </testsuite>',
    ]),
    '</testsuites>', '',
  ].join('\n')
}

function casesOf(summary: SweepSummary, scenario: number): Case[] {
  const all = summary.failures.flatMap(({ kind, runs }) => runs.map((run) => ({ kind, run })))
  const failing = all.filter(({ run }) => run.scenario === scenario).sort((a, b) => a.run.number - b.run.number)
  return [
    ...failing.map(({ kind, run }) => failingCase(summary, kind, run)),
    ...summary.blocks.filter((block) => block.scenario === scenario).flatMap((block) => blockCases(summary, block)),
  ]
}

function failingCase({ plan }: SweepSummary, { exit, check, component, field }: FailureGroup['kind'], run: RedRun): Case {
  const type = [`exit ${exit}`, check, component, field].filter((part) => part !== '').join(' ')
  const again = `again: ${againCommand(plan, run)}`
  return {
    outcome: 'failed', name: `seed ${run.seed}`,
    inner: `<failure type="${escaped(type)}" message="${escaped(run.verdict)}">${escaped(again)}</failure>`,
  }
}

function blockCases({ plan }: SweepSummary, { firstIndex, planned, done, red }: SeedBlock): Case[] {
  const [first, last] = [seedAt(plan, firstIndex), seedAt(plan, firstIndex + planned - 1)]
  const seeds = `seeds ${first}..${last}${plan.shard.of === 1 ? '' : ` by ${plan.shard.of}`}`
  const green: Case = { outcome: 'passed', name: `${seeds}: ${done - red} green`, inner: '' }
  const inner = '<skipped message="the sweep ended before"/>'
  const missing: Case = { outcome: 'skipped', name: `${seeds}: ${planned - done} not run`, inner }
  return [...(done > red ? [green] : []), ...(done < planned ? [missing] : [])]
}

function counts(cases: readonly Case[]): string {
  const count = (outcome: Case['outcome']): number => cases.filter((one) => one.outcome === outcome).length
  return `tests="${cases.length}" failures="${count('failed')}" errors="0" skipped="${count('skipped')}"`
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', '\n': '&#10;', '\t': '&#9;', '\r': '&#13;',
}

/** A character that XML 1.0 (2.2) does not have, not even as a reference, is written as its code. */
function escaped(text: string): string {
  return text
    .replace(/[&<>"\n\t\r]/g, (character) => ENTITIES[character])
    .replace(/[\u0000-\u001F\uFFFE\uFFFF]|\p{Surrogate}/gu, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
