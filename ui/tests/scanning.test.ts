// What a scanner's keys do to the page itself: nothing to its buttons, nothing to its fields, and a bar that moves.
import { tick } from 'svelte';
import { describe, expect, it } from 'vitest';
import { FIELD_REST } from '../src/listen';
import { HOLD, HOLD_LEARNED, LATE_SUFFIX } from '../src/wedge';
import { find, has, key, open, press, scan, settle, shell } from './hands';

const CODE = 'P7KQ4M2XA8F3TN5WYC6P';

function field(id: string): HTMLInputElement {
  const found = find(id);
  if (!(found instanceof HTMLInputElement)) throw new Error(`${id} is no field`);
  return found;
}

/** Types into a field as a keyboard does: the key, then the change, unless the key was taken. */
function into(target: HTMLInputElement, character: string, at: number): void {
  const event = press(character, at, /\d/.test(character) ? `Digit${character}` : `Key${character.toUpperCase()}`);
  if (event.defaultPrevented || document.activeElement !== target) return;
  target.value += character;
  target.dispatchEvent(new Event('input', { bubbles: true }));
}

describe('a text field', () => {
  it('is cleared of a scan, loses the focus, and the page says so', async () => {
    await open('enrol');
    const code = field('enrol-code');
    code.value = 'KEEP';
    code.dispatchEvent(new Event('input', { bubbles: true }));
    code.focus();
    [...CODE].forEach((character, i) => into(code, character, performance.now() + i * 8));
    expect(press('Enter', performance.now() + 165).defaultPrevented, 'the form is not sent').toBe(true);
    await settle(200);
    expect(code.value, 'what a person had typed stays, what the scanner typed goes').toBe('KEEP');
    expect(document.activeElement).not.toBe(code);
    expect(has('scan-strayed')).toBe(true);
    expect(shell.acts).toEqual([]);
    await scan(CODE);
    expect([has('scan-strayed'), code.value], 'the second scan is read').toEqual([false, CODE]);
  });

  it('keeps what a person types, and loses the focus when nobody types any more', async () => {
    await open('enrol');
    const code = field('enrol-code');
    code.focus();
    for (const character of 'ABC') {
      into(code, character, performance.now());
      await settle(120);
    }
    expect([code.value, has('scan-strayed')]).toEqual(['ABC', false]);
    await settle(FIELD_REST - 500);
    expect(document.activeElement).toBe(code);
    await settle(500);
    expect(document.activeElement, 'a scan would land in it').not.toBe(code);
  });
});

describe('an Enter before a text', () => {
  it('does not confirm what the customer before has left on the screen', async () => {
    await open('offer_coupon');
    const from = performance.now();
    press('Enter', from);
    [...CODE].forEach((character, i) => {
      press(character, from + 8 + i * 8, /\d/.test(character) ? `Digit${character}` : `Key${character}`);
    });
    await settle(300);
    expect(shell.acts.map((act) => act.act)).toEqual(['burst']);
  });

  it('presses no button that has the focus, while a lone one does', async () => {
    await open('ready');
    const button = find('btn-history');
    button.focus();
    const from = performance.now();
    press('Enter', from);
    [...CODE].forEach((character, i) => {
      press(character, from + 8 + i * 8, /\d/.test(character) ? `Digit${character}` : `Key${character}`);
    });
    await settle(300);
    expect(has('panel-history')).toBe(false);
    await settle(LATE_SUFFIX);
    button.focus();
    await key('Enter');
    await settle(HOLD_LEARNED);
    expect(has('panel-history'), 'a person without a mouse gets there').toBe(true);
  });

  it('is one that was held back by a moment only', async () => {
    await open('offer_coupon');
    press('Enter', performance.now());
    await settle(HOLD - 1);
    expect(shell.acts).toEqual([]);
    await settle(1);
    expect(shell.acts.map((act) => act.act)).toEqual(['confirm']);
  });
});

describe('the space bar', () => {
  it('presses the button that has the focus, unless a text begins with it', async () => {
    await open('ready');
    find('btn-history').focus();
    press(' ', performance.now(), 'Space');
    await settle(150);
    expect(has('panel-history')).toBe(true);
    await key('Escape');
    find('btn-history').focus();
    const from = performance.now();
    press(' ', from, 'Space');
    [...CODE].forEach((character, i) => {
      press(character, from + 8 + i * 8, /\d/.test(character) ? `Digit${character}` : `Key${character}`);
    });
    press('Enter', from + 200);
    await settle(150);
    expect([has('panel-history'), shell.acts.length]).toEqual([false, 1]);
  });
});

describe('the reading bar', () => {
  it('moves from the sixth fast character until the text is there', async () => {
    await open('ready');
    const reading = (): string | undefined => find('reading-bar').dataset.reading;
    const from = performance.now();
    [...CODE].slice(0, 5).forEach((_, i) => press('1', from + i * 8, 'Digit1'));
    await tick();
    expect(reading(), 'five may be a person').toBe('false');
    press('1', from + 40, 'Digit1');
    await tick();
    expect(reading()).toBe('true');
    press('Enter', from + 48);
    await tick();
    expect(reading()).toBe('false');
  });
});
