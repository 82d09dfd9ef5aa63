// Amounts, discounts, times and ages as a clerk reads them. Knows nothing of screens and compares no date in order
// to decide anything: a day is named when it is not today's, that is all.
import type { Benefit } from './bindings';
import { language, say } from './words.svelte';

/** ¥20.00 */
export function money(fen: number): string {
  return `¥${(fen / 100).toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
}

/** 1,000,000 */
export function count(many: number): string {
  return many.toLocaleString('en-US');
}

/** ¥20, or ¥20.50 where the fen matter: for figures drawn large. */
export function moneyShort(fen: number): string {
  return fen % 100 === 0 ? `¥${(fen / 100).toLocaleString('en-US')}` : money(fen);
}

/** 8.5 折 in the mainland, 85 折 in Hong Kong, 15% off in English. */
export function discount(percent: number): string {
  const left = 100 - percent;
  const tenths = `${Number((left / 10).toFixed(1))} 折`;
  switch (language()) {
    case 'en':
      return `${percent}% off`;
    case 'zh-CN':
      return tenths;
    case 'zh-HK':
      // Below ten the figure alone would read as tenths.
      return left < 10 || left % 10 === 0 ? tenths : `${left} 折`;
  }
}

/** What a coupon gives, in as few characters as possible. */
export function benefit(given: Benefit): string {
  switch (given.benefit) {
    case 'amount_off':
      return moneyShort(given.fen);
    case 'percent_off':
      return discount(given.percent);
    case 'exchange':
      return say('offer.exchange', { goods: given.goods });
  }
}

/** 14:03 today, 11-30 14:03 on another day of this year, 2027-01-02 14:03 else. */
export function time(ms: number, now: number = Date.now()): string {
  const day = date(ms);
  const today = date(now);
  if (day === today) return clock(ms);
  return day.slice(0, 4) === today.slice(0, 4) ? `${day.slice(5)} ${clock(ms)}` : `${day} ${clock(ms)}`;
}

/** 14:03 */
export function clock(ms: number): string {
  const at = new Date(ms);
  return `${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** 14:03:12 */
export function clockSeconds(ms: number): string {
  return `${clock(ms)}:${two(new Date(ms).getSeconds())}`;
}

/** 2026-11-30 */
export function date(ms: number): string {
  const at = new Date(ms);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

/** The last moment of validity: the bare day where it is the end of one. */
export function until(ms: number): string {
  return clock(ms) === '23:59' ? date(ms) : `${date(ms)} ${clock(ms)}`;
}

/** The first moment of validity: the bare day where it is the start of one. */
export function from(ms: number): string {
  return clock(ms) === '00:00' ? date(ms) : `${date(ms)} ${clock(ms)}`;
}

/** "38 分钟前" */
export function age(seconds: number): string {
  const n = Math.max(0, Math.floor(seconds));
  if (n < 5) return say('age.now');
  if (n < 60) return say('age.seconds', { n });
  if (n < 3600) return say('age.minutes', { n: Math.floor(n / 60) });
  if (n < 48 * 3600) return say('age.hours', { n: Math.floor(n / 3600) });
  return say('age.days', { n: Math.floor(n / 86400) });
}

/** A text in groups of four characters, as it stands on slips. */
export function groups(text: string): string[] {
  return text.match(/.{1,4}/gu) ?? [];
}

/** A redemption's number, as much of it as a person compares: "…9d4e 17af". */
export function shortNumber(number: string): string {
  return number.length > 12 ? `…${groups(number.slice(-8)).join(' ')}` : number;
}

function two(n: number): string {
  return String(n).padStart(2, '0');
}
