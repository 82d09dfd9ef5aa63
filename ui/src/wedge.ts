// The keyboard-wedge decoder: tells a scanner's burst from a person's typing and keeps both readings of each key.
//
// No text field ever holds the focus while scanning: with a Chinese input method switched on, a focused field loses
// characters and the Enter, and they cannot be won back. So the keys are taken from the window, before any button.
// Knows nothing of codes, screens or the shell; double reads are told apart by the shell.

/** No key for so long, and a burst is over (ms). */
export const IDLE = 100;
/**
 * The same for a scanner that ends its scans with a suffix (ms): until the suffix is there, a longer pause within a
 * fast burst is a busy machine and no end.
 */
export const STALL = 400;
/** A suffix that arrives so long after a scan still belongs to it (ms). */
export const LATE_SUFFIX = 300;
const LENGTH_MIN = 6;
// Malls print pick-up codes of four digits. With a suffix that follows as fast as the keys, those are a scan too.
const SUFFIXED_LENGTH_MIN = 4;
const GAP_MEAN_MAX = 35;
const GAP_P90_MAX = 60;
// Slow scanners send a key every 50 ms. Nobody types twelve characters at that pace, so length makes up for it.
const SLOW_LENGTH_MIN = 12;
const SLOW_GAP_MEAN_MAX = 55;
const SLOW_GAP_P90_MAX = 80;
// An Enter so long after the last key was pressed by a person (ms).
const DELIBERATE = 60;

/** One key that went down. */
export interface Press {
  /** `event.key`: what layout, CapsLock and input method made of it. */
  key: string;
  /** `event.code`: which key it was. */
  code: string;
  shift: boolean;
  /** Held down, repeated by the system. */
  repeat: boolean;
  /** `event.timeStamp` (ms). */
  at: number;
}

/** Where decoded text goes. */
export interface Sink {
  /** A scanner read `text`; its last key came at `at`. */
  scanned(text: string, at: number): void;
  /** A person typed `text`; `entered` if a deliberate Enter ended it. */
  typed(text: string, entered: boolean): void;
  /** Whether a burst is under way that already looks like a scan. */
  reading(now: boolean): void;
}

interface Kept {
  physical: string | null;
  logical: string | null;
  shift: boolean;
  at: number;
}

/** Collects keys into bursts. Pure: time comes with the keys, and `idle` is called by whoever owns the clock. */
export class Decoder {
  private kept: Kept[] = [];
  private inField = false;
  private looksLikeScan = false;
  private scanEndedAt = Number.NEGATIVE_INFINITY;
  private suffixAt = Number.NEGATIVE_INFINITY;
  // Learned from the scan before.
  private sendsSuffix = false;

  constructor(private readonly sink: Sink) {}

  /** Whether a burst is under way. */
  get busy(): boolean {
    return this.kept.length > 0;
  }

  /** How long a pause ends the burst that is under way (ms). */
  get patience(): number {
    return this.sendsSuffix && this.kept.length > 1 && isFast(gapsOf(this.kept), GAP_MEAN_MAX, GAP_P90_MAX)
      ? STALL
      : IDLE;
  }

  /** Takes a key; true if nobody else may see it. `field`: a text field has the focus and gets ordinary typing. */
  press(press: Press, field = false): boolean {
    const last = this.kept.at(-1);
    if (last && press.at - last.at >= this.patience) this.idle();
    if (isSuffix(press)) return this.suffix(press.at);
    if (/^F\d{1,2}$/.test(press.key)) return this.busy && !this.inField;
    const kept = keep(press);
    if (!kept) {
      if (!isModifier(press.key)) this.idle();
      return false;
    }
    if (!this.busy) this.inField = field;
    if (!press.repeat) {
      this.kept.push(kept);
      if (!this.looksLikeScan && !this.inField && isScan(this.kept)) {
        this.looksLikeScan = true;
        this.sink.reading(true);
      }
    }
    return !this.inField;
  }

  /** No key came for [`patience`]. */
  idle(): void {
    this.end(null);
  }

