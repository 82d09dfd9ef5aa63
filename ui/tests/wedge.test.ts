// The decoder against scanners and people: fast, slow, shifted, mangled, interrupted. Time is in the key list.
import { beforeEach, describe, expect, it } from 'vitest';
import { Decoder, HOLD, IDLE, STALL, type Press } from '../src/wedge';

const CODE = 'P7KQ4M2XA8F3TN5WYC6P';
const SHIFTED: Record<string, string> = { ':': 'Semicolon', '?': 'Slash', '!': 'Digit1' };
const PLAIN: Record<string, string> = { '/': 'Slash', '.': 'Period', '-': 'Minus', '=': 'Equal', ';': 'Semicolon' };

let heard: string[];
let decoder: Decoder;

beforeEach(() => {
  heard = [];
  decoder = new Decoder({
    scanned: (burst) => heard.push(`scan ${burst.text}`),
    typed: (text, entered) => heard.push(`typed ${text}${entered ? ' ⏎' : ''}`),
    reading: (now) => heard.push(now ? 'reading' : 'read'),
    strayed: () => heard.push('strayed'),
    released: (at) => heard.push(`enter ${at}`),
  });
});

function key(character: string, at: number, change: Partial<Press> = {}): Press {
  const upper = /[A-Z]/.test(character);
  const shift = upper || character in SHIFTED;
  const code = /[a-z]/i.test(character)
    ? `Key${character.toUpperCase()}`
    : /\d/.test(character)
      ? `Digit${character}`
      : (SHIFTED[character] ?? PLAIN[character] ?? 'Unidentified');
  return { key: character, code, shift, repeat: false, at, ...change };
}

const enter = (at: number): Press => ({ key: 'Enter', code: 'Enter', shift: false, repeat: false, at });

/** Types `text` with `gap` ms between keys; says whether each key was swallowed. */
function type(text: string, gap: number, from = 1000, change: (press: Press) => Press = (press) => press): boolean[] {
  return [...text].map((character, i) => decoder.press(change(key(character, from + i * gap))));
}

function said(): string[] {
  return heard.filter((line) => line !== 'reading' && line !== 'read');
}

