// The sentences of both languages. A key that is missing in either file is a compile error; a code that came from
// the shell and is not in the list is shown as it is, so that it can be read out on the telephone.
// Knows nothing of screens.
import en from '../words/en.json';
import zh from '../words/zh-CN.json';

export type Key = keyof typeof zh & keyof typeof en;
export type Language = 'zh-CN' | 'en';
export type Words = Record<string, string | number>;

// Each list must hold every key of the other one.
const LISTS: Record<Language, Record<Key, string>> = {
  'zh-CN': zh satisfies Record<keyof typeof en, string>,
  en: en satisfies Record<keyof typeof zh, string>,
};

let chosen = $state<Language>('zh-CN');

/** The language that is being shown. */
export function language(): Language {
  return chosen;
}

/** Shows the page in `name`; anything but English is Chinese. */
export function choose(name: string): void {
  chosen = name === 'en' ? 'en' : 'zh-CN';
  document.documentElement.lang = chosen === 'en' ? 'en' : 'zh-Hans';
}

/** The sentence of `key`, with its placeholders filled. */
export function say(key: Key, words: Words = {}): string {
  return fill(LISTS[chosen][key], words);
}

/** The sentence of a code that came from the shell, for example `coded('reason', 'used')`. */
export function coded(group: Group, code: string, words: Words = {}): string {
  const key = `${group}.${code}`;
  return isKey(key) ? say(key, words) : code;
}

export type Group =
  'reason' | 'reason_short' | 'todo' | 'silence' | 'failed' | 'notice' | 'case' | 'expect' | 'sync' | 'practice.group';

/** Whether there is a sentence of that name. */
export function isKey(key: string): key is Key {
  return Object.hasOwn(zh, key);
}

function fill(sentence: string, words: Words): string {
  return sentence.replace(/\{(\w+)\}/g, (whole, name: string) => String(words[name] ?? whole));
}
