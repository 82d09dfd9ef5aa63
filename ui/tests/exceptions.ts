// A store's exceptions, with made-up people and goods.
// Used by the tests and the gallery; never part of the production build.
import type { Cases, CaseSide } from '../src/bindings';
import { DAY, MINUTE, NOW } from './fixtures';

function caseSide(change: Partial<CaseSide>): CaseSide {
  return {
    mine: false,
    standing: 'counted',
    number: '018f3b2c77aa4c0e8d1509b69d4e17af',
    taken: [],
    at: NOW - 46 * MINUTE,
    store: '福田中心店',
    till: '1号收银机',
    clerk: '张伟',
    not_before: NOW - 50 * MINUTE,
    received_at: NOW - 45 * MINUTE,
    basis: { on: 'server', as_of: NOW - 46 * MINUTE, age_seconds: 0, silence: null },
    approved_by: null,
    record: { epoch: 1, seq: 482, hash: '9d4e17af03bb' },
    ...change,
  };
}

const MINE = { mine: true, standing: 'not_counted', store: '南山海岸城店', till: '3号收银机' };

export const CASES: Cases = {
  managers: [
    { id: 'c3', name: '王芳', manager: true },
    { id: 'c4', name: '刘强', manager: true },
  ],
  cases: [
    {
      id: 'k1',
      class: 'duplicate',
      reason: 'used',
      title: '满100减20券',
      value: 2000,
      open: true,
      concerns: true,
      opened_at: NOW - 40 * MINUTE,
      sides: [
        caseSide({}),
        caseSide({
          ...MINE,
          clerk: '李娜',
          at: NOW - 41 * MINUTE,
          number: '018f3b2c77aa4c0e8d1509b69d4e1477',
          taken: [{ name: '满100减20券', quantity: 1 }],
          basis: { on: 'copy', as_of: NOW - 60 * MINUTE, age_seconds: 19 * 60, silence: 'timed_out' },
        }),
      ],
      decisions: [],
      here: null,
    },
    {
      id: 'k2',
      class: 'clock',
      reason: 'ahead',
      title: '中杯美式兑换券',
      value: 0,
      open: true,
      concerns: false,
      opened_at: NOW - 3 * 60 * MINUTE,
      sides: [caseSide({ standing: 'noted', basis: null, not_before: null })],
      decisions: [],
      here: null,
    },
    {
      id: 'k3',
      class: 'stale',
      reason: 'refunded',
      title: '自提订单 A1029',
      value: 12_800,
      open: false,
      concerns: true,
      opened_at: NOW - DAY,
      sides: [caseSide({ ...MINE, clerk: '周敏', at: NOW - DAY })],
      decisions: [],
      here: {
        decided: {
          decision: 'customer_charged',
          note: '',
          clerk: '王芳',
          till: '',
          at: NOW - 5 * MINUTE,
          stands: false,
        },
        heard: 'waiting',
      },
    },
    {
      id: 'k4',
      class: 'undo_race',
      reason: 'undo_too_late',
      title: '自提订单 A1011',
      value: 3_600,
      open: false,
      concerns: true,
      opened_at: NOW - 2 * DAY,
      sides: [caseSide({ ...MINE, clerk: '周敏', at: NOW - 2 * DAY })],
      decisions: [
        { decision: 'recovered', note: '货已退回', clerk: '赵敏', till: '1号收银机', at: NOW - DAY, stands: true },
        { decision: 'written_off', note: '', clerk: '王芳', till: '3号收银机', at: NOW - DAY + MINUTE, stands: false },
      ],
      here: {
        decided: { decision: 'written_off', note: '', clerk: '王芳', till: '', at: NOW - DAY + MINUTE, stands: false },
        heard: 'before',
      },
    },
  ],
};
