// The store's exceptions and undoing in part, as the page draws and sends them.
import { describe, expect, it } from 'vitest';
import { CASES } from './exceptions';
import { screen } from './fixtures';
import { click, find, has, key, open, press, scan, settle, shell, show } from './hands';

const rows = (): HTMLElement[] => [...document.querySelectorAll<HTMLElement>('[data-testid="case-row"]')];
const names = (): (string | undefined)[] => rows().map((one) => one.dataset.case);
const text = (one: HTMLElement | undefined): string => one?.textContent?.replace(/\s+/g, ' ') ?? '';

async function digits(pin: string): Promise<void> {
  for (const digit of pin) {
    press(digit, performance.now(), `Digit${digit}`);
    await settle(200);
  }
}

async function openCases(): Promise<void> {
  await open('ready');
  await key('F8');
}

describe('the list of exceptions', () => {
  it('shows open ones first, with what is at stake and both sides', async () => {
    await openCases();
    expect(names()).toEqual(['k1', 'k2', 'k3', 'k4']);
    expect(text(find('panel-cases'))).toContain('待处理 2');
    expect(text(find('panel-cases'))).toContain('已处理 2');
    const first = text(rows()[0]);
    for (const words of [
      '重复核销',
      '涉及 ¥20.00',
      '本机',
      '另一方',
      '已计入',
      '未计入',
      '张伟 · 1号收银机',
      '19 分钟',
    ]) {
      expect(first).toContain(words);
    }
    expect(rows()[0]?.querySelectorAll('[data-testid="case-side"]')).toHaveLength(2);
    expect(first, 'the record that proves it').toContain('凭证 1-482 · 9d4e17af03bb');
  });

  it('says what waits here, and whose decision stands', async () => {
    await openCases();
    expect(text(rows()[2])).toContain('已在本机处理，待上传');
    expect(text(rows()[2])).toContain('顾客已补款');
    const last = text(rows()[3]);
    expect(last).toContain('别处处理在先');
    expect(last.indexOf('货已追回'), 'the one that stands is told').toBeGreaterThan(-1);
    expect(rows()[3]?.querySelector('.stands')?.textContent).toContain('赵敏');
  });

  it('has words for nothing, for waiting and for a shell that does not answer', async () => {
    await open('ready');
    shell.cases = () => new Promise(() => {});
    await key('F8');
    expect(has('cases-loading')).toBe(true);
    await key('F8');
    shell.cases = () => Promise.resolve({ managers: [], cases: [] });
    await key('F8');
    expect(has('cases-none')).toBe(true);
    await key('F8');
    shell.cases = () => Promise.reject(new Error('gone'));
    await key('F8');
    await settle();
    expect(has('cases-lost')).toBe(true);
  });

  it.each(['zh-CN', 'zh-HK', 'en'])('has words for every class and decision in %s', async (language) => {
    await open('ready', language);
    const classes = 'duplicate stale overspent unknown rules fork gap clock undo_race written_off unreadable'.split(
      ' ',
    );
    const [one] = CASES.cases;
    if (!one) throw new Error('there is one');
    shell.told = { ...CASES, cases: classes.map((name) => ({ ...one, id: name, class: name })) };
    await key('F8');
    expect(rows()).toHaveLength(classes.length);
    for (const row of rows()) {
      expect(row.querySelector('.tag')?.textContent).not.toBe(row.dataset.class);
    }
  });
});

