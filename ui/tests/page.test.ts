// The page with a played shell: what a clerk sees and what is sent, per stage.
import { cleanup } from '@testing-library/svelte';
import { describe, expect, it } from 'vitest';
import { whoseOf } from '../src/sentences';
import { OFFLINE, PRACTICE, SCENES, screen, status, subject } from './fixtures';
import { click, find, has, key, open, press, scan, settle, shell, stage } from './hands';

const CODE = 'P7KQ4M2XA8F3TN5WYC6P';
const TAGS: Record<string, string> = { 'zh-CN': 'zh-Hans', 'zh-HK': 'zh-Hant-HK', en: 'en' };

describe('every scene', () => {
  const scenes = Object.keys(SCENES).flatMap((scene) => [
    [scene, 'zh-CN'],
    [scene, 'zh-HK'],
    [scene, 'en'],
  ]);

  it.each(scenes)('%s in %s is drawn with words, not codes', async (scene, language) => {
    await open(scene ?? '', language);
    expect(stage()).toBe(SCENES[scene ?? '']?.stage.stage);
    const text = document.querySelector('main')?.textContent ?? '';
    expect(text, 'no placeholder is left').not.toMatch(/\{\w+\}/);
    expect(document.querySelector('main h1')?.textContent, 'no bare code in a headline').not.toMatch(/[a-z]_[a-z]/);
    expect(document.documentElement.lang).toBe(TAGS[language ?? '']);
  });

  it.each(Object.keys(SCENES).filter((scene) => !scene.startsWith('enrol')))(
    '%s has no text field that could hold the focus',
    async (scene) => {
      await open(scene);
      expect(document.querySelector('input, textarea, [contenteditable]')).toBeNull();
    },
  );
});

describe('a verdict', () => {
  it('carries its hooks', async () => {
    await open('pass_offline');
    const { dataset } = find('verdict');
    expect(dataset).toMatchObject({ class: 'pass', reason: 'redeemed', basis: 'copy', unsent: 'true' });
  });

  it('is green only with the server behind it', async () => {
    await open('pass');
    expect(find('verdict').className).toMatch(/\bpass\b/);
    cleanup();
    await open('pass_offline');
    expect(find('verdict').className).toMatch(/\blocal\b/);
    expect(find('verdict').className).not.toMatch(/\bpass\b/);
    expect(find('verdict').textContent).toContain('离线 · 待上传');
  });

  it('from a signature is never green either, and says so in its own words', async () => {
    await open('pass_signature');
    const card = find('verdict');
    expect(card.className).toMatch(/\blocal\b/);
    expect(card.dataset).toMatchObject({ class: 'pass', basis: 'signature', unsent: 'true' });
    expect(card.querySelector('.stripes'), 'striped like the copy').not.toBeNull();
    expect(find('unsent').textContent).toContain('离线验签 · 待上传');
    expect(card.querySelector('.facts')?.textContent).toContain('离线验签，名单 13:13（50 分钟前）');
    const own = find('unsent').innerHTML;
    cleanup();
    await open('pass_offline');
    expect(find('unsent').querySelector('path')?.outerHTML, 'the copy has another icon').not.toBe(
      new DOMParser().parseFromString(own, 'text/html').querySelector('path')?.outerHTML,
    );
  });

  it('says who used it before, when and where', async () => {
    await open('used');
    expect(find('verdict').textContent).toContain('已于 12:41 在福田中心店 2号收银机 由张伟核销');
  });

  it('counts down to the end of the undo and sends it', async () => {
    await open('pass');
    const before = find('btn-undo').textContent;
    await settle(3000);
    expect(find('btn-undo').textContent).not.toBe(before);
    await click('btn-undo');
    expect(shell.acts).toEqual([{ act: 'undo', number: '018f3b2c77aa4c0e8d1509b69d4e1482' }]);
  });

  it('that was counted unseen asks for a decision, and Enter does not take it', async () => {
    await open('counted_unseen');
    expect(has('before-restart')).toBe(true);
    await key('Enter');
    expect(shell.acts).toEqual([]);
    await click('btn-handover');
    expect(shell.acts).toEqual([{ act: 'hand_over', number: '018f3b2c77aa4c0e8d1509b69d4e1482' }]);
  });

  it('from before the restart does not ask for a second hand-over', async () => {
    await open('pass_old');
    expect(find('verdict').className).toMatch(/\bpast\b/);
    expect(find('verdict').dataset.class).toBe('pass');
    expect(find('verdict').textContent).toContain('重启前已核销。如果货已交出，不用再交');
    expect(find('verdict').textContent).not.toContain('请在收款机减');
  });

  it('counts whole minutes up, and draws the undo without a limit too', async () => {
    await open('pass_percent');
    expect(find('btn-undo').textContent).toContain('剩 9 分钟');
    await settle(5000);
    expect(find('btn-undo').textContent).toContain('剩 9 分钟');
    cleanup();
    await open('counted_unseen');
    expect(find('btn-undo').querySelector('.remaining')).toBeNull();
  });

  it('about an undo that came too late speaks of the undo', async () => {
    await open('undo_too_late');
    expect(find('verdict').querySelector('h1')?.textContent).toBe('不能撤销');
  });

  it('of a times card says what is left, as the offer and the member card do', async () => {
    await open('pass_times');
    expect(find('verdict').textContent).toContain('剩 7/10 次');
    cleanup();
    await open('offer_times');
    expect(document.querySelector('main')?.textContent).toMatch(/剩 8 次\s*第 3\/10 次/);
    cleanup();
    await open('member');
    expect(document.querySelector('main')?.textContent).toContain('剩 7 次');
  });

  it('leaves out facts without a value', async () => {
    await open('pass_bare');
    expect(document.querySelector('main')?.textContent).not.toMatch(/—|本次取走|有效期至|顾客/);
    expect(document.querySelector('main')?.textContent).toContain('尾号 P9TD');
  });

  it('says of a code that may show nothing of itself whose it is, and no more', () => {
    expect(whoseOf(subject())).toBe('王* · 尾号 P9TD');
    expect(whoseOf(subject({ code_tail: '' }))).toBe('王*');
    expect(whoseOf(subject({ holder: '', code_tail: '' }))).toBe('');
  });

  it('is followed by the next customer on Enter', async () => {
    await open('pass');
    await key('Enter');
    expect(shell.acts).toEqual([{ act: 'next' }]);
  });
});

