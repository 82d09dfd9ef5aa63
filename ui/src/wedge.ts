// The keyboard-wedge decoder: tells a scanner's burst from a person's typing, and hands in what each of its keys can
// have meant. Which of the readings is right is the core's to say: it knows check characters and the malls' codes.
//
// No text field ever holds the focus while scanning: with a Chinese input method switched on, a focused field loses
// characters and the Enter, and they cannot be won back. So the keys are taken from the window, before any button, and
// what lands in a field all the same is thrown away, never patched up.
// Knows nothing of codes, screens or the shell; double reads are told apart by the shell.
import {
  altCharacter,
  altDigit,
  HOLE,
  isHidden,
  isModifier,
  markOf,
  strokeOf,
  type Mark,
  type Press,
  type Stroke,
} from './strokes';

export type { Press } from './strokes';

/** No key for so long, and a burst is over (ms). */
export const IDLE = 100;
/**
 * The same for a scanner that ends its scans with a suffix (ms): until the suffix is there, a longer pause within a
 * fast burst is a busy machine and no end.
 */
export const STALL = 400;
/** A suffix that arrives so long after a scan still belongs to it (ms). */
export const LATE_SUFFIX = 300;
/**
 * So long a lone Enter waits before it presses anything (ms): some scanners send one before the text, and it must not
 * confirm what the customer before has left on the screen.
 */
export const HOLD = 30;
/** The same once a scanner was heard that does so (ms). */
export const HOLD_LEARNED = 80;
const LENGTH_MIN = 6;
// Malls print pick-up codes of four digits. With a suffix that follows as fast as the keys, those are a scan too.
const SUFFIXED_LENGTH_MIN = 4;
const GAP_MEAN_MAX = 35;
const GAP_P90_MAX = 60;
// Slow scanners send a key every 50 ms. Nobody types so many characters at that pace, so length makes up for it.
const SLOW_LENGTH_MIN = 8;
const SLOW_GAP_MEAN_MAX = 55;
const SLOW_GAP_P90_MAX = 80;
// An Enter so long after the last key was pressed by a person (ms).
const DELIBERATE = 60;
// In a text field so many keys, or changes of its text, within so long (ms) are a scanner.
const STRAY_KEYS = 4;
const STRAY_WITHIN = 60;
// A burst that begins so long after one that was cut off may be the rest of it (ms).
const REST_WITHIN = 1000;
// So many characters at once, or quicker than that from key to key (ms), no person composes with an input method.
const LUMP_MIN = 4;
const COMPOSED_GAP = 25;
// Longer than that, and longer than so many usual gaps, a gap may part two texts (ms).
const PAUSE_MIN = 50;
const PAUSE_FACTOR = 5;

/** A scanner's burst: what its keys can have meant, and how they came. */
export interface Burst {
  /** The likelier reading, for screens that want a text and not a code. */
  text: string;
  /** What the keys type on a US keyboard. One character for each key, as in `logical`. */
  physical: string;
  /** What layout, CapsLock and input method made of them. */
  logical: string;
  /** Before which characters there was a pause that may part two texts. */
  pauses: number[];
  /** It may be part of a text: its suffix is missing although the scanner sends one, or it follows such a burst. */
  cut: boolean;
  /** When its last key came (ms). */
  at: number;
  how: Measured;
}

/** How a burst came. */
export interface Measured {
  keys: number;
  /** From key to key, without the slowest tenth (ms). */
  gap_mean: number;
  /** Nine of ten gaps are no longer (ms). */
  gap_most: number;
  prefix: Mark | 'none';
  suffix: Mark | 'none';
  /** CapsLock was on. */
  caps: boolean;
  /** So many keys an input method has hidden. */
  hidden: number;
  /** Characters came as numbers typed with Alt. */
  alt_numbers: boolean;
}

/** What is known of the scanners at this till. */
export interface Habits {
  /** Whether each of them ends its scans with a suffix; nothing if nobody has measured. */
  suffix: boolean | null;
  /** The slowest one's usual gap (ms). */
  gap: number;
}

/** Where decoded text goes. */
export interface Sink {
  /** A scanner read something. */
  scanned(burst: Burst): void;
  /** A person typed `text`; `entered` if a deliberate Enter ended it. */
  typed(text: string, entered: boolean): void;
  /** Whether a burst is under way that already looks like a scan. */
  reading(now: boolean): void;
  /** A scan lands in the text field that has the focus. Called once for each burst, as early as that is known. */
  strayed?(): void;
  /** The Enter that was held back at `at` is a person's after all. */
  released?(at: number): void;
}

