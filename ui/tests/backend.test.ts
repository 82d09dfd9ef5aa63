// The bridge: an old screen never replaces a newer one, and no call waits for ever.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { newer, within } from '../src/backend';
import { screen } from './fixtures';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('screens', () => {
  it('with a higher revision win', () => {
    const [old, young] = [screen('ready', 'zh-CN', 4), screen('pass', 'zh-CN', 5)];
    expect(newer(old, young)).toBe(young);
    expect(newer(young, old), 'an answer that was overtaken').toBe(young);
    expect(newer(null, old), 'the first one').toBe(old);
  });
});

describe('a call', () => {
  it('that is answered gives its answer', async () => {
    await expect(within(1000, Promise.resolve(7))).resolves.toBe(7);
  });

  it('that never settles fails after its limit', async () => {
    const waiting = expect(within(1000, new Promise(() => {}))).rejects.toThrow('no answer');
    await vi.advanceTimersByTimeAsync(1000);
    await waiting;
  });
});