describe('a copy that is fetched', () => {
  it('shows how far it has come, and nothing once it is there', async () => {
    await open('ready_fetching');
    const banner = find('fetching');
    expect(banner.textContent).toContain('412,000 / 1,000,000');
    const bar = banner.querySelector('progress')!;
    expect([bar.value, bar.max]).toEqual([412_000, 1_000_000]);
    shell.changed({ ...screen('ready'), revision: 9 });
    await settle();
    expect(document.querySelector('[data-testid="fetching"]')).toBeNull();
  });
});

describe('an order', () => {
  it('is taken whole by default', async () => {
    await open('offer_order');
    await key('Enter');
    expect(shell.acts).toEqual([
      {
        act: 'confirm',
        takes: [
          { sku: '1001', quantity: 2 },
          { sku: '1002', quantity: 1 },
          { sku: '1003', quantity: 2 },
        ],
      },
    ]);
  });

  it('is taken in part when lines are ticked', async () => {
    await open('offer_order');
    await click('item-1002-tick');
    await click('item-1001-plus');
    expect(find('btn-confirm').textContent).toContain('取走所选 2/5');
    await click('btn-confirm');
    expect(shell.acts).toEqual([
      {
        act: 'confirm',
        takes: [
          { sku: '1001', quantity: 1 },
          { sku: '1002', quantity: 1 },
        ],
      },
    ]);
  });

  it('keeps its ticks when only the bar above changes', async () => {
    await open('offer_order');
    await click('item-1002-tick');
    shell.changed({ ...screen('offer_order'), revision: 9, status: status(OFFLINE) });
    await settle();
    expect(find('btn-confirm').textContent).toContain('取走所选 1/5');
    expect(find('status-line').dataset).toMatchObject({ line: 'offline', waiting: '12' });
  });

  it('is not confirmed by a key that comes too soon after it appeared', async () => {
    await open('ready');
    shell.changed(screen('offer_order', 'zh-CN', 2));
    await settle(250);
    await key('Enter');
    expect(shell.acts, 'after 250 ms').toEqual([]);
    await settle(100);
    await key('Enter');
    expect(
      shell.acts.map((act) => act.act),
      'after 350 ms',
    ).toEqual(['confirm']);
  });

  it('stays behind the question to the server, ticks and all, and cannot be pressed', async () => {
    await open('offer_order');
    await click('item-1002-tick');
    shell.changed(screen('checking', 'zh-CN', 2));
    await settle(150);
    expect(stage()).toBe('checking');
    expect(find('btn-confirm').textContent).toContain('取走所选 1/5');
    expect((find('btn-confirm') as HTMLButtonElement).disabled).toBe(true);
    expect(document.querySelector('main')?.textContent).toContain('核对中');
    shell.changed(screen('pass_order', 'zh-CN', 3));
    await settle();
    expect(has('btn-confirm')).toBe(false);
    expect(has('verdict')).toBe(true);
  });
});

