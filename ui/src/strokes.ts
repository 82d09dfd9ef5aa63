// What single keys mean: the key itself (what it types on a US keyboard) and what layout, CapsLock and input method
// made of it. Knows nothing of bursts, of time, or of the page.

/** One key that went down. */
export interface Press {
  /** `event.key`: what layout, CapsLock and input method made of it. */
  key: string;
  /** `event.code`: which key it was. */
  code: string;
  shift: boolean;
  /** Control is down, and it is not the half of an AltGr. */
  ctrl?: boolean;
  /** Alt is down, and it is not AltGr. */
  alt?: boolean;
  /** CapsLock is on. */
  caps?: boolean;
  /** Held down, repeated by the system. */
  repeat: boolean;
  /** `event.timeStamp` (ms). */
  at: number;
}

/** The two readings of one key. A key that has neither was lost: something came, and nobody can say what. */
export interface Stroke {
  physical: string | null;
  logical: string | null;
}

/** What ended a burst, or stood before it. */
export type Mark = 'enter' | 'tab' | 'etx';

/** Stands for a key of which nothing is known; no code has it. */
export const HOLE = '\ufffd';

/** How a scanner marks the beginning of a text where it does (STX). */
const STX = '\u0002';

/** What the key types; nothing if it types nothing. */
export function strokeOf(press: Press, busy: boolean): Stroke | null {
  if (press.ctrl) return controlStroke(press.code, busy);
  const physical = usReading(press.code, press.shift);
  const logical = [...press.key].length === 1 ? press.key : null;
  if (physical === null && logical === null)
    return isHidden(press) || press.key === 'Dead' ? { physical, logical } : null;
  return { physical, logical };
}

/** Whether an input method has hidden what the key is. */
export function isHidden(press: Press): boolean {
  return ['Process', 'Unidentified', ''].includes(press.key);
}

/** What ends a text, if this key does. */
export function markOf(press: Press): Mark | null {
  const control = press.ctrl ? controlOf(press.code) : null;
  if (control === '\u0003' || control === '\u0004') return 'etx';
  if (control === '\r' || control === '\n') return 'enter';
  if (press.ctrl) return null;
  if (press.key === 'Tab' || press.code === 'Tab') return 'tab';
  // A line feed comes as a key of its own from scanners that end with LF.
  if (['Enter', '\n', '\r', 'Linefeed'].includes(press.key) || /^(Numpad)?Enter$/.test(press.code)) return 'enter';
  return null;
}

/** Whether the key types nothing by itself. */
export function isModifier(key: string): boolean {
  return ['Shift', 'CapsLock', 'NumLock', 'Alt', 'AltGraph', 'Control', 'Meta'].includes(key);
}

/** The digit of a key of the keypad that is pressed while Alt is down: some scanners write every character like that. */
export function altDigit(press: Press): string | null {
  return press.alt ? (/^Numpad(\d)$/.exec(press.code)?.[1] ?? null) : null;
}

/**
 * The character of a number typed with Alt. Below 128 every code page agrees; above it, only numbers that begin with 0
 * mean the same (Latin 1) on most machines, and no code needs them.
 */
export function altCharacter(digits: string): string | null {
  const number = Number.parseInt(digits, 10);
  return number < 128 || (digits.startsWith('0') && number >= 160 && number < 256) ? String.fromCharCode(number) : null;
}

/** Control characters come as Control with a letter: GS between the fields of a GS1 code, STX and ETX around a text. */
function controlStroke(code: string, busy: boolean): Stroke | null {
  const control = controlOf(code);
  return control !== null && (busy || control === STX) ? { physical: control, logical: control } : null;
}

function controlOf(code: string): string | null {
  const letter = /^Key([A-Z])$/.exec(code)?.[1];
  if (letter) return String.fromCharCode(letter.charCodeAt(0) - 64);
  return { BracketLeft: '\u001b', Backslash: '\u001c', BracketRight: '\u001d', Digit6: '\u001e' }[code] ?? null;
}

// prettier-ignore
const US_SIGNS: Record<string, string> = {
  Digit1: '1!', Digit2: '2@', Digit3: '3#', Digit4: '4$', Digit5: '5%',
  Digit6: '6^', Digit7: '7&', Digit8: '8*', Digit9: '9(', Digit0: '0)',
  Minus: '-_', Equal: '=+', BracketLeft: '[{', BracketRight: ']}', Backslash: '\\|', Semicolon: ';:',
  Quote: '\'"', Comma: ',<', Period: '.>', Slash: '/?', Backquote: '`~', Space: '  ',
  NumpadAdd: '++', NumpadSubtract: '--', NumpadMultiply: '**', NumpadDivide: '//', NumpadDecimal: '..',
};

/** What a key types on a US keyboard, whatever layout or CapsLock say. */
function usReading(code: string, shift: boolean): string | null {
  const letter = /^Key([A-Z])$/.exec(code)?.[1];
  if (letter) return shift ? letter : letter.toLowerCase();
  const digit = /^Numpad(\d)$/.exec(code)?.[1];
  if (digit) return digit;
  return US_SIGNS[code]?.charAt(shift ? 1 : 0) ?? null;
}
