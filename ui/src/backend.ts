// The only file that talks to the shell. A promise of the web view may never settle, so that each call has a limit.
// Knows nothing of what the answers mean.
import { invoke } from '@tauri-apps/api/core';
import { listen } from '@tauri-apps/api/event';
import type { Act, Cases, Doctor, Heard, PracticeCode, Row, Screen } from './bindings';

/** What the page asks of the shell. */
export interface Backend {
  screen(): Promise<Screen>;
  act(act: Act): Promise<Screen>;
  history(): Promise<Row[]>;
  cases(): Promise<Cases>;
  /** A manager decides on a case. Answers with the code of what went wrong, if something did. */
  decide(words: Decide): Promise<string | null>;
  practice(): Promise<PracticeCode[]>;
  /** The scanner doctor; nothing where the data folder could not be opened. */
  doctor(): Promise<Doctor | null>;
  /** A text was scanned with this scanner while the doctor was open. */
  examine(scanner: number, heard: Heard): Promise<Doctor | null>;
  /** This scanner is examined from the beginning. */
  forget(scanner: number): Promise<Doctor | null>;
  /** Calls `changed` with every screen that the shell sends by itself. */
  listen(changed: (screen: Screen) => void): Promise<() => void>;
}

/** What a manager says about a case. */
export interface Decide {
  [word: string]: string;
  case: string;
  decision: string;
  manager: string;
  pin: string;
  note: string;
}

const READ_LIMIT = 5_000;
const ACT_LIMIT = 15_000;
// Enrolling may fetch the whole list on a slow line.
const ENROL_LIMIT = 60_000;

export const shell: Backend = {
  screen: () => call('screen', READ_LIMIT),
  act: (act) => call('act', act.act === 'enrol' || act.act === 'sync' ? ENROL_LIMIT : ACT_LIMIT, { act }),
  history: () => call('history', READ_LIMIT),
  cases: () => call('cases', READ_LIMIT),
  decide: (words) => call('decide', ACT_LIMIT, words),
  practice: () => call('practice', READ_LIMIT),
  doctor: () => call('doctor', READ_LIMIT),
  examine: (scanner, heard) => call('examine', ACT_LIMIT, { scanner, heard }),
  forget: (scanner) => call('forget', ACT_LIMIT, { scanner }),
  listen: (changed) => listen<Screen>('screen', (event) => changed(event.payload)),
};

/** The newer of two screens. */
export function newer(shown: Screen | null, arrived: Screen): Screen {
  return shown && shown.revision >= arrived.revision ? shown : arrived;
}

async function call<T>(command: string, limit: number, args?: Record<string, unknown>): Promise<T> {
  return within(limit, invoke<T>(command, args));
}

/** The answer, or an error after `limit` ms. */
export async function within<T>(limit: number, answer: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer from the shell')), limit);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