  private suffix(at: number): boolean {
    if (this.busy) return this.end(at);
    // The second half of CR LF, or an Enter that lagged behind its scan: neither may press a button.
    const late = at - this.scanEndedAt < LATE_SUFFIX;
    if (late) this.sendsSuffix = true;
    return late || at - this.suffixAt < IDLE;
  }

  /** Ends the burst, with its suffix at `suffixAt` if it has one; true if the suffix is swallowed. */
  private end(suffixAt: number | null): boolean {
    const kept = this.kept;
    const last = kept.at(-1);
    if (!last) return false;
    this.kept = [];
    if (this.looksLikeScan) this.sink.reading(false);
    this.looksLikeScan = false;
    const scan = isScan(kept) || (suffixAt !== null && suffixAt - last.at < DELIBERATE && isShortScan(kept));
    if (this.inField) {
      if (scan && suffixAt !== null) this.suffixAt = suffixAt;
      return scan;
    }
    if (scan) this.sendsSuffix = suffixAt !== null;
    if (suffixAt !== null) this.suffixAt = suffixAt;
    else if (scan) this.scanEndedAt = last.at;
    if (scan) this.sink.scanned(reading(kept), suffixAt ?? last.at);
    else this.sink.typed(reading(kept), suffixAt !== null && suffixAt - last.at >= DELIBERATE);
    return true;
  }
}

function gapsOf(kept: Kept[]): number[] {
  return kept.slice(1).map((key, i) => key.at - (kept[i]?.at ?? key.at));
}

/** Whether nine keys of ten came that fast. The slowest tenth is a machine that was busy, and is not counted. */
function isFast(gaps: number[], mean: number, p90: number): boolean {
  const usual = [...gaps].sort((a, b) => a - b).slice(0, Math.ceil(gaps.length * 0.9));
  return usual.reduce((sum, gap) => sum + gap, 0) <= mean * usual.length && (usual.at(-1) ?? 0) <= p90;
}

function isScan(kept: Kept[]): boolean {
  const gaps = gapsOf(kept);
  const fast = kept.length >= LENGTH_MIN && isFast(gaps, GAP_MEAN_MAX, GAP_P90_MAX);
  return fast || (kept.length >= SLOW_LENGTH_MIN && isFast(gaps, SLOW_GAP_MEAN_MAX, SLOW_GAP_P90_MAX));
}

function isShortScan(kept: Kept[]): boolean {
  return kept.length >= SUFFIXED_LENGTH_MIN && isFast(gapsOf(kept), GAP_MEAN_MAX, GAP_P90_MAX);
}

/**
 * The physical reading, unless keys are missing from it, or unless it is no bare code while the logical one is plain
 * text: some senders give capitals and symbols without Shift, and then only the logical reading has them.
 */
function reading(kept: Kept[]): string {
  const physical = kept.map((key) => key.physical ?? '').join('');
  const logical = kept.map((key) => key.logical ?? '').join('');
  if (kept.some((key) => key.physical === null)) return logical;
  if (/^[0-9A-Za-z-]+$/.test(physical)) return physical;
  const shifted = kept.some((key) => key.shift);
  const plain = kept.every((key) => key.logical !== null) && /^[ -~]+$/.test(logical);
  return plain && !shifted ? logical : physical;
}

function keep(press: Press): Kept | null {
  const physical = usReading(press.code, press.shift);
  const logical = [...press.key].length === 1 ? press.key : null;
  if (physical === null && logical === null) return null;
  return { physical, logical, shift: press.shift, at: press.at };
}

function isSuffix(press: Press): boolean {
  // A line feed comes as a key of its own from scanners that end with LF.
  return ['Enter', 'Tab', '\n', '\r', 'Linefeed'].includes(press.key) || /^(Numpad)?Enter$/.test(press.code);
}

function isModifier(key: string): boolean {
  return ['Shift', 'CapsLock', 'NumLock', 'Alt', 'AltGraph', 'Control', 'Meta'].includes(key);
}

