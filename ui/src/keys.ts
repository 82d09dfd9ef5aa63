// Who gets the keys that a person presses: the topmost part that asked for them. Knows nothing of what scans mean.
import type { Burst } from './wedge';

/** A part that takes keys. Each method says whether it made use of what it got. */
export interface Taker {
  /** Characters, and whether a deliberate Enter ended them. */
  typed?(text: string, entered: boolean): boolean;
  /** What a scanner typed, for the screens that want it as a text or as keys. */
  scanned?(burst: Burst): boolean;
  /** Enter, Escape, Backspace or an arrow. */
  key?(event: KeyboardEvent): boolean;
}

/** Takes keys until the returned function is called. */
export type TakeKeys = (taker: Taker, level?: Level) => () => void;

/** What lies over what: the card, a panel over it, and what is in the panel. */
export type Level = 'card' | 'panel' | 'inside';

const HEIGHT: Record<Level, number> = { card: 0, panel: 1, inside: 2 };

export class Takers {
  private takers: { taker: Taker; height: number }[] = [];

  take: TakeKeys = (taker, level = 'card') => {
    const entry = { taker, height: HEIGHT[level] };
    this.takers = [entry, ...this.takers].sort((a, b) => b.height - a.height);
    return () => {
      this.takers = this.takers.filter((other) => other !== entry);
    };
  };

  typed(text: string, entered: boolean): boolean {
    return this.takers.some(({ taker }) => taker.typed?.(text, entered) === true);
  }

  scanned(burst: Burst): boolean {
    return this.takers.some(({ taker }) => taker.scanned?.(burst) === true);
  }

  key(event: KeyboardEvent): boolean {
    return this.takers.some(({ taker }) => taker.key?.(event) === true);
  }
}
