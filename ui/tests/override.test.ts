// A manager's yes, and what an outage can cost, as the page draws and sends them.
import { describe, expect, it } from 'vitest';
import { OFFLINE, screen, status } from './fixtures';
import { click, find, has, key, open, press, scan, settle, shell, show } from './hands';

const CODE = 'P7KQ4M2XA8F3TN5WYC6P';

describe("a manager's yes", () => {
  it('wants a manager, a reason and a PIN, and sends all three', async () => {
    await open('approval');
    const go = (): HTMLButtonElement => find('btn-approve') as HTMLButtonElement;
    expect(find('approval').textContent).toContain('本机本次断网期间的离线额度已满');
    expect(find('approval').textContent).toContain('已核销 15 笔，共 ¥300.00');
    await click('manager-c3');
    for (const digit of '8888') await click(`pin-${digit}`);
    expect(go().disabled, 'no reason yet').toBe(true);
    await click('why-payment_seen');
    expect(go().disabled, 'everything is there').toBe(false);
    await settle();
    await click('btn-approve');
    expect(shell.acts.at(-1)).toEqual({ act: 'approve', manager: 'c3', pin: '8888', why: 'payment_seen' });
    expect(find('pin-display').dataset.length, 'the PIN does not stay').toBe('0');
  });

  it('can be given with the keyboard alone', async () => {
    await open('approval');
    await key('ArrowRight');
    await key('ArrowDown');
    for (const digit of '8888') {
      press(digit, performance.now(), `Digit${digit}`);
      await settle(200);
    }
    expect(find('pin-display').dataset.length).toBe('4');
    await key('Enter');
    expect(shell.acts.at(-1)).toEqual({ act: 'approve', manager: 'c3', pin: '8888', why: 'regular' });
  });

  it('is put aside by Escape, which first takes the digits back', async () => {
    await open('approval');
    await click('pin-8');
    await key('Escape');
    expect(find('pin-display').dataset.length).toBe('0');
    expect(shell.acts).toEqual([]);
    await key('Escape');
    expect(shell.acts.at(-1)).toEqual({ act: 'next' });
  });

  it('says what went wrong, and forgets it with the first digit', async () => {
    await open('approval_failed');
    expect(document.querySelector('[role="alert"]')?.textContent).not.toBe('');
    await click('pin-1');
    expect(document.querySelector('.pin [role="alert"]')?.textContent).toBe('');
  });

  it('gives way to the next scan', async () => {
    await open('approval');
    await scan(CODE);
    expect(shell.acts.at(-1)).toMatchObject({ act: 'burst', physical: CODE });
  });

  it('is never green, and names the manager', async () => {
    await open('pass_override');
    expect(find('verdict').className).toMatch(/\blocal\b/);
    expect(find('override').textContent).toBe('店长放行');
    expect(find('verdict').querySelector('.facts')?.textContent).toContain('周敏放行');
  });
});

describe('what an outage can cost', () => {
  it('stands in the banner and in the menu, as two figures', async () => {
    await open('ready_offline');
    expect(find('exposure').dataset).toMatchObject({ atRisk: '12000', worst: '106000' });
    expect(find('exposure').textContent).toContain('¥1,060');
    await click('btn-menu');
    expect(find('exposure-meter').textContent).toContain('¥120.00');
  });

  it('is not spoken of while there is none', async () => {
    await open('ready');
    expect(has('exposure')).toBe(false);
  });

  it('says so where there is no limit', async () => {
    const exposure = { at_risk: 0, worst: null };
    await show({ ...screen('ready_offline'), status: status({ ...OFFLINE, exposure }) });
    expect(find('exposure').textContent).toContain('不限额');
  });
});