interface Kept extends Stroke {
  shift: boolean;
  caps: boolean;
  hidden: boolean;
  alt: boolean;
  /** When its first key came; several make one character where Alt is used. */
  from: number;
  at: number;
}

/** Collects keys into bursts. Pure: time comes with the keys, and `idle` is called by whoever owns the clock. */
export class Decoder {
  private kept: Kept[] = [];
  private inField = false;
  // The burst has spoilt a text field: its keys go nowhere.
  private spoilt = false;
  private looksLikeScan = false;
  private scanEndedAt = Number.NEGATIVE_INFINITY;
  private suffixAt = Number.NEGATIVE_INFINITY;
  private lastAt = Number.NEGATIVE_INFINITY;
  private cutAt = Number.NEGATIVE_INFINITY;
  private number: { digits: string; from: number; at: number } | null = null;
  private altAt = Number.NEGATIVE_INFINITY;
  private held: number | null = null;
  private prefix: Mark | 'none' = 'none';
  private changes: number[] = [];
  // Learned from the scan before, or measured.
  private sendsSuffix = false;
  private missing = 0;
  private sendsPrefix = false;
  private habits: Habits = { suffix: null, gap: 0 };

  constructor(private readonly sink: Sink) {}

  /** Takes over what was measured of the scanners here. */
  expect(habits: Habits): void {
    if (habits.suffix === this.habits.suffix && habits.gap === this.habits.gap) return;
    this.habits = habits;
    if (habits.suffix !== null) this.sendsSuffix = habits.suffix;
  }

  /** Whether a burst is under way. */
  get busy(): boolean {
    return this.kept.length > 0 || this.number !== null || this.spoilt;
  }

  /** How long a pause ends what is under way (ms). */
  get patience(): number {
    if (this.held !== null) return this.hold;
    const slow = Math.max(IDLE, Math.min(4 * this.habits.gap, STALL));
    const waits = this.sendsSuffix && this.kept.length > 1 && isFast(gapsOf(this.kept), GAP_MEAN_MAX, GAP_P90_MAX);
    return waits ? STALL : slow;
  }

  /** Whether an Enter is held back. */
  get holds(): boolean {
    return this.held !== null;
  }

  private get hold(): number {
    return this.sendsPrefix ? HOLD_LEARNED : HOLD;
  }

  /** Takes a key; true if nobody else may see it. `field`: a text field has the focus and gets ordinary typing. */
  press(press: Press, field = false): boolean {
    this.settle(press.at);
    const digit = altDigit(press);
    if (digit !== null) return this.addDigit(digit, press.at, field);
    if (press.key === 'Alt') {
      this.endNumber();
      this.altAt = press.at;
    }
    if (!isModifier(press.key)) this.endNumber();
    if (this.spoilt) return this.swallowSpoilt(press.at);
    const mark = markOf(press);
    if (mark !== null && (!press.ctrl || this.busy)) return this.mark(mark, press, field);
    if (/^F\d{1,2}$/.test(press.key)) return this.busy && !this.inField;
    const stroke = strokeOf(press, this.busy);
    if (!stroke) {
      if (!isModifier(press.key)) this.idle();
      else if (this.busy) this.lastAt = press.at;
      return false;
    }
    this.takePrefix(press.at);
    if (!this.busy) this.inField = field;
    if (press.repeat) return !this.inField;
    const caps = press.caps ?? false;
    this.keep({
      ...stroke,
      shift: press.shift,
      caps,
      hidden: isHidden(press),
      alt: false,
      from: press.at,
      at: press.at,
    });
    return !this.inField || this.spoilt;
  }

  /** A key went up; true if nobody else may see it. */
  release(press: Press): boolean {
    if (press.key !== 'Alt' || this.number === null) return false;
    this.lastAt = press.at;
    this.number.at = press.at;
    this.endNumber();
    return !this.inField;
  }

