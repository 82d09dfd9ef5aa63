// Contrast of the colours in tokens.css, by the formula of WCAG 2.2, and that what is not verified is not green.
import { describe, expect, it } from 'vitest';
import css from '../src/tokens.css?raw';

type Colours = Record<string, string>;

function read(block: string): Colours {
  return Object.fromEntries([...block.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6})/g)].map((m) => [m[1] ?? '', m[2] ?? '']));
}

const light = read(css.slice(0, css.indexOf('@media')));
const dark: Colours = { ...light, ...read(css.slice(css.indexOf('@media'))) };

function channels(colour: string): number[] {
  return [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255);
}

function luminance(colour: string): number {
  const [r = 0, g = 0, b = 0] = channels(colour).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function ratio(colours: Colours, one: string, other: string): number {
  const [a, b] = [colours[one], colours[other]];
  if (!a || !b) throw new Error(`no colour ${one} or ${other}`);
  const [high = 0, low = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
}

const CLASSES = ['pass', 'local', 'past', 'act', 'done', 'stop', 'fault'];

describe.each([
  ['light', light],
  ['dark', dark],
])('%s', (_, colours) => {
  it.each(CLASSES)('verdict text on %s has 6:1', (name) => {
    expect(ratio(colours, `verdict-${name}`, `verdict-${name}-text`)).toBeGreaterThanOrEqual(5.99);
  });

  it.each([
    ['ink', 'ground'],
    ['ink', 'surface'],
    ['ink', 'raised'],
    ['ink', 'quiet'],
    ['ink-soft', 'ground'],
    ['ink-soft', 'surface'],
    ['ink-soft', 'raised'],
    ['ink-soft', 'quiet'],
    ['primary-text', 'primary'],
    ['member-text', 'member'],
    ['note-text', 'note'],
    ['alarm', 'surface'],
    ['alarm', 'raised'],
  ])('%s on %s has 4.5:1', (text, ground) => {
    expect(ratio(colours, text, ground)).toBeGreaterThanOrEqual(4.5);
  });

  it.each(['ground', 'surface', 'raised'])('rings, frames and lamps on %s have 3:1', (ground) => {
    expect(ratio(colours, 'focus-in', ground)).toBeGreaterThanOrEqual(3);
    expect(ratio(colours, 'edge-strong', ground)).toBeGreaterThanOrEqual(3);
    expect(ratio(colours, 'well', ground)).toBeGreaterThanOrEqual(3);
  });
});

describe('the classes', () => {
  it('are the same in both themes', () => {
    for (const name of CLASSES) expect(dark[`verdict-${name}`]).toBe(light[`verdict-${name}`]);
  });

  it('show green only where the server has confirmed', () => {
    const hue = (colour: string): number => {
      const [r = 0, g = 0, b = 0] = channels(colour);
      const [max, min] = [Math.max(r, g, b), Math.min(r, g, b)];
      const at = max === r ? (g - b) / (max - min) : max === g ? 2 + (b - r) / (max - min) : 4 + (r - g) / (max - min);
      return (at * 60 + 360) % 360;
    };
    const green = CLASSES.filter((name) => {
      const h = hue(light[`verdict-${name}`] ?? '#000000');
      return h > 75 && h < 180;
    });
    expect(green).toEqual(['pass']);
  });
});