describe('a scanner', () => {
  it.each([0, 2, 8, 20, 35, 50])('is read at %i ms per key, and every key of it is swallowed', (gap) => {
    const swallowed = type(CODE, gap);
    const end = 1000 + CODE.length * gap;
    expect(decoder.press(enter(end)), 'the Enter presses no button').toBe(true);
    expect(swallowed.every(Boolean), 'no key reaches anything else').toBe(true);
    expect(said()).toEqual([`scan ${CODE}`]);
  });

  it('is read without a suffix, once nothing comes any more', () => {
    type(CODE, 8);
    expect(said(), 'the burst is not over').toEqual([]);
    decoder.idle();
    expect(said()).toEqual([`scan ${CODE}`]);
  });

  it('is read with Tab as its suffix', () => {
    type(CODE, 8);
    expect(decoder.press({ key: 'Tab', code: 'Tab', shift: false, repeat: false, at: 1170 })).toBe(true);
    expect(said()).toEqual([`scan ${CODE}`]);
  });

  it('is read through CapsLock', () => {
    const flip = (text: string): string => (text === text.toUpperCase() ? text.toLowerCase() : text.toUpperCase());
    type('Qwe12Zx', 8, 1000, (press) => ({ ...press, key: flip(press.key) }));
    decoder.idle();
    expect(said()).toEqual(['scan Qwe12Zx']);
  });

  it('is read through a French layout, where digits are signs', () => {
    const french: Record<string, string> = { '1': '&', '2': 'é', '3': '"', '4': "'", '5': '(', '6': '-' };
    type('123456', 8, 1000, (press) => ({ ...press, key: french[press.key] ?? press.key }));
    decoder.idle();
    expect(said()).toEqual(['scan 123456']);
  });

  it('is read through a German layout, where an address would be mangled', () => {
    const german: Record<string, string> = { ':': 'Ö', '/': '-' };
    type('https://u.wechat.com/x', 8, 1000, (press) => ({ ...press, key: german[press.key] ?? press.key }));
    decoder.idle();
    expect(said()).toEqual(['scan https://u.wechat.com/x']);
  });

  it('is read logically when the sender leaves out Shift', () => {
    type('https://u.wechat.com/X', 8, 1000, (press) => ({ ...press, shift: false }));
    decoder.idle();
    expect(said()).toEqual(['scan https://u.wechat.com/X']);
  });

  it('is read logically when physical keys are missing', () => {
    type('ABC123', 8, 1000, (press) => ({ ...press, code: 'Unidentified' }));
    decoder.idle();
    expect(said()).toEqual(['scan ABC123']);
  });

  it('is read physically when an input method hides the letters', () => {
    type('abc123', 8, 1000, (press) => ({ ...press, key: 'Process' }));
    decoder.idle();
    expect(said()).toEqual(['scan abc123']);
  });

  it('is not disturbed by Shift and CapsLock going down', () => {
    [...'ABCDEF'].forEach((character, i) => {
      decoder.press({ key: 'Shift', code: 'ShiftLeft', shift: true, repeat: false, at: 1000 + i * 10 });
      decoder.press(key(character, 1004 + i * 10));
    });
    decoder.idle();
    expect(said()).toEqual(['scan ABCDEF']);
  });

  it('gives two codes 150 ms apart as two scans', () => {
    type('ABC123', 10, 1000);
    type('XYZ789', 10, 1050 + 150);
    decoder.idle();
    expect(said()).toEqual(['scan ABC123', 'scan XYZ789']);
  });

  it('that sends a suffix may stall in the middle, and is read whole', () => {
    type(CODE, 5, 0);
    decoder.press(enter(100));
    expect(decoder.patience, 'nothing is under way').toBe(IDLE);
    type(CODE.slice(0, 7), 5, 1000);
    expect(decoder.patience, 'the Enter is still to come').toBe(STALL);
    type(CODE.slice(7), 5, 1030 + STALL - 1);
    decoder.press(enter(1600));
    expect(said()).toEqual([`scan ${CODE}`, `scan ${CODE}`]);
  });

  it('that stops sending a suffix is noticed', () => {
    type('ABC123', 5, 0);
    decoder.press(enter(30));
    type('ABC123', 5, 1000);
    decoder.idle();
    type('ABC123', 5, 3000);
    expect(decoder.patience, 'one that is missing may be a text that was cut off').toBe(STALL);
    decoder.idle();
    type('ABC123', 5, 5000);
    expect(decoder.patience, 'no Enter is waited for any more').toBe(IDLE);
  });

  it('keeps function keys from opening anything', () => {
    type('ABC', 8);
    expect(decoder.press({ key: 'F3', code: 'F3', shift: false, repeat: false, at: 1026 })).toBe(true);
  });

  it('of four digits is one when its suffix comes as fast, and typing when a person presses Enter', () => {
    type('4821', 8);
    decoder.press(enter(1000 + 4 * 8));
    expect(said()).toEqual(['scan 4821']);
    type('4821', 80, 3000);
    decoder.press(enter(3000 + 3 * 80 + 90));
    expect(said()).toEqual(['scan 4821', 'typed 4821 ⏎']);
  });

  it('announces itself at the sixth fast key', () => {
    type('ABCDE', 8);
    expect(heard).toEqual([]);
    decoder.press(key('F', 1040));
    expect(heard).toEqual(['reading']);
  });

  it('may send its Enter late, or CR and LF, without pressing anything', () => {
    type('ABC123', 8);
    decoder.idle();
    expect(decoder.press(enter(1040 + IDLE + 50)), 'an Enter that lagged behind').toBe(true);
    type('ABC123', 8, 3000);
    expect(decoder.press(enter(3050))).toBe(true);
    expect(decoder.press(enter(3058)), 'the second half of CR LF').toBe(true);
  });
});