describe('a double or triple click', () => {
  it('on the confirmation does not swallow the verdict', async () => {
    await open('offer_coupon');
    shell.answers = [screen('pass'), screen('ready')];
    await click('btn-confirm');
    expect(stage()).toBe('verdict');
    for (const button of ['btn-next', 'btn-undo', 'btn-next']) {
      await settle(150);
      await click(button);
    }
    expect(
      shell.acts.map((act) => act.act),
      'within 450 ms',
    ).toEqual(['confirm']);
    expect(stage()).toBe('verdict');
    await settle(100);
    await click('btn-next');
    expect(
      shell.acts.map((act) => act.act),
      'after 550 ms',
    ).toEqual(['confirm', 'next']);
  });

  it.each([
    ['offer_order', 'btn-confirm'],
    ['offer_order', 'btn-next'],
    ['member', 'coupon-m3'],
    ['choice', 'candidate-o1043'],
    ['counted_unseen', 'btn-handover'],
  ])('presses nothing on %s that has only just appeared: %s', async (scene, button) => {
    await open('ready');
    shell.changed(screen(scene, 'zh-CN', 2));
    await settle(400);
    await click(button);
    expect(shell.acts, 'after 400 ms').toEqual([]);
    await settle(200);
    await click(button);
    expect(shell.acts, 'after 600 ms').toHaveLength(1);
  });
});

describe('a coupon', () => {
  it('asks for a look at the bill, and takes one use', async () => {
    await open('offer_coupon');
    expect(document.querySelector('main')?.textContent).toContain('已消费满 ¥100.00？');
    await click('btn-confirm');
    expect(shell.acts).toEqual([{ act: 'confirm', takes: [{ sku: 'use', quantity: 1 }] }]);
  });
});

describe('a member', () => {
  it('has a coupon chosen', async () => {
    await open('member');
    await click('coupon-m3');
    expect(shell.acts).toEqual([{ act: 'choose', id: 'm3' }]);
  });
});

