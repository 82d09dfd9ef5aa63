// Which stage is drawn: the screen's own, except that "checking" waits a moment, so that a quick answer replaces the
// card before it without a flicker, and that an offer stays behind it. Knows nothing of what the stages mean.
import type { Stage } from './bindings';

/** An answer that comes sooner is not announced (ms). */
export const CHECKING_AFTER = 120;

/** What makes one card a different card from the one before; a change of anything else only redraws it. */
export function name(stage: Stage): string {
  switch (stage.stage) {
    case 'offer':
      return `offer ${stage.subject.id} ${stage.since}`;
    case 'member':
      return `member ${stage.subject.id}`;
    case 'choice':
      return `choice ${stage.since}`;
    case 'approval':
      return `approval ${stage.subject.id} ${stage.since}`;
    case 'verdict':
      return `verdict ${stage.at} ${stage.reason} ${stage.number ?? ''} ${stage.subject?.id ?? ''}`;
    default:
      return stage.stage;
  }
}

export class Shown {
  stage = $state.raw<Stage | null>(null);
  /** The offer that was drawn before the server was asked; only while it is being asked. */
  behind = $state.raw<Extract<Stage, { stage: 'offer' }> | null>(null);
  /** When this card appeared (`performance.now()`). */
  since = 0;
  /** Which card is drawn: an offer stays the same card while the server is asked about it. */
  card = $derived(name(this.behind ?? this.stage ?? { stage: 'ready' }));
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** Draws `next`, now or, if it only says that the server is asked, a moment later. */
  follow(next: Stage): void {
    clearTimeout(this.timer);
    if (next.stage === 'checking' && this.stage && this.stage.stage !== 'checking') {
      this.timer = setTimeout(() => this.draw(next), CHECKING_AFTER);
    } else {
      this.draw(next);
    }
  }

  private draw(next: Stage): void {
    if (!this.stage || name(this.stage) !== name(next)) this.since = performance.now();
    if (next.stage !== 'checking') this.behind = null;
    else if (this.stage?.stage === 'offer') this.behind = this.stage;
    this.stage = next;
  }
}