  /**
   * The text of the field that has the focus has changed by so many characters, which were composed from `since` on. An
   * input method may hide keys, but not that: ibus brings what is left of a scan in one lump.
   */
  changed(at: number, characters = 1, since = at): void {
    if (characters >= LUMP_MIN && at - since < characters * COMPOSED_GAP) return this.stray(at);
    this.changes = [...this.changes.filter((before) => at - before <= STRAY_WITHIN), at];
    if (this.changes.length >= STRAY_KEYS) this.stray(at);
  }

  /** No key came for [`patience`]. */
  idle(): void {
    this.letGo();
    this.endNumber();
    this.end(null, null);
  }

  /** Ends what had ended by `at`, when the next key comes. */
  private settle(at: number): void {
    const since = this.held ?? (this.busy ? this.lastAt : null);
    if (since !== null && at - since >= this.patience) this.idle();
  }

  private letGo(): void {
    const held = this.held;
    this.held = null;
    if (held !== null) this.sink.released?.(held);
  }

  /** A key that follows a held Enter at once: the Enter stands before the text. */
  private takePrefix(at: number): void {
    if (this.held === null) return;
    if (at - this.held >= this.hold) return this.letGo();
    this.held = null;
    this.prefix = 'enter';
  }

  private keep(kept: Kept): void {
    this.kept.push(kept);
    this.lastAt = kept.at;
    if (this.inField) {
      const recent = this.kept.filter((other) => kept.at - other.at <= STRAY_WITHIN);
      if (recent.length >= STRAY_KEYS) this.stray(kept.at);
    } else if (!this.looksLikeScan && this.isScan(this.kept)) {
      this.looksLikeScan = true;
      this.sink.reading(true);
    }
  }

  private addDigit(digit: string, at: number, field: boolean): boolean {
    this.takePrefix(at);
    if (!this.busy) this.inField = field;
    this.number ??= { digits: '', from: at - this.altAt < IDLE ? this.altAt : at, at };
    this.number.digits += digit;
    this.number.at = at;
    this.lastAt = at;
    return !this.inField || this.spoilt;
  }

  private endNumber(): void {
    const number = this.number;
    if (!number) return;
    this.number = null;
    const character = altCharacter(number.digits);
    if (character === '\r' || character === '\n' || character === '\t') {
      if (this.busy) this.end(character === '\t' ? 'tab' : 'enter', number.at);
      return;
    }
    const { from, at } = number;
    this.keep({
      physical: character,
      logical: character,
      shift: false,
      caps: false,
      hidden: false,
      alt: true,
      from,
      at,
    });
  }

  private stray(at: number): void {
    if (!this.spoilt) this.sink.strayed?.();
    this.spoilt = true;
    this.inField = false;
    this.kept = [];
    this.changes = [];
    this.lastAt = at;
  }

  private swallowSpoilt(at: number): boolean {
    this.lastAt = at;
    return true;
  }

  private mark(mark: Mark, press: Press, field: boolean): boolean {
    const at = press.at;
    if (this.busy) return this.end(mark, at);
    // The second half of CR LF, or an Enter that lagged behind its scan: neither may press a button.
    const late = at - this.scanEndedAt < LATE_SUFFIX;
    if (late) this.sendsSuffix = true;
    if (late || at - this.suffixAt < IDLE) return true;
    this.letGo();
    if (mark !== 'enter' || field || press.repeat) return false;
    this.held = at;
    return true;
  }

  /** Ends the burst, with its suffix if it has one; true if the suffix is swallowed. */
  private end(mark: Mark | null, markAt: number | null): boolean {
    const { kept, spoilt, prefix } = this;
    const last = kept.at(-1);
    this.kept = [];
    this.changes = [];
    this.spoilt = false;
    this.prefix = 'none';
    if (spoilt) this.scanEndedAt = this.lastAt;
    if (!last) return spoilt;
    if (this.looksLikeScan) this.sink.reading(false);
    this.looksLikeScan = false;
    const followed = markAt !== null && markAt - last.at < DELIBERATE;
    const scan = this.isScan(kept) || (followed && isShortScan(kept));
    if (markAt !== null) this.suffixAt = markAt;
    if (this.inField) {
      if (scan) this.sink.strayed?.();
      if (scan && markAt === null) this.scanEndedAt = last.at;
      return scan;
    }
    const unended = this.sendsSuffix && markAt === null;
    const cut = unended || (kept[0]?.from ?? 0) - this.cutAt < REST_WITHIN;
    if (unended) this.cutAt = last.at;
    if (markAt !== null) this.missing = 0;
    else if (scan) this.missing++;
    if (scan) {
      // One that is missing may be a text that was cut off; two in a row are another setting.
      if (markAt !== null) this.sendsSuffix = true;
      else if (this.missing > 1) this.sendsSuffix = false;
      this.sendsPrefix = prefix !== 'none';
    }
    if (scan && markAt === null) this.scanEndedAt = last.at;
    if (scan) this.sink.scanned(burstOf(kept, { prefix, suffix: mark ?? 'none' }, cut, markAt ?? last.at));
    else this.tell(kept, prefix, markAt !== null && !followed);
    return true;
  }