describe('a choice', () => {
  it('is made by a touch or by the number that stands on the row', async () => {
    await open('choice');
    expect(find('candidate-o1051').textContent).toMatch(/2.*欧阳\*\*.*自提订单 A1051.*海盐芝士蛋糕 6 寸 ×1/s);
    await click('candidate-o1051');
    expect(shell.acts).toEqual([{ act: 'choose', id: 'o1051' }]);
    cleanup();
    await open('choice');
    press('3', performance.now(), 'Digit3');
    await settle(200);
    expect(shell.acts).toEqual([{ act: 'choose', id: 'o1038' }]);
  });

  it('is walked with the arrows, and Enter takes only what was walked to', async () => {
    await open('choice');
    await key('Enter');
    expect(shell.acts, 'nothing is chosen by default').toEqual([]);
    for (const name of ['ArrowDown', 'ArrowDown', 'ArrowDown', 'ArrowDown', 'ArrowUp']) await key(name);
    await key('Enter');
    expect(shell.acts, 'what cannot be taken is passed over').toEqual([{ act: 'choose', id: 'o1051' }]);
  });

  it('asks even where only one fits', async () => {
    await open('choice_one');
    expect(document.querySelector('main h1')?.textContent).toBe('是这一单吗？');
    await key('Enter');
    expect(shell.acts).toEqual([]);
  });

  it('says why, and refuses, what cannot be taken', async () => {
    await open('choice');
    expect(find('candidate-o987').textContent).toContain('不适用于本店');
    await click('candidate-o987');
    press('4', performance.now(), 'Digit4');
    await settle(200);
    expect(shell.acts).toEqual([]);
    cleanup();
    await open('choice_none');
    expect(document.querySelector('main header')?.textContent).toContain('这些单现在都不能核销');
  });

  it('is put aside with Escape', async () => {
    await open('choice');
    await key('Escape');
    expect(shell.acts).toEqual([{ act: 'next' }]);
  });

  it('is not made by a digit that was meant for what was there before', async () => {
    await open('ready');
    press('1', performance.now(), 'Digit1');
    shell.changed(screen('choice', 'zh-CN', 2));
    await settle(250);
    press('1', performance.now(), 'Digit1');
    await settle(400);
    expect(shell.acts).toEqual([]);
    press('1', performance.now(), 'Digit1');
    await settle(200);
    expect(shell.acts).toEqual([{ act: 'choose', id: 'o1043' }]);
  });

  it('has no numbers beyond the keys that there are', async () => {
    await open('choice_many');
    const numbers = [...document.querySelectorAll('main .number:not(.none)')].map((number) => number.textContent);
    expect(numbers).toEqual(['1', '2', '3', '4', '5', '6', '7', '8', '9']);
    expect(document.querySelector('main footer')?.textContent, 'more than are in sight').toContain('共 12 单');
    await click('candidate-o1111');
    expect(shell.acts).toEqual([{ act: 'choose', id: 'o1111' }]);
  });
});

describe('a scan', () => {
  it('is sent from every screen, and its Enter presses nothing', async () => {
    for (const scene of ['ready', 'offer_order', 'member', 'choice', 'pass', 'counted_unseen', 'sign_in']) {
      await open(scene);
      const button = document.querySelector<HTMLElement>('main button, nav button');
      button?.focus();
      await scan(CODE);
      expect(shell.acts, scene).toEqual([
        { act: 'burst', physical: CODE, logical: CODE, caps: false, pauses: [], cut: false },
      ]);
      cleanup();
    }
  });

  it('closes whatever lies over the verdict', async () => {
    await open('ready');
    await key('F4');
    expect(has('panel-history')).toBe(true);
    await scan(CODE);
    expect(has('panel-history')).toBe(false);
  });

  it('goes into the code field while enrolling', async () => {
    await open('enrol');
    await scan('E7KQ4M2XA8F3TN5WYC6P');
    expect(shell.acts).toEqual([]);
    expect((find('enrol-code') as HTMLInputElement).value).toBe('E7KQ4M2XA8F3TN5WYC6P');
  });
});

describe('a failed enrolment', () => {
  it('is forgotten when another code is scanned', async () => {
    await open('enrol_failed');
    expect(document.querySelector('main')?.textContent).toContain('这个开通码已经用过');
    await scan('E7KQ4M2XA8F3TN5WYC6P');
    expect(document.querySelector('main')?.textContent).not.toContain('这个开通码已经用过');
  });
});

describe('data that cannot be opened', () => {
  it('are not called a till that was never enrolled', async () => {
    await open('blocked');
    expect(document.body.textContent).toContain('database is locked');
    expect(document.body.textContent).not.toMatch(/未开通|另一个程序/);
    expect(find('status-line').dataset.line).toBe('not_enrolled');
  });
});

describe('the server being asked', () => {
  it('is not announced before 120 ms', async () => {
    await open('ready');
    shell.changed(screen('checking', 'zh-CN', 2));
    await settle(100);
    expect(stage()).toBe('ready');
    await settle(50);
    expect(stage()).toBe('checking');
  });

  it('is never announced when the answer is quick', async () => {
    await open('ready');
    shell.changed(screen('checking', 'zh-CN', 2));
    await settle(60);
    shell.changed(screen('pass', 'zh-CN', 3));
    await settle(200);
    expect(stage()).toBe('verdict');
  });
});

