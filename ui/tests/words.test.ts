// Both languages say the same things: same keys, same placeholders, nothing empty.
import { describe, expect, it } from 'vitest';
import en from '../words/en.json';
import zh from '../words/zh-CN.json';

const placeholders = (sentence: string): string[] => [...sentence.matchAll(/\{(\w+)\}/g)].map((m) => m[1] ?? '').sort();

describe('the word lists', () => {
  it('have the same keys', () => {
    expect(Object.keys(en).sort()).toEqual(Object.keys(zh).sort());
  });

  it.each(Object.keys(zh))('%s has the same placeholders and is not empty', (key) => {
    const chinese = zh[key as keyof typeof zh];
    const english = en[key as keyof typeof en];
    expect(placeholders(english)).toEqual(placeholders(chinese));
    expect(chinese.trim()).not.toBe('');
    expect(english.trim()).not.toBe('');
  });

  it('have a short form for each reason, and no placeholder in it', () => {
    const of = (group: string): string[] =>
      Object.keys(zh)
        .filter((key) => key.startsWith(`${group}.`))
        .map((key) => key.slice(group.length + 1));
    expect(of('reason_short')).toEqual(of('reason'));
    for (const code of of('reason_short')) {
      expect(placeholders(zh[`reason_short.${code}` as keyof typeof zh])).toEqual([]);
    }
  });

  it('say 核销, never the words for buying back or checking off', () => {
    for (const sentence of Object.values(zh)) expect(sentence).not.toMatch(/赎回|兑付|核实销/);
  });
});
