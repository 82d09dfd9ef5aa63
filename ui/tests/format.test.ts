// Amounts, discounts, times and ages as they are read.
import { beforeEach, describe, expect, it } from 'vitest';
import { age, clock, discount, from, groups, money, moneyShort, shortNumber, time, until } from '../src/format';
import { choose } from '../src/words.svelte';

beforeEach(() => choose('zh-CN'));

describe('figures', () => {
  it('are yuan from fen', () => {
    expect(money(2000)).toBe('¥20.00');
    expect(money(1_234_567)).toBe('¥12,345.67');
    expect(moneyShort(2000)).toBe('¥20');
    expect(moneyShort(2050)).toBe('¥20.50');
  });

  it('are 折 in Chinese and percent in English', () => {
    expect(discount(15)).toBe('8.5 折');
    expect(discount(20)).toBe('8 折');
    choose('zh-HK');
    expect(discount(15)).toBe('85 折');
    expect(discount(20)).toBe('8 折');
    expect(discount(95), 'not half price').toBe('0.5 折');
    choose('en');
    expect(discount(15)).toBe('15% off');
  });

  it('name the day when it is not today', () => {
    const now = new Date(2026, 10, 22, 14, 3).getTime();
    expect(time(new Date(2026, 10, 22, 12, 41).getTime(), now)).toBe('12:41');
    expect(time(new Date(2026, 10, 21, 12, 41).getTime(), now)).toBe('11-21 12:41');
    expect(time(new Date(2025, 10, 21, 12, 41).getTime(), now)).toBe('2025-11-21 12:41');
    expect(clock(new Date(2026, 0, 1, 9, 5).getTime())).toBe('09:05');
  });

  it('leave out the hour of a bound only where it is the edge of a day', () => {
    expect(until(new Date(2026, 10, 30, 23, 59, 59).getTime())).toBe('2026-11-30');
    expect(until(new Date(2026, 10, 30, 0, 0).getTime())).toBe('2026-11-30 00:00');
    expect(from(new Date(2026, 10, 30, 0, 0).getTime())).toBe('2026-11-30');
    expect(from(new Date(2026, 10, 30, 18, 0).getTime())).toBe('2026-11-30 18:00');
  });

  it('round ages down', () => {
    expect(age(2)).toBe('刚刚');
    expect(age(38 * 60 + 59)).toBe('38 分钟前');
    expect(age(3 * 3600)).toBe('3 小时前');
    expect(age(72 * 3600)).toBe('3 天前');
  });

  it('group codes by four', () => {
    expect(groups('P7KQ4M2XA8')).toEqual(['P7KQ', '4M2X', 'A8']);
    expect(shortNumber('018f3b2c77aa4c0e8d1509b69d4e17af')).toBe('…9d4e 17af');
  });
});
