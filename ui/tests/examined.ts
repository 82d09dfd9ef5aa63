// The scanner doctor's panel, made up: one scanner that needs a suffix, and one that nobody has examined.
import type { Doctor } from '../src/bindings';

const SQUARE = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><path d="M0 0h4v4h-4zM4 4h4v4h-4z"/></svg>';
const BARS = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><path d="M0 0h1v8h-1zM3 0h2v8h-2z"/></svg>';

export const TESTS = [
  ['digits', '9081726354908172635499', 176],
  ['capitals', 'XAQZWYM0123456789KBV', 286],
  ['signs', 'aA zZ yY', null],
  ['long', '000KQZYWAM001KQZYWAM', null],
] as const;

/** A scanner that has had its first code scanned. */
export const EXAMINED: Doctor = {
  tests: TESTS.map(([test, text, width]) => ({
    test,
    text,
    square: SQUARE,
    bars: width === null ? null : BARS,
    bars_width: width,
  })),
  scanners: [
    {
      number: 1,
      verdict: 'fix',
      scans: [{ test: 'digits', exact: false, gap: 48, suffix: 'none' }],
      findings: [
        { finding: 'lost', weight: 'fix', figures: [figure('count', '2'), figure('ms', '48')] },
        { finding: 'suffix_missing', weight: 'better', figures: [] },
        { finding: 'slow', weight: 'better', figures: [figure('ms', '48'), figure('seconds', '5.8')] },
        { finding: 'caps_lock', weight: 'handled', figures: [] },
      ],
    },
  ],
  most: 4,
  heard: 'digits',
  report: 'Counterfoil 0.1.0 · 扫码枪体检\n南山店 · 1号收银机 · 2026-11-22 14:03\n1号扫码枪: …',
};

export const NOT_EXAMINED: Doctor = { ...EXAMINED, scanners: [], heard: null };

function figure(name: string, value: string): { name: string; value: string } {
  return { name, value };
}
