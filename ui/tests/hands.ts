// What a test does at the page: opens it on a scene, looks for parts by their hooks, clicks, presses and scans.
import { cleanup, render } from '@testing-library/svelte';
import { tick } from 'svelte';
import { afterEach, beforeEach, vi } from 'vitest';
import App from '../src/App.svelte';
import type { Screen } from '../src/bindings';
import { HOLD } from '../src/wedge';
import { NOW, screen } from './fixtures';
import { PlayedShell } from './played';

/** The shell behind the page that is open. */
export let shell: PlayedShell;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'] });
  vi.setSystemTime(NOW);
});

afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

/** Opens the page on a scene. */
export async function open(scene: string, language = 'zh-CN'): Promise<void> {
  await show(screen(scene, language));
}

/** Opens the page on a screen. */
export async function show(first: Screen): Promise<void> {
  shell = new PlayedShell(first);
  render(App, { backend: shell });
  await settle();
}

export async function settle(ms = 600): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
  await tick();
}

export function find(id: string): HTMLElement {
  const element = document.querySelector<HTMLElement>(`[data-testid="${id}"]`);
  if (!element) throw new Error(`nothing is called ${id}`);
  return element;
}

export const has = (id: string): boolean => document.querySelector(`[data-testid="${id}"]`) !== null;
export const stage = (): string | undefined => document.querySelector<HTMLElement>('[data-stage]')?.dataset.stage;

export async function click(id: string): Promise<void> {
  find(id).click();
  await settle(0);
}

export function press(key: string, at: number, code = key): KeyboardEvent {
  const shiftKey = /^[A-Z]$/.test(key);
  const event = new KeyboardEvent('keydown', { key, code, shiftKey, bubbles: true, cancelable: true });
  Object.defineProperty(event, 'timeStamp', { value: at });
  (document.activeElement ?? document.body).dispatchEvent(event);
  return event;
}

export async function key(name: string): Promise<void> {
  press(name, performance.now());
  // A lone Enter waits, in case a scanner's text follows it.
  await settle(name === 'Enter' ? HOLD : 0);
}

export async function scan(text: string, suffix = true): Promise<void> {
  const from = performance.now();
  [...text].forEach((character, i) => {
    press(character, from + i * 5, /\d/.test(character) ? `Digit${character}` : `Key${character}`);
  });
  if (suffix) press('Enter', from + text.length * 5);
  await settle(200);
}
