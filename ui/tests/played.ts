// A shell that answers with made-up screens. Used by the tests and the gallery; never part of the production build.
import type { Backend, Decide } from '../src/backend';
import type { Act, Cases, Doctor, Heard, PracticeCode, Row, Screen } from '../src/bindings';
import { NOT_EXAMINED } from './examined';
import { CASES } from './exceptions';
import { HISTORY, PRACTICE } from './fixtures';

/** A shell that shows `scene`, remembers what it is told, and answers with `answers` in turn. */
export class PlayedShell implements Backend {
  acts: Act[] = [];
  answers: Screen[] = [];
  told: Cases = CASES;
  decisions: Decide[] = [];
  /** What a decision is answered with. */
  failed: string | null = null;
  /** What the scanner doctor answers. */
  examined: Doctor = NOT_EXAMINED;
  heard: { scanner: number; heard: Heard }[] = [];
  forgotten: number[] = [];
  changed: (screen: Screen) => void = () => {};

  constructor(public now: Screen) {}

  screen = (): Promise<Screen> => Promise.resolve(this.now);
  history = (): Promise<Row[]> => Promise.resolve(HISTORY);
  cases = (): Promise<Cases> => Promise.resolve(this.told);
  decide = (words: Decide): Promise<string | null> => {
    this.decisions.push(words);
    return Promise.resolve(this.failed);
  };
  practice = (): Promise<PracticeCode[]> => Promise.resolve(PRACTICE);

  doctor = (): Promise<Doctor> => Promise.resolve(this.examined);
  examine = (scanner: number, heard: Heard): Promise<Doctor> => {
    this.heard.push({ scanner, heard });
    return Promise.resolve(this.examined);
  };
  forget = (scanner: number): Promise<Doctor> => {
    this.forgotten.push(scanner);
    return Promise.resolve(this.examined);
  };

  act = (act: Act): Promise<Screen> => {
    this.acts.push(act);
    const next = this.answers.shift() ?? this.now;
    this.now = { ...next, revision: this.now.revision + 1 };
    if (act.act === 'language') {
      this.now = { ...this.now, status: { ...this.now.status, language: act.language } };
    }
    return Promise.resolve(this.now);
  };

  listen = (changed: (screen: Screen) => void): Promise<() => void> => {
    this.changed = changed;
    return Promise.resolve(() => {});
  };
}