const US_SIGNS: Record<string, string> = {
  Digit1: '1!',
  Digit2: '2@',
  Digit3: '3#',
  Digit4: '4$',
  Digit5: '5%', // prettier-ignore
  Digit6: '6^',
  Digit7: '7&',
  Digit8: '8*',
  Digit9: '9(',
  Digit0: '0)', // prettier-ignore
  Minus: '-_',
  Equal: '=+',
  BracketLeft: '[{',
  BracketRight: ']}',
  Backslash: '\\|',
  Semicolon: ';:', // prettier-ignore
  Quote: '\'"',
  Comma: ',<',
  Period: '.>',
  Slash: '/?',
  Backquote: '`~',
  Space: '  ', // prettier-ignore
  NumpadAdd: '++',
  NumpadSubtract: '--',
  NumpadMultiply: '**',
  NumpadDivide: '//',
  NumpadDecimal: '..', // prettier-ignore
};

/** What a key types on a US keyboard, whatever layout or CapsLock say. */
function usReading(code: string, shift: boolean): string | null {
  const letter = /^Key([A-Z])$/.exec(code)?.[1];
  if (letter) return shift ? letter : letter.toLowerCase();
  const digit = /^Numpad(\d)$/.exec(code)?.[1];
  if (digit) return digit;
  return US_SIGNS[code]?.charAt(shift ? 1 : 0) ?? null;
}

/** Listens on `view` and feeds a decoder; returns how to stop. */
export function listen(view: Window, sink: Sink): () => void {
  const decoder = new Decoder(sink);
  const swallowed = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | undefined;

  function arm(wait: number, patience: number): void {
    clearTimeout(timer);
    const due = performance.now() + wait;
    timer = setTimeout(() => {
      // A busy page runs timers before the keys that came meanwhile: let those in first.
      if (patience > 0 && performance.now() - due > 20) arm(30, patience - 1);
      else decoder.idle();
    }, wait);
  }

  function down(event: KeyboardEvent): void {
    if (isAccelerator(event)) return stop(event);
    if (event.ctrlKey || event.metaKey || (event.altKey && !event.getModifierState('AltGraph'))) return;
    const focused = view.document.activeElement;
    // A person who walks the buttons by keyboard presses them with the space bar.
    if (event.key === ' ' && !decoder.busy && focused instanceof HTMLButtonElement) return;
    const press = {
      key: event.key,
      code: event.code,
      shift: event.shiftKey,
      repeat: event.repeat,
      at: event.timeStamp,
    };
    if (decoder.press(press, isField(focused))) {
      swallowed.add(event.code);
      stop(event);
    }
    if (decoder.busy) arm(decoder.patience, 2);
  }

  function up(event: KeyboardEvent): void {
    if (swallowed.delete(event.code)) stop(event);
  }

  // A tapped button must not keep the focus, or the next scan's Enter would be aimed at it.
  function tapped(): void {
    const focused = view.document.activeElement;
    if (focused instanceof HTMLElement && !isField(focused)) focused.blur();
  }

  function pinched(event: WheelEvent): void {
    if (event.ctrlKey) event.preventDefault();
  }

  view.addEventListener('keydown', down, { capture: true });
  view.addEventListener('keyup', up, { capture: true });
  view.addEventListener('pointerup', tapped);
  view.addEventListener('wheel', pinched, { passive: false });
  return () => {
    clearTimeout(timer);
    view.removeEventListener('keydown', down, { capture: true });
    view.removeEventListener('keyup', up, { capture: true });
    view.removeEventListener('pointerup', tapped);
    view.removeEventListener('wheel', pinched);
  };
}

/** Whether a text field has the focus. */
export function isField(element: Element | null): boolean {
  return element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement;
}

function stop(event: Event): void {
  event.preventDefault();
  event.stopImmediatePropagation();
}

/** Keys with which a web view reloads, prints, searches, zooms or goes back: none of them belongs to a till. */
function isAccelerator(event: KeyboardEvent): boolean {
  if (['F5', 'F6', 'F7', 'F12'].includes(event.key)) return true;
  if (event.ctrlKey || event.metaKey) return /^[prf=+0-]$/i.test(event.key);
  return event.altKey && (event.key === 'ArrowLeft' || event.key === 'ArrowRight');
}
