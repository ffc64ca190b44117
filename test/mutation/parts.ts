/** The parts of `system/` that are mutated: what decides who may do what, and what everybody must agree on. */

const PARTS_BY_FOLDER: Readonly<Record<string, readonly string[]>> = {
  assets: ['courier', 'depot', 'incoming', 'library', 'outgoing', 'tokens'],
  commands: ['admission', 'fold', 'log', 'pipeline', 'registry', 'signer'],
  ecs: ['canonical', 'overlay', 'table', 'world'],
  placement: ['apply', 'plan', 'session'],
  replication: ['budget', 'changes', 'delta', 'frames', 'leap', 'publication', 'replica', 'snapshot'],
  security: ['equivocation', 'groupkeys', 'nonces', 'tokenbucket'],
  session: [
    'client', 'closing', 'conduct', 'correction', 'desk', 'gate', 'handover', 'heartbeat', 'host', 'permissions', 'prediction', 'reception',
    'relocation', 'roster', 'sealing',
  ],
}

/** From the root. */
export const PARTS = Object.entries(PARTS_BY_FOLDER).flatMap(([folder, names]) => names.map((name) => `system/${folder}/${name}.ts`))
