// The sentences of each language. A key that is missing in one of the files is a compile error; a code that came from
// the shell and is not in the list is shown as it is, so that it can be read out on the telephone.
// Knows nothing of screens.
import en from '../words/en.json';
import zh from '../words/zh-CN.json';
import hk from '../words/zh-HK.json';

export type Key = keyof typeof zh & keyof typeof hk & keyof typeof en;
export type Language = 'zh-CN' | 'zh-HK' | 'en';
export type Words = Record<string, string | number>;

type AnyKey = keyof typeof zh | keyof typeof hk | keyof typeof en;

// Each list must hold every key of the others.
const LISTS: Record<Language, Record<Key, string>> = {
  'zh-CN': zh satisfies Record<AnyKey, string>,
  'zh-HK': hk satisfies Record<AnyKey, string>,
  en: en satisfies Record<AnyKey, string>,
};

// What the page calls itself: fonts choose their glyphs and screen readers their voice by it.
const TAGS: Record<Language, string> = { 'zh-CN': 'zh-Hans', 'zh-HK': 'zh-Hant-HK', en: 'en' };

// Which language the switch offers next.
const NEXT: Record<Language, Language> = { 'zh-CN': 'zh-HK', 'zh-HK': 'en', en: 'zh-CN' };

let chosen = $state<Language>('zh-CN');

/** The language that is being shown. */
export function language(): Language {
  return chosen;
}

/** The language that one touch changes to, and the tag under which a browser knows it. */
export function next(): { language: Language; tag: string } {
  return { language: NEXT[chosen], tag: TAGS[NEXT[chosen]] };
}

/** Shows the page in `name`; a language that the page does not speak is shown in the mainland's Chinese. */
export function choose(name: string): void {
  chosen = isLanguage(name) ? name : 'zh-CN';
  document.documentElement.lang = TAGS[chosen];
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
  | 'reason'
  | 'reason_short'
  | 'why'
  | 'todo'
  | 'silence'
  | 'failed'
  | 'notice'
  | 'case'
  | 'case_reason'
  | 'case_standing'
  | 'decision'
  | 'heard'
  | 'expect'
  | 'sync'
  | 'practice.group'
  | 'doctor.test'
  | 'doctor.state'
  | 'doctor.suffix'
  | 'doctor.weight'
  | 'doctor.verdict'
  | 'doctor.finding'
  | 'doctor.remedy';

/** Whether there is a sentence of that name. */
export function isKey(key: string): key is Key {
  return Object.hasOwn(zh, key);
}

function isLanguage(name: string): name is Language {
  return Object.hasOwn(LISTS, name);
}

function fill(sentence: string, words: Words): string {
  return sentence.replace(/\{(\w+)\}/g, (whole, name: string) => String(words[name] ?? whole));
}