describe('the code pad', () => {
  it('takes hardware keys, and Enter checks', async () => {
    await open('ready');
    await key('F3');
    for (const character of ['c', '4', 'o']) {
      press(character, performance.now(), /\d/.test(character) ? `Digit${character}` : `Key${character.toUpperCase()}`);
      await settle(200);
    }
    expect(find('pad-display').dataset.text, 'O is 0').toBe('C40');
    await key('Backspace');
    await click('pad-7');
    await key('Enter');
    expect(shell.acts).toEqual([{ act: 'scan', text: 'C47', source: 'pad' }]);
  });

  it('is closed by Escape, and the card below stays', async () => {
    await open('offer_order');
    await key('F3');
    await key('Escape');
    expect(has('panel-pad')).toBe(false);
    expect(shell.acts).toEqual([]);
  });
});

describe('panels', () => {
  it('keep Enter from the card below', async () => {
    await open('offer_order');
    await key('F8');
    await key('Enter');
    expect(shell.acts).toEqual([]);
    expect(document.querySelectorAll('[data-testid="case-row"]')).toHaveLength(4);
  });

  it('undo a row of the history', async () => {
    await open('ready');
    await click('btn-history');
    document.querySelector<HTMLElement>('[data-testid="row-undo"]')?.click();
    expect(shell.acts).toEqual([{ act: 'undo', number: '018f3b2c77aa4c0e8d1509b69d4e1481' }]);
  });

  it('scan a practice code by a click', async () => {
    await open('ready');
    await click('btn-practice');
    await click('practice-code');
    expect(shell.acts).toEqual([{ act: 'scan', text: PRACTICE[0]?.text, source: 'practice' }]);
  });

  it('are not offered before somebody is there', async () => {
    await open('sign_in');
    await key('F3');
    expect(has('panel-pad')).toBe(false);
    expect(has('btn-pad')).toBe(false);
  });
});

describe('signing in', () => {
  it('takes a name and digits from the screen or the keyboard', async () => {
    await open('sign_in');
    await click('staff-c3');
    await click('pin-1');
    press('2', performance.now(), 'Digit2');
    await settle(200);
    await key('Enter');
    expect(shell.acts).toEqual([{ act: 'sign_in', clerk: 'c3', pin: '12' }]);
  });
});

describe('the language', () => {
  it('changes without a restart, and each is offered in its own words', async () => {
    await open('ready');
    const turns: [string, string, string][] = [
      ['切換至繁體中文（香港）', 'zh-HK', '請掃碼'],
      ['Switch to English', 'en', 'Ready to scan'],
      ['切换到简体中文', 'zh-CN', '请扫码'],
    ];
    for (const [offered, language, word] of turns) {
      const button = find('btn-language');
      expect(button.getAttribute('aria-label')).toBe(offered);
      expect(button.lang, 'the offer is drawn with its own glyphs').toBe(TAGS[language]);
      await click('btn-language');
      expect(shell.acts.at(-1)).toEqual({ act: 'language', language });
      expect(document.querySelector('main h1')?.textContent).toBe(word);
      expect(document.documentElement.lang).toBe(TAGS[language]);
    }
  });
});

describe('a shell that does not answer', () => {
  it('is said plainly, and asked again', async () => {
    await open('pass');
    shell.act = () => Promise.reject(new Error('gone'));
    await key('Enter');
    await settle(0);
    expect(has('shell-lost')).toBe(true);
    find('shell-lost').querySelector('button')?.click();
    await settle(0);
    expect(has('shell-lost')).toBe(false);
  });

  it('is forgiven as soon as it sends a newer screen', async () => {
    await open('pass');
    shell.act = () => Promise.reject(new Error('gone'));
    await key('Enter');
    expect(has('shell-lost')).toBe(true);
    shell.changed(screen('pass', 'zh-CN', 1));
    await settle(0);
    expect(has('shell-lost'), 'an old screen').toBe(true);
    shell.changed(screen('pass', 'zh-CN', 2));
    await settle(0);
    expect(has('shell-lost'), 'a newer screen').toBe(false);
  });
});
