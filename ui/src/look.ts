// How a class looks: which shape, which colours, which word. Green is for what the server has confirmed and for
// nothing else; a pass from the local copy is ochre, one from before a restart is grey. Knows nothing of why a class was chosen.
import type { Row, Verdict } from './bindings';
import type { Key } from './words.svelte';

export type Tone = 'pass' | 'local' | 'past' | 'act' | 'done' | 'stop' | 'fault';

export type Figure = 'pass' | 'act' | 'done' | 'undone' | 'stop' | 'fault';

export interface Look {
  tone: Tone;
  figure: Figure;
  word: Key;
}

export function ofVerdict(verdict: Verdict): Look {
  if (verdict.class === 'pass' && verdict.before_restart) {
    return { tone: 'past', figure: 'done', word: PASSED[verdict.reason] ?? 'class.pass' };
  }
  const vouched = verdict.basis?.on === 'server' && !verdict.unsent;
  return look(verdict.class, verdict.reason, vouched);
}

export function ofRow(row: Row): Look {
  // Goods that the server does not count are no success, whatever the till said then.
  if (row.sync === 'case') return { tone: 'act', figure: 'act', word: 'class.act' };
  return look(row.class, row.reason, row.sync === 'settled');
}

function look(verdictClass: Row['class'], reason: string, vouched: boolean): Look {
  switch (verdictClass) {
    case 'pass':
      return { tone: vouched ? 'pass' : 'local', figure: 'pass', word: PASSED[reason] ?? 'class.pass' };
    case 'done':
      return reason === 'undone' || reason === 'undone_before'
        ? { tone: 'done', figure: 'undone', word: 'class.undone' }
        : { tone: 'done', figure: 'done', word: 'class.done' };
    case 'act':
      return { tone: 'act', figure: 'act', word: 'class.act' };
    case 'stop':
      return { tone: 'stop', figure: 'stop', word: NO_UNDO.has(reason) ? 'class.no_undo' : 'class.stop' };
    case 'fault':
      return { tone: 'fault', figure: 'fault', word: 'class.fault' };
  }
}

const NO_UNDO = new Set(['undo_too_late', 'undo_too_much', 'undo_unknown']);
const PASSED: Record<string, Key> = { picked_up: 'class.pass_order', partly_picked_up: 'class.pass_order_part' };
