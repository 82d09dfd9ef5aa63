// Each language says the same things: same keys, same placeholders, nothing empty, and in its own words.
import { describe, expect, it } from 'vitest';
import en from '../words/en.json';
import zh from '../words/zh-CN.json';
import hk from '../words/zh-HK.json';

type List = Record<string, string>;
const LISTS: [string, List][] = [
  ['zh-CN', zh],
  ['zh-HK', hk],
  ['en', en],
];
const placeholders = (sentence: string): string[] => [...sentence.matchAll(/\{(\w+)\}/g)].map((m) => m[1] ?? '').sort();

describe('the word lists', () => {
  it.each(LISTS)('%s has the keys of the others', (_, list) => {
    expect(Object.keys(list).sort()).toEqual(Object.keys(zh).sort());
  });

  it.each(Object.keys(zh))('%s has the same placeholders and is not empty', (key) => {
    for (const [language, list] of LISTS) {
      const sentence = list[key] ?? '';
      expect(placeholders(sentence), language).toEqual(placeholders((zh as List)[key] ?? ''));
      expect(sentence.trim(), language).not.toBe('');
    }
  });

  it('have a short form for each reason, and no placeholder in it', () => {
    const of = (group: string): string[] =>
      Object.keys(zh)
        .filter((key) => key.startsWith(`${group}.`))
        .map((key) => key.slice(group.length + 1));
    expect(of('reason_short')).toEqual(of('reason'));
    for (const [language, list] of LISTS) {
      for (const code of of('reason_short')) {
        expect(placeholders(list[`reason_short.${code}`] ?? ''), language).toEqual([]);
      }
    }
  });

  it('say 核销, never the words for buying back or checking off', () => {
    for (const sentence of Object.values(zh)) expect(sentence).not.toMatch(/赎回|兑付|核实销/);
    for (const sentence of Object.values(hk)) expect(sentence).not.toMatch(/贖回|兌付|核實銷/);
  });
});

describe("Hong Kong's words", () => {
  it('are written in traditional characters', () => {
    const traditional = big5();
    for (const [key, sentence] of Object.entries(hk)) {
      const foreign = [...sentence].filter((character) => character > '⺀' && !traditional.has(character));
      expect(foreign, key).toEqual([]);
    }
  });

  it("are neither Taiwan's nor the mainland's", () => {
    const elsewhere = /軟體|程式碼|網路|門市|門店|隱私|資訊|信息|上傳|螢幕|滑鼠|印表|您|默認|登錄|保存|打印|商品|自提/;
    for (const [key, sentence] of Object.entries(hk)) expect(sentence, key).not.toMatch(elsewhere);
  });
});

/** Every character of plain Big5: no simplified form stands in it. */
function big5(): Set<string> {
  const decoder = new TextDecoder('big5');
  const found = new Set([...'（），。；：？、／·…']);
  for (let lead = 0xa4; lead <= 0xf9; lead++) {
    // Between the two levels of Big5 lie later additions.
    if (lead > 0xc6 && lead < 0xc9) continue;
    for (let trail = 0x40; trail <= 0xfe; trail++) {
      const late = (lead === 0xc6 && trail > 0x7e) || (lead === 0xf9 && trail > 0xd5);
      if (!late && (trail <= 0x7e || trail >= 0xa1)) found.add(decoder.decode(new Uint8Array([lead, trail])));
    }
  }
  return found;
}
