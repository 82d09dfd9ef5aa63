// The scanner doctor's panel: how it is reached, what it hands to the till, what it shows of what the till says.
import { cleanup } from '@testing-library/svelte';
import { beforeEach, describe, expect, it } from 'vitest';
import { EXAMINED, NOT_EXAMINED, TESTS } from './examined';
import { click, find, has, key, open, scan, settle, shell } from './hands';

const findings = (): (string | undefined)[] =>
  [...document.querySelectorAll<HTMLElement>('[data-testid="doctor-finding"]')].map((one) => one.dataset.finding);

describe('the scanner doctor', () => {
  beforeEach(async () => {
    await open('ready');
    await key('F1');
    await settle(0);
  });

  it('is opened and closed by F1, and from the menu', async () => {
    expect(has('panel-doctor')).toBe(true);
    await key('F1');
    expect(has('panel-doctor')).toBe(false);
    await click('btn-menu');
    await click('btn-doctor');
    expect(has('panel-doctor')).toBe(true);
  });

  it('hands what a scanner types to the till, and redeems nothing', async () => {
    shell.examined = EXAMINED;
    await scan(TESTS[0][1]);
    expect(shell.acts).toEqual([]);
    expect(shell.heard).toMatchObject([
      { scanner: 1, heard: { physical: TESTS[0][1], logical: TESTS[0][1], gap: 5, suffix: 'enter', prefix: 'none' } },
    ]);
    expect(find('doctor-verdict').dataset.verdict).toBe('fix');
    expect(findings()).toEqual(['lost', 'suffix_missing', 'slow', 'caps_lock']);
    const words = find('panel-doctor').textContent;
    expect(words, 'each with what to do about it').toContain('添加回车');
    expect(words).toContain('丢了 2 个字符（每字 48 毫秒）');
    expect(find('doctor-code').dataset.test, 'the next code is shown').toBe('capitals');
    expect(find('doctor-test-digits').dataset.state).toBe('differs');
  });

  it('says so when that was no test code', async () => {
    shell.examined = NOT_EXAMINED;
    await scan('P7KQ4M2XA8F3TN5WYC6P');
    expect(has('doctor-stray')).toBe(true);
    expect(shell.acts, 'and redeems nothing').toEqual([]);
  });

  it('examines another scanner under its own number, and one from the beginning', async () => {
    await click('doctor-add');
    await scan(TESTS[1][1]);
    expect(shell.heard.map(({ scanner }) => scanner)).toEqual([2]);
    shell.examined = EXAMINED;
    await click('doctor-scanner-1');
    await scan(TESTS[1][1]);
    await click('doctor-again');
    expect(shell.forgotten).toEqual([1]);
  });

  it('shows the diagnostics as a text', () => {
    expect(find('doctor-report').textContent).toBe(EXAMINED.report);
  });
});

describe('a scan that was mangled', () => {
  it('leads to the doctor, others do not', async () => {
    await open('damaged');
    await click('btn-doctor');
    expect(has('panel-doctor')).toBe(true);
    cleanup();
    await open('used');
    expect(has('btn-doctor')).toBe(false);
  });
});