  /** A person typed something. Control characters are nobody's typing. */
  private tell(kept: Kept[], prefix: Mark | 'none', entered: boolean): void {
    const text = [...reading(kept)].filter((character) => character >= ' ' && character !== HOLE).join('');
    // The Enter before was a person's, then.
    if (prefix === 'enter') this.sink.released?.(kept[0]?.from ?? 0);
    if (text !== '') this.sink.typed(text, entered);
  }

  private isScan(kept: Kept[]): boolean {
    const gaps = gapsOf(kept);
    if (kept.length >= LENGTH_MIN && isFast(gaps, GAP_MEAN_MAX, GAP_P90_MAX)) return true;
    if (kept.length < SLOW_LENGTH_MIN) return false;
    // A scanner that was measured to be slower still is known by its own pace.
    const { gap } = this.habits;
    return isFast(gaps, Math.max(SLOW_GAP_MEAN_MAX, 1.3 * gap), Math.max(SLOW_GAP_P90_MAX, 2 * gap));
  }
}

function gapsOf(kept: Kept[]): number[] {
  return kept.slice(1).map((key, i) => key.from - (kept[i]?.at ?? key.from));
}

/** Nine gaps of ten: the slowest tenth is a machine that was busy, and is not counted. */
function usualOf(gaps: number[]): number[] {
  return [...gaps].sort((a, b) => a - b).slice(0, Math.ceil(gaps.length * 0.9));
}

function isFast(gaps: number[], mean: number, p90: number): boolean {
  const usual = usualOf(gaps);
  return usual.reduce((sum, gap) => sum + gap, 0) <= mean * usual.length && (usual.at(-1) ?? 0) <= p90;
}

function isShortScan(kept: Kept[]): boolean {
  return kept.length >= SUFFIXED_LENGTH_MIN && isFast(gapsOf(kept), GAP_MEAN_MAX, GAP_P90_MAX);
}

function burstOf(kept: Kept[], marks: Pick<Measured, 'prefix' | 'suffix'>, cut: boolean, at: number): Burst {
  const gaps = gapsOf(kept);
  const usual = usualOf(gaps);
  const median = usual[Math.floor(gaps.length / 2)] ?? 0;
  const part = Math.max(PAUSE_MIN, PAUSE_FACTOR * median);
  return {
    text: reading(kept),
    physical: kept.map((key) => key.physical ?? HOLE).join(''),
    logical: kept.map((key) => key.logical ?? HOLE).join(''),
    pauses: gaps.flatMap((gap, i) => (gap >= part ? [i + 1] : [])),
    cut,
    at,
    how: {
      keys: kept.length,
      gap_mean: usual.reduce((sum, gap) => sum + gap, 0) / Math.max(usual.length, 1),
      gap_most: usual.at(-1) ?? 0,
      ...marks,
      caps: kept.some((key) => key.caps),
      hidden: kept.filter((key) => key.hidden).length,
      alt_numbers: kept.some((key) => key.alt),
    },
  };
}

/**
 * The physical reading, unless keys are missing from it, or unless it is no bare code while the logical one is plain
 * text: some senders give capitals and symbols without Shift, and then only the logical reading has them.
 */
function reading(kept: Kept[]): string {
  const physical = kept.map((key) => key.physical ?? HOLE).join('');
  const logical = kept.map((key) => key.logical ?? HOLE).join('');
  if (kept.some((key) => key.physical === null)) return logical;
  if (/^[0-9A-Za-z-]+$/.test(physical)) return physical;
  const shifted = kept.some((key) => key.shift);
  return /^[ -~]+$/.test(logical) && !shifted ? logical : physical;
}
