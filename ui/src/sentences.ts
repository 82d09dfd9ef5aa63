// The sentences of a verdict, with their figures filled in. Knows nothing of how they are drawn.
import type { Earlier, Subject, Verdict } from './bindings';
import { discount, money, time } from './format';
import { coded, say } from './words.svelte';

/** What happened. */
export function reasonOf(verdict: Verdict): string {
  const { earlier, reason } = verdict;
  if (earlier && reason === 'used') {
    const { till, store, clerk } = earlier;
    return say('reason.used', { time: time(earlier.at, verdict.at), till, store, clerk });
  }
  if (earlier && reason === 'used_here_just_now') {
    return say('reason.used_here_just_now', { seconds: earlier.ago_seconds, clerk: earlier.clerk });
  }
  const needsEarlier = reason === 'used' || reason === 'used_here_just_now';
  return coded(needsEarlier ? 'reason_short' : 'reason', reason);
}

/** What to do now. */
export function todoOf(verdict: Verdict): string {
  // Before the restart it may have been handed over already; a figure to be taken off would be taken off twice.
  if (verdict.before_restart && verdict.class === 'pass') return say('verdict.todo_before_restart');
  return coded('todo', verdict.todo, {
    ...(verdict.amount === null ? {} : { amount: money(verdict.amount) }),
    ...(verdict.percent === null ? {} : { discount: discount(verdict.percent) }),
  });
}

/** Whose it is and the end of its code; a code that may show nothing of itself has no end. */
export function whoseOf({ holder, code_tail: tail }: Subject): string {
  return [holder, tail && `${say('fact.tail')} ${tail}`].filter((part) => part !== '').join(' · ');
}

/** Who, where and when, in one line. */
export function sideOf(side: Earlier, now: number): string {
  return [time(side.at, now), side.store, side.till, side.clerk].filter((part) => part !== '').join(' · ');
}
