// Measures how long a clerk waits: from a scan's last key, and from a confirmation, to the painted answer.
// Knows nothing of screens; whoever draws says when the answer is in the page.

const ENTRIES_MAX = 500;
const waits: Record<Wait, number | null> = { 'scan-to-paint': null, 'confirm-to-paint': null };

export type Wait = 'scan-to-paint' | 'confirm-to-paint';

/** The clerk waits from `at` on (`event.timeStamp`). */
export function waiting(wait: Wait, at: number): void {
  waits[wait] = at;
  if (wait === 'scan-to-paint') {
    forget('scan-enter', 'mark');
    performance.mark('scan-enter', { startTime: at });
  }
}

/** Nothing will be painted for it. */
export function waitingNoMore(wait: Wait): void {
  waits[wait] = null;
}

/** The answer is in the page; it counts as painted two frames later. */
export function answered(): void {
  const begun = { ...waits };
  waits['scan-to-paint'] = waits['confirm-to-paint'] = null;
  if (begun['scan-to-paint'] === null && begun['confirm-to-paint'] === null) return;
  requestAnimationFrame(() =>
    requestAnimationFrame(() => {
      for (const wait of Object.keys(begun) as Wait[]) {
        const start = begun[wait];
        if (start === null) continue;
        forget(wait, 'measure');
        performance.measure(wait, { start, end: performance.now() });
      }
    }),
  );
}

function forget(name: string, type: 'mark' | 'measure'): void {
  if (performance.getEntriesByName(name, type).length < ENTRIES_MAX) return;
  if (type === 'mark') performance.clearMarks(name);
  else performance.clearMeasures(name);
}
