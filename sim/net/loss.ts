/** Loss behind the bottleneck: of single datagrams each for itself, an exact number of each block, or in bursts. */
import { chancePpm, odds, type Odds, PPM } from '../choice.ts'
import { possible } from './odds.ts'
import type { Crossing, Rule, RuleMaker } from './rule.ts'
import type { Loss } from './settings.ts'

const strikes = (of: Odds | undefined, { chooser, keyHi, keyLo }: Crossing): boolean =>
  of !== undefined && chooser.choose(of, keyHi, keyLo) !== 0

export const drop: RuleMaker = ({ dropPpm }) => {
  const dropped = possible('net.drop', dropPpm)
  return dropped && ((crossing) => (strikes(dropped, crossing) ? 'drop' : 'pass'))
}

export const loss: RuleMaker = ({ loss: model }) => {
  switch (model.kind) {
    case 'none': return undefined
    case 'perBlock': return perBlock(model)
    case 'gilbertElliott': return gilbertElliott(model)
  }
}

/**
 * Selection sampling (Knuth, The Art of Computer Programming, volume 2, section 3.4.2, algorithm S): of `left` datagrams to come,
 * `due` have to be lost, and this one is with due / left.
 */
function perBlock({ lost, block }: Extract<Loss, { readonly kind: 'perBlock' }>): Rule {
  /** By due, then left. */
  const known: Odds[] = []
  return (crossing) => {
    const { memory } = crossing.link
    if (memory.blockSeen >= block) memory.blockSeen = memory.blockLost = 0
    const left = block - memory.blockSeen++
    const due = Math.min(left, lost - memory.blockLost)
    if (due <= 0 || !strikes((known[due * (block + 1) + left] ??= odds('net.lossBlock', [left - due, due])), crossing)) return 'pass'
    memory.blockLost++
    return 'drop'
  }
}

/** As in netem: a datagram meets the state that its forerunner left, then moves it. Back to the good state is the benign way. */
function gilbertElliott({ pPpm, rPpm, goodLossPpm, badLossPpm }: Extract<Loss, { readonly kind: 'gilbertElliott' }>): Rule {
  const goodLoss = possible('net.lossGood', goodLossPpm)
  const badLoss = possible('net.lossBad', badLossPpm)
  const enterBad = possible('net.burstBegin', pPpm)
  const stayBad = chancePpm('net.burstStay', PPM - rPpm)
  return (crossing) => {
    const { memory } = crossing.link
    const isLost = strikes(memory.isBad ? badLoss : goodLoss, crossing)
    memory.isBad = strikes(memory.isBad ? stayBad : enterBad, crossing)
    return isLost ? 'drop' : 'pass'
  }
}