describe('a decision', () => {
  it('wants what, who and a PIN, and sends all of it with the note', async () => {
    await openCases();
    await click('case-decide');
    const go = (): HTMLButtonElement => find('btn-decide') as HTMLButtonElement;
    await click('decision-recovered');
    await click('decide-manager-c3');
    expect(go().disabled, 'no PIN yet').toBe(true);
    const note = find('decide-note') as HTMLInputElement;
    note.value = ' 退回了 ';
    note.dispatchEvent(new Event('input', { bubbles: true }));
    for (const digit of '8888') await click(`decide-pin-${digit}`);
    await click('btn-decide');
    const sent = { case: 'k1', decision: 'recovered', manager: 'c3', pin: '8888', note: '退回了' };
    expect(shell.decisions).toEqual([sent]);
    await settle();
    expect(has('decide'), 'the form is put away').toBe(false);
  });

  it('can be made with the keyboard alone, and is put aside by Escape', async () => {
    await openCases();
    await click('case-decide');
    await key('ArrowDown');
    await key('ArrowDown');
    await key('ArrowRight');
    await digits('8888');
    await key('Enter');
    await settle();
    expect(shell.decisions).toEqual([{ case: 'k1', decision: 'written_off', manager: 'c3', pin: '8888', note: '' }]);
    await click('case-decide');
    await key('Escape');
    expect(has('decide')).toBe(false);
    expect(has('panel-cases'), 'the list stays').toBe(true);
  });

  it('says what went wrong and keeps everything but the PIN', async () => {
    await openCases();
    shell.failed = 'wrong_pin';
    await click('case-decide');
    await click('decision-paid');
    await click('decide-manager-c4');
    await digits('1111');
    await click('btn-decide');
    await settle();
    expect(find('decide-failed').textContent).toBe('密码不对，请再输一次');
    expect(find('decide-pin').dataset.length).toBe('0');
    expect(find('decision-paid').getAttribute('aria-checked')).toBe('true');
    expect(shell.acts, 'nothing else was done').toEqual([]);
  });

  it('is not offered where nobody may make it', async () => {
    await open('ready');
    shell.told = { ...CASES, managers: [] };
    await key('F8');
    expect(has('case-decide')).toBe(false);
    expect(text(find('panel-cases'))).toContain('没有店长');
  });

  it('gives way to the next scan', async () => {
    await openCases();
    await click('case-decide');
    await scan('P7KQ4M2XA8F3TN5WYC6P');
    expect(shell.acts.at(-1)).toMatchObject({ act: 'burst', physical: 'P7KQ4M2XA8F3TN5WYC6P' });
    expect(has('panel-cases')).toBe(false);
  });
});

describe('undoing from the history', () => {
  const NUMBER = '018f3b2c77aa4c0e8d1509b69d4e1470';

  async function ask(): Promise<void> {
    await show(screen('ready', 'zh-CN'));
    await click('btn-history');
    document.querySelector<HTMLElement>(`[data-number="${NUMBER}"] [data-testid="row-undo"]`)?.click();
    await settle(0);
  }

  it('asks which of several, with all that is left chosen', async () => {
    await ask();
    expect(shell.acts, 'nothing is undone yet').toEqual([]);
    expect(text(find('btn-undo-some'))).toContain('全部撤销');
    expect(has('item-B02-tick'), 'what came back already is not offered').toBe(false);
    await click('btn-undo-some');
    expect(shell.acts).toEqual([{ act: 'undo', number: NUMBER }]);
    expect(has('undo-some')).toBe(false);
  });

  it('takes back what was chosen and no more', async () => {
    await ask();
    await click('item-D01-minus');
    await click('item-C01-tick');
    expect(text(find('btn-undo-some'))).toContain('撤销所选 1/3');
    await key('Enter');
    const takes = [{ sku: 'D01', quantity: 1 }];
    expect(shell.acts).toEqual([{ act: 'undo_part', number: NUMBER, takes }]);
  });

  it('can be left without undoing anything', async () => {
    await ask();
    await key('Escape');
    expect(has('undo-some')).toBe(false);
    expect(has('panel-history')).toBe(true);
    expect(shell.acts).toEqual([]);
  });

  it('takes nothing back when nothing is chosen', async () => {
    await ask();
    await click('item-D01-tick');
    await click('item-C01-tick');
    await key('Enter');
    expect((find('btn-undo-some') as HTMLButtonElement).disabled).toBe(true);
    expect(shell.acts).toEqual([]);
  });
});