describe('a person', () => {
  it('who types is no scanner, however long the text', () => {
    type('123456789012', 120);
    decoder.idle();
    expect(said().every((line) => line.startsWith('typed'))).toBe(true);
    expect(
      said()
        .map((line) => line.slice(6))
        .join(''),
    ).toBe('123456789012');
  });

  it('who types fast, at 70 ms per key, is no scanner either', () => {
    type('134567890123456789', 70);
    decoder.idle();
    expect(said()).toEqual(['typed 134567890123456789']);
  });

  it('who ends with Enter is understood, and the Enter goes nowhere else', () => {
    type('1234', 70);
    expect(decoder.press(enter(1210 + 80))).toBe(true);
    expect(said()).toEqual(['typed 1234 ⏎']);
  });

  it('is not taken for confirming when the Enter is part of a short burst', () => {
    type('123', 5);
    expect(decoder.press(enter(1015))).toBe(true);
    expect(said(), 'no Enter is reported').toEqual(['typed 123']);
  });

  it('may press Enter, which waits a moment in case a text follows it', () => {
    expect(decoder.press(enter(5000)), 'it is sent on by whoever owns the clock').toBe(true);
    expect([heard, decoder.patience]).toEqual([[], HOLD]);
    decoder.idle();
    expect(heard).toEqual(['enter 5000']);
  });

  it('may press F3 and Escape when nothing else is being typed', () => {
    expect(decoder.press({ key: 'F3', code: 'F3', shift: false, repeat: false, at: 5200 })).toBe(false);
    expect(decoder.press({ key: 'Escape', code: 'Escape', shift: false, repeat: false, at: 5400 })).toBe(false);
  });

  it('who holds a key down types it once', () => {
    decoder.press(key('1', 1000));
    for (let i = 0; i < 20; i++) decoder.press(key('1', 1030 + i, { repeat: true }));
    decoder.idle();
    expect(said()).toEqual(['typed 1']);
  });

  it('who corrects with Backspace has typed the characters before it', () => {
    decoder.press(key('1', 1000));
    expect(decoder.press({ key: 'Backspace', code: 'Backspace', shift: false, repeat: false, at: 1050 })).toBe(false);
    expect(said()).toEqual(['typed 1']);
  });
});

describe('a text field', () => {
  it('keeps ordinary typing to itself, its Enter too', () => {
    for (const [i, character] of [...'https'].entries()) {
      expect(decoder.press(key(character, 1000 + i * 120), true)).toBe(false);
    }
    expect(decoder.press(enter(1600), true)).toBe(false);
    expect(heard).toEqual([]);
  });

  it('is cleared of a scan at its fourth key, and neither the rest of it nor its Enter goes anywhere', () => {
    const swallowed = [...CODE].map((character, i) => decoder.press(key(character, 1000 + i * 8), true));
    expect(swallowed.indexOf(true), 'three keys may be typing').toBe(3);
    expect(swallowed.slice(3).every(Boolean)).toBe(true);
    expect(decoder.press(enter(1165), false), 'the field has lost the focus meanwhile').toBe(true);
    decoder.idle();
    expect(heard, 'nothing of it is read: an input method may have eaten keys').toEqual(['strayed']);
    type(CODE, 8, 2000);
    decoder.press(enter(2165));
    expect(said(), 'the next scan is read').toEqual(['strayed', `scan ${CODE}`]);
  });

  it('is cleared where an input method hides the keys and only the text is seen to change', () => {
    for (const at of [1000, 1008, 1016]) decoder.changed(at);
    expect(heard, 'three changes may be typing').toEqual([]);
    decoder.changed(1024);
    expect(heard).toEqual(['strayed']);
    expect(decoder.press(key('Z', 1032)), 'keys that are seen again are part of it').toBe(true);
    expect(decoder.press(enter(1040))).toBe(true);
  });

  it('is cleared of what an input method brings in one lump, and keeps what a person composes', () => {
    decoder.changed(1000, 2);
    decoder.changed(3000, 5, 2300);
    expect(heard, 'two characters that were chosen, five letters that took 0.7 s').toEqual([]);
    decoder.changed(5000, 13);
    expect(heard).toEqual(['strayed']);
  });

  it('is cleared of a slow scan at its end, and its Enter sends no form', () => {
    for (const [i, character] of [...CODE].entries()) {
      expect(decoder.press(key(character, 1000 + i * 50), true)).toBe(false);
    }
    expect(decoder.press(enter(1000 + CODE.length * 50), true)).toBe(true);
    expect(heard).toEqual(['strayed']);
  });
});
