// A scanner at a keyboard port, as the page sees it: which events a text becomes, by the scanner's own settings, the
// machine's layout, CapsLock and input method, and what goes wrong on the way. All chance comes from outside.
import type { Press } from '../src/strokes';
import type { Decoder } from '../src/wedge';

export type Layout = 'us' | 'de' | 'fr' | 'cz';

// prettier-ignore
const CODES = [
  'Backquote', 'Digit1', 'Digit2', 'Digit3', 'Digit4', 'Digit5', 'Digit6', 'Digit7', 'Digit8', 'Digit9', 'Digit0',
  'Minus', 'Equal', ...[...'QWERTYUIOP'].map((letter) => `Key${letter}`), 'BracketLeft', 'BracketRight', 'Backslash',
  ...[...'ASDFGHJKL'].map((letter) => `Key${letter}`), 'Semicolon', 'Quote',
  ...[...'ZXCVBNM'].map((letter) => `Key${letter}`), 'Comma', 'Period', 'Slash', 'IntlBackslash', 'Space',
];

/** What each of [`CODES`] types without and with Shift, as xkeyboard-config has it. */
const TYPES: Record<Layout, [string, string]> = {
  us: ["`1234567890-=qwertyuiop[]\\asdfghjkl;'zxcvbnm,./< ", '~!@#$%^&*()_+QWERTYUIOP{}|ASDFGHJKL:"ZXCVBNM<>?> '],
  de: ['^1234567890ß´qwertzuiopü+#asdfghjklöäyxcvbnm,.-< ', '°!"§$%&/()=?`QWERTZUIOPÜ*\'ASDFGHJKLÖÄYXCVBNM;:_> '],
  fr: ['²&é"\'(-è_çà)=azertyuiop^$*qsdfghjklmùwxcvbn,;:!< ', '~1234567890°+AZERTYUIOP¨£µQSDFGHJKLM%WXCVBN?./§> '],
  cz: [';+ěščřžýáíé=´qwertzuiopú)¨asdfghjklů§yxcvbnm,.-\\ ', "°1234567890%ˇQWERTZUIOP/('ASDFGHJKLŮ!YXCVBNM?:_| "],
};

/** Keys that wait for a second one. */
const DEAD: Record<Layout, string> = { us: '', de: '^´`', fr: '^¨', cz: '´¨ˇ' };

/** How a scanner is set, and what it is plugged into. */
export interface Port {
  /** The layout that the scanner believes in. */
  scanner: Layout;
  /** The layout that the machine has. */
  host: Layout;
  capsLock: boolean;
  /** An input method hides letters and digits from whoever asks for characters. */
  inputMethod: boolean;
  /** Every character as a number typed with Alt. */
  altNumbers: boolean;
  prefix: 'none' | 'enter' | 'stx';
  suffix: 'none' | 'enter' | 'tab' | 'etx' | 'crlf';
}

export const PLAIN: Port = {
  scanner: 'us',
  host: 'us',
  capsLock: false,
  inputMethod: false,
  altNumbers: false,
  prefix: 'none',
  suffix: 'enter',
};

/** A key that goes down, or Alt going up, which ends a number. */
export interface Event {
  press: Press;
  up: boolean;
}

/** The events of one scan. `gap` is asked for the pause before each key (ms). */
export function send(text: string, port: Port, from: number, gap: () => number): Event[] {
  const events: Event[] = [];
  let at = from;
  const push = (press: Partial<Press> & { key: string; code: string }, up = false): void => {
    if (events.length > 0) at += gap();
    events.push({ press: { shift: false, repeat: false, caps: port.capsLock, ...press, at }, up });
  };
  if (port.prefix === 'enter') push({ key: 'Enter', code: 'Enter' });
  if (port.prefix === 'stx') push({ key: 'b', code: 'KeyB', ctrl: true });
  for (const character of text) {
    if (port.altNumbers) {
      push({ key: 'Alt', code: 'AltLeft', alt: true });
      for (const digit of String(character.charCodeAt(0)).padStart(4, '0')) {
        push({ key: digit, code: `Numpad${digit}`, alt: true });
      }
      push({ key: 'Alt', code: 'AltLeft' }, true);
    } else push(typed(character, port));
  }
  if (port.suffix === 'enter' || port.suffix === 'crlf') push({ key: 'Enter', code: 'Enter' });
  if (port.suffix === 'crlf') push({ key: 'Enter', code: 'Enter' });
  if (port.suffix === 'tab') push({ key: 'Tab', code: 'Tab' });
  if (port.suffix === 'etx') push({ key: 'c', code: 'KeyC', ctrl: true });
  return events;
}

/** Whether a scanner with this layout has the character on a key of its own. */
export function canType(character: string, layout: Layout): boolean {
  return TYPES[layout].some((row) => row.includes(character)) && !DEAD[layout].includes(character);
}

function typed(character: string, port: Port): Pick<Press, 'key' | 'code' | 'shift'> {
  const [plain, shifted] = TYPES[port.scanner];
  const shift = !plain.includes(character);
  const place = shift ? shifted.indexOf(character) : plain.indexOf(character);
  const code = CODES[place] ?? 'Unidentified';
  return { key: seen(place, shift, port), code, shift };
}

/** What the machine makes of a key. */
function seen(place: number, shift: boolean, port: Port): string {
  const character = TYPES[port.host][shift ? 1 : 0].charAt(place);
  if (DEAD[port.host].includes(character)) return 'Dead';
  const isLetter = character.toLowerCase() !== character.toUpperCase();
  if (port.inputMethod && /[a-z0-9]/i.test(character)) return 'Process';
  if (!port.capsLock || !isLetter || character === 'ß') return character;
  return shift ? character.toLowerCase() : character.toUpperCase();
}

/** Plays events to a decoder as the page would: the clock runs out where nothing comes. */
export function play(decoder: Decoder, events: Event[], inField = false): boolean[] {
  let last: number | null = null;
  return events.map(({ press, up }) => {
    if (last !== null && press.at - last >= decoder.patience) decoder.idle();
    last = press.at;
    return up ? decoder.release(press) : decoder.press(press, inField);
  });
}

/** Nothing more comes. */
export function silence(decoder: Decoder): void {
  decoder.idle();
}

/** Chance from a seed (mulberry32). */
export function dice(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
