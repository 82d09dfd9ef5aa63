// A screen for every stage and verdict, with made-up people and goods.
// Used by the tests and the gallery; never part of the production build.
import type {
  Approval,
  Basis,
  Candidate,
  Class,
  Earlier,
  Item,
  MemberCoupon,
  PracticeCode,
  Row,
  Screen,
  Stage,
  Status,
  Subject,
  Verdict,
} from '../src/bindings';

export const MINUTE = 60_000;
export const DAY = 24 * 60 * MINUTE;
/** When these screens are looked at. */
export const NOW = new Date(2026, 10, 22, 14, 3, 12).getTime();
const endOf = (days: number): number => new Date(2026, 10, 22 + days, 23, 59, 59).getTime();

const li = { id: 'c1', name: '李娜', manager: false };

export function status(change: Partial<Status> = {}): Status {
  return {
    language: 'zh-CN',
    store: '南山海岸城店',
    till: '3号收银机',
    clerk: li,
    line: 'online',
    silence: null,
    waiting: 0,
    copy_as_of: NOW - MINUTE,
    copy_age_seconds: 60,
    cases: 2,
    redeemed_today: 128,
    picked_up_today: 46,
    practice: true,
    fetching: null,
    notice: null,
    exposure: null,
    scanners: { suffix: null, gap: 0 },
    ...change,
  };
}

export const OFFLINE: Partial<Status> = {
  line: 'offline',
  silence: 'unreachable',
  waiting: 12,
  copy_as_of: NOW - 38 * MINUTE,
  copy_age_seconds: 38 * 60,
  exposure: { at_risk: 12_000, worst: 106_000 },
};

const SERVER: Basis = { on: 'server', as_of: NOW, age_seconds: 0, silence: null };
const COPY: Basis = { on: 'copy', as_of: NOW - 38 * MINUTE, age_seconds: 38 * 60, silence: 'timed_out' };

const SIGNATURE: Basis = { on: 'signature', as_of: NOW - 50 * MINUTE, age_seconds: 50 * 60, silence: 'unreachable' };

export function subject(change: Partial<Subject> = {}): Subject {
  return {
    id: 'e1',
    kind: 'coupon',
    title: '满100减20券',
    benefit: { benefit: 'amount_off', fen: 2000 },
    holder: '王*',
    code_tail: 'P9TD',
    valid_from: null,
    valid_until: endOf(8),
    stores: [],
    spend_min: 10_000,
    notes: ['不与其他优惠同享', '每单限用一张'],
    ...change,
  };
}

const ORDER = subject({
  kind: 'order',
  title: '自提订单 A1043',
  benefit: null,
  holder: '陈*',
  code_tail: '7KQ4',
  spend_min: 0,
  notes: ['顾客备注：蛋糕请配 3 套餐具，谢谢'],
});
const TIMES = subject({
  kind: 'times_card',
  title: '精品咖啡十次卡',
  benefit: null,
  code_tail: 'M2XA',
  spend_min: 0,
  notes: ['大杯及以下任选'],
});

const ITEMS: Item[] = [
  { sku: '1001', name: '燕麦拿铁', variant: '大杯 · 少冰', shelf: '冷柜 2', quantity: 2, taken: 0, left: 2 },
  { sku: '1002', name: '海盐芝士蛋糕', variant: '6 寸', shelf: '冷柜 4', quantity: 1, taken: 0, left: 1 },
  {
    sku: '1003',
    name: '手冲咖啡豆 埃塞俄比亚耶加雪菲',
    variant: '250 克 · 中烘',
    shelf: 'B-07',
    quantity: 3,
    taken: 1,
    left: 2,
  },
  { sku: '1004', name: '随行杯', variant: '墨绿', shelf: '', quantity: 1, taken: 1, left: 0 },
];

const EARLIER: Earlier = {
  at: NOW - 82 * MINUTE,
  ago_seconds: 82 * 60,
  here: false,
  till: '2号收银机',
  store: '福田中心店',
  clerk: '张伟',
};

export function verdict(verdictClass: Class, reason: string, todo: string, change: Partial<Verdict> = {}): Stage {
  return {
    stage: 'verdict',
    class: verdictClass,
    reason,
    todo,
    amount: null,
    percent: null,
    subject: subject(),
    taken: [],
    left: 0,
    quantity: 1,
    basis: SERVER,
    approved: null,
    earlier: null,
    number: null,
    at: NOW,
    unsent: false,
    before_restart: false,
    undo: null,
    undo_until: null,
    hand_over: null,
    ...change,
  };
}

const UNDO = {
  number: '018f3b2c77aa4c0e8d1509b69d4e1482',
  undo: '018f3b2c77aa4c0e8d1509b69d4e1482',
  undo_until: NOW + 58_000,
};

function row(minutes: number, rowClass: Class, reason: string, title: string, change: Partial<Row> = {}): Row {
  const base: Row = {
    at: NOW - minutes * MINUTE,
    class: rowClass,
    reason,
    title,
    clerk: '李娜',
    number: null,
    sync: 'none',
    undoable: false,
    items: [],
  };
  return { ...base, ...change };
}

export const ROWS: Row[] = [
  row(1, 'pass', 'picked_up', '自提订单 A1042', {
    number: '018f3b2c77aa4c0e8d1509b69d4e1481',
    sync: 'settled',
    undoable: true,
  }),
  row(2, 'stop', 'expired', '满50减5券'),
  row(5, 'pass', 'redeemed', '精品咖啡十次卡', {
    number: '018f3b2c77aa4c0e8d1509b69d4e1480',
    sync: 'waiting',
    undoable: true,
  }),
  row(9, 'act', 'payment_wechat', ''),
  row(12, 'done', 'undone', '中杯美式兑换券', { number: '018f3b2c77aa4c0e8d1509b69d4e1479', sync: 'settled' }),
];

function piece(sku: string, name: string, quantity: number, left = quantity): Item {
  return { sku, name, variant: '', shelf: '', quantity, taken: quantity - left, left };
}

export const HISTORY: Row[] = [
  ...ROWS,
  row(9, 'pass', 'picked_up', '自提订单 A1040', {
    number: '018f3b2c77aa4c0e8d1509b69d4e1470',
    sync: 'settled',
    undoable: true,
    items: [piece('D01', '茉莉奶绿 大杯', 3, 2), piece('C01', '桂花糕', 1), piece('B02', '豆浆', 1, 0)],
  }),
  row(13, 'pass', 'redeemed', '中杯美式兑换券', { number: '018f3b2c77aa4c0e8d1509b69d4e1478', sync: 'undone' }),
  row(24, 'fault', 'unknown_offline', ''),
  row(41, 'pass', 'redeemed', '满100减20券', { number: '018f3b2c77aa4c0e8d1509b69d4e1477', sync: 'case' }),
  row(55, 'pass', 'partly_picked_up', '自提订单 A1037', {
    number: '018f3b2c77aa4c0e8d1509b69d4e1476',
    sync: 'settled',
  }),
];

function coupon(
  id: string,
  change: Partial<Subject>,
  left: number,
  quantity: number,
  unusable: string | null = null,
): MemberCoupon {
  return { subject: subject({ id, ...change }), left, quantity, unusable };
}

const COUPONS: MemberCoupon[] = [
  coupon('m1', {}, 1, 1),
  coupon('m2', { title: '全场饮品券', benefit: { benefit: 'percent_off', percent: 15 }, valid_until: endOf(3) }, 1, 1),
  coupon('m3', { ...TIMES, id: 'm3' }, 7, 10),
  coupon(
    'm4',
    { title: '生日礼券', benefit: { benefit: 'exchange', goods: '提拉米苏' }, valid_until: endOf(20) },
    1,
    1,
  ),
  coupon('m5', { title: '开业特惠', valid_until: endOf(-12) }, 1, 1, 'expired'),
  coupon('m6', { title: '福田店专享', stores: ['福田中心店'] }, 1, 1, 'wrong_store'),
];

function candidate(n: number, holder: string, items: Item[], unusable: string | null = null): Candidate {
  const title = `自提订单 A${n}`;
  const left = items.reduce((sum, item) => sum + item.left, 0);
  const quantity = items.reduce((sum, item) => sum + item.quantity, 0);
  const tail = String(n).padStart(4, '0');
  const about = {
    ...ORDER,
    id: `o${n}`,
    title,
    holder,
    code_tail: tail,
    stores: unusable === 'wrong_store' ? ['福田中心店'] : [],
  };
  return { subject: about, items, left, quantity, unusable };
}

const CANDIDATES: Candidate[] = [
  candidate(1043, '陈*', ITEMS.slice(0, 3)),
  candidate(1051, '欧阳**', ITEMS.slice(1, 2)),
  candidate(1038, '', ITEMS.slice(0, 1)),
  candidate(987, '王**', ITEMS.slice(0, 2), 'wrong_store'),
  candidate(902, '李*', [{ ...ITEMS[3]!, taken: 1, left: 0 }], 'used'),
];

function choice(candidates: Candidate[], basis: Basis): Stage {
  return { stage: 'choice', candidates, basis, since: NOW };
}

/** One stage under a name, with what the bar above then says. */
export interface Scene {
  stage: Stage;
  status?: Partial<Status>;
}

const NOBODY: Partial<Status> = {
  store: null,
  till: null,
  clerk: null,
  line: 'not_enrolled',
  practice: false,
  cases: 0,
};
const STAFF = [li, { id: 'c2', name: '张伟', manager: false }, { id: 'c3', name: '周敏', manager: true }];

function approval(change: Partial<Approval> = {}): Stage {
  return {
    stage: 'approval',
    subject: subject(),
    reason: 'over_till_cap',
    amount: 2000,
    till: { count: 15, fen: 30_000 },
    customer: { count: 1, fen: 2000 },
    managers: [
      { id: 'c3', name: '周敏', manager: true },
      { id: 'c4', name: '刘洋', manager: true },
    ],
    failed: null,
    basis: COPY,
    since: NOW,
    ...change,
  };
}

/** What a signed or a rotating code can come to, each under the name of its reason. */
function signed(): Record<string, Scene> {
  const told: [Class, string, string][] = [
    ['stop', 'not_genuine', 'keep_goods'],
    ['stop', 'key_withdrawn', 'call_manager'],
    ['stop', 'key_out_of_scope', 'call_manager'],
    ['stop', 'reserved', 'call_manager'],
    ['fault', 'key_unknown', 'wait_for_line'],
    ['fault', 'trust_outdated', 'wait_for_line'],
    ['fault', 'clock_unsure', 'wait_for_line'],
    ['fault', 'contents_unknown', 'wait_for_line'],
    ['fault', 'not_covered', 'wait_for_line'],
    ['act', 'code_stale', 'ask_for_live'],
    ['act', 'code_seen', 'ask_for_live'],
    ['act', 'staff_badge', 'ask_for_code'],
    ['act', 'command_idle', 'nothing'],
    ['act', 'payment_damaged', 'use_cash_register'],
  ];
  const scene = ([verdictClass, reason, todo]: [Class, string, string]): [string, Scene] => {
    const basis = verdictClass === 'act' ? null : SIGNATURE;
    return [reason, { stage: verdict(verdictClass, reason, todo, { subject: null, basis }), status: OFFLINE }];
  };
  return Object.fromEntries(told.map(scene));
}

export const SCENES: Record<string, Scene> = {
  enrol: { stage: { stage: 'enrol', failed: null }, status: NOBODY },
  enrol_failed: { stage: { stage: 'enrol', failed: 'code_used_up' }, status: NOBODY },
  enrol_silent: { stage: { stage: 'enrol', failed: 'unreachable' }, status: NOBODY },
  sign_in: { stage: { stage: 'sign_in', staff: STAFF, failed: null }, status: { clerk: null } },
  sign_in_failed: { stage: { stage: 'sign_in', staff: STAFF, failed: 'wrong_pin' }, status: { clerk: null } },
  ready: { stage: { stage: 'ready' } },
  ready_offline: { stage: { stage: 'ready' }, status: OFFLINE },
  ready_fetching: { stage: { stage: 'ready' }, status: { fetching: { done: 412_000, of: 1_000_000 } } },
  ready_notice: { stage: { stage: 'ready' }, status: { ...OFFLINE, notice: 'copy_rebuilt' } },
  revoked: {
    stage: verdict('fault', 'till_revoked', 'call_service', { subject: null, basis: null }),
    status: { line: 'revoked' },
  },
  checking: { stage: { stage: 'checking' } },
  offer_order: { stage: { stage: 'offer', subject: ORDER, items: ITEMS, basis: SERVER, since: NOW } },
  offer_order_offline: {
    stage: { stage: 'offer', subject: ORDER, items: ITEMS, basis: COPY, since: NOW },
    status: OFFLINE,
  },
  approval: { stage: approval(), status: OFFLINE },
  approval_failed: { stage: approval({ failed: 'wrong_pin' }), status: OFFLINE },
  approval_nobody: { stage: approval({ managers: [], reason: 'copy_too_old' }), status: OFFLINE },
  pass_override: {
    stage: verdict('pass', 'redeemed', 'deduct_amount', {
      amount: 2000,
      basis: { ...COPY, on: 'override' },
      approved: { by: '周敏', why: 'payment_seen' },
      number: '0192f3a4b5c67d8e9f00112233449d4e',
      unsent: true,
    }),
    status: OFFLINE,
  },
  offer_coupon: {
    stage: {
      stage: 'offer',
      subject: subject({ stores: ['南山海岸城店', '福田中心店'], valid_from: NOW - DAY }),
      items: [{ sku: 'use', name: '满100减20券', variant: '', shelf: '', quantity: 1, taken: 0, left: 1 }],
      basis: SERVER,
      since: NOW,
    },
  },
  offer_percent: {
    stage: {
      stage: 'offer',
      subject: subject({ title: '全场饮品券', benefit: { benefit: 'percent_off', percent: 15 }, spend_min: 0 }),
      items: [{ sku: 'use', name: '全场饮品券', variant: '', shelf: '', quantity: 1, taken: 0, left: 1 }],
      basis: COPY,
      since: NOW,
    },
    status: OFFLINE,
  },
  offer_exchange: {
    stage: {
      stage: 'offer',
      subject: subject({ title: '生日礼券', benefit: { benefit: 'exchange', goods: '提拉米苏一份' }, spend_min: 0 }),
      items: [{ sku: 'use', name: '提拉米苏', variant: '', shelf: '', quantity: 1, taken: 0, left: 1 }],
      basis: SERVER,
      since: NOW,
    },
  },
  offer_times: {
    stage: {
      stage: 'offer',
      subject: TIMES,
      items: [{ sku: 'use', name: '咖啡', variant: '', shelf: '', quantity: 10, taken: 2, left: 8 }],
      basis: SERVER,
      since: NOW,
    },
  },
  member: {
    stage: {
      stage: 'member',
      subject: subject({ kind: 'member', title: '咖啡会员', holder: '王**', benefit: null, notes: [], spend_min: 0 }),
      tier: '金卡会员',
      points: 12_480,
      balance: 26_850,
      coupons: COUPONS,
      basis: COPY,
    },
  },
  choice: { stage: choice(CANDIDATES, SERVER) },
  choice_one: { stage: choice(CANDIDATES.slice(0, 1), SERVER) },
  choice_offline: { stage: choice(CANDIDATES.slice(0, 3), COPY), status: OFFLINE },
  choice_none: { stage: choice(CANDIDATES.slice(3), SERVER) },
  choice_many: {
    stage: choice(
      Array.from({ length: 12 }, (_, i) => candidate(1100 + i, '林*', ITEMS.slice(0, 3))),
      SERVER,
    ),
  },
  pass: { stage: verdict('pass', 'redeemed', 'deduct_amount', { amount: 2000, ...UNDO }) },
  pass_percent: {
    stage: verdict('pass', 'redeemed', 'deduct_percent', {
      subject: subject({ title: '全场饮品券', benefit: { benefit: 'percent_off', percent: 15 } }),
      percent: 15,
      ...UNDO,
      undo_until: NOW + 9 * MINUTE,
    }),
  },
  pass_offline: {
    stage: verdict('pass', 'redeemed', 'deduct_amount', { amount: 2000, basis: COPY, unsent: true, ...UNDO }),
    status: OFFLINE,
  },
  pass_signature: {
    stage: verdict('pass', 'redeemed', 'deduct_amount', { amount: 2000, basis: SIGNATURE, unsent: true, ...UNDO }),
    status: OFFLINE,
  },
  used_signature: {
    stage: verdict('stop', 'code_revoked', 'keep_goods', { basis: SIGNATURE }),
    status: OFFLINE,
  },
  pass_order: {
    stage: verdict('pass', 'picked_up', 'hand_over', {
      subject: ORDER,
      taken: [
        { name: '燕麦拿铁 大杯 · 少冰', quantity: 2 },
        { name: '海盐芝士蛋糕 6 寸', quantity: 1 },
        { name: '手冲咖啡豆 250 克', quantity: 2 },
      ],
      quantity: 7,
      ...UNDO,
    }),
  },
  pass_part: {
    stage: verdict('pass', 'partly_picked_up', 'hand_over', {
      subject: ORDER,
      taken: [{ name: '燕麦拿铁 大杯 · 少冰', quantity: 2 }],
      left: 3,
      quantity: 7,
      ...UNDO,
    }),
  },
  pass_times: { stage: verdict('pass', 'redeemed', 'hand_over', { subject: TIMES, left: 7, quantity: 10, ...UNDO }) },
  pass_old: {
    stage: verdict('pass', 'redeemed', 'deduct_amount', {
      amount: 2000,
      before_restart: true,
      unsent: true,
      basis: COPY,
      ...UNDO,
    }),
  },
  pass_bare: {
    stage: verdict('pass', 'redeemed', 'deduct_amount', {
      amount: 2000,
      subject: subject({ holder: '', valid_until: null }),
      taken: [{ name: '满100减20券', quantity: 1 }],
      ...UNDO,
    }),
  },
  done: {
    stage: verdict('done', 'used_here_just_now', 'nothing', {
      earlier: {
        ...EARLIER,
        at: NOW - 8000,
        ago_seconds: 8,
        here: true,
        till: '3号收银机',
        store: '南山海岸城店',
        clerk: '李娜',
      },
      ...UNDO,
    }),
  },
  undone: {
    stage: verdict('done', 'undone', 'take_back', {
      earlier: { ...EARLIER, here: true },
      number: '018f3b2c77aa4c0e8d1509b69d4e1483',
    }),
  },
  used: { stage: verdict('stop', 'used', 'keep_goods', { earlier: EARLIER }) },
  expired: { stage: verdict('stop', 'expired', 'keep_goods', { subject: subject({ valid_until: endOf(-3) }) }) },
  wrong_store: {
    stage: verdict('stop', 'wrong_store', 'send_to_store', {
      subject: subject({ stores: ['福田中心店', '罗湖万象城店'] }),
    }),
  },
  not_yet: { stage: verdict('stop', 'not_yet', 'keep_goods', { subject: subject({ valid_from: endOf(3) + 1000 }) }) },
  refunded: { stage: verdict('stop', 'refunded', 'keep_goods', { subject: ORDER }) },
  payment_wechat: { stage: verdict('act', 'payment_wechat', 'use_cash_register', { subject: null, basis: null }) },
  foreign: { stage: verdict('act', 'foreign_douyin', 'ask_for_code', { subject: null, basis: null }) },
  damaged: { stage: verdict('act', 'damaged', 'scan_again', { subject: null, basis: null }) },
  counted_unseen: {
    stage: verdict('act', 'counted_unseen', 'hand_over_or_undo', {
      before_restart: true,
      hand_over: '018f3b2c77aa4c0e8d1509b69d4e1482',
      ...UNDO,
      undo_until: null,
    }),
  },
  undo_too_late: {
    stage: verdict('stop', 'undo_too_late', 'call_manager', {
      subject: ORDER,
      earlier: { ...EARLIER, here: true },
    }),
  },
  unfinished: { stage: verdict('fault', 'unfinished', 'wait_for_line') },
  unknown_offline: {
    stage: verdict('fault', 'unknown_offline', 'wait_for_line', { subject: null, basis: COPY }),
    status: OFFLINE,
  },
  blocked: { stage: { stage: 'blocked', detail: 'counterfoil.db: database is locked (5)' }, status: NOBODY },
  ...signed(),
  journal_broken: { stage: verdict('fault', 'journal_broken', 'call_service', { subject: null, basis: null }) },
};

/** The screen of that scene. */
export function screen(scene: string, language = 'zh-CN', revision = 1): Screen {
  const found = SCENES[scene];
  if (!found) throw new Error(`no scene ${scene}`);
  return {
    revision,
    status: { ...status(found.status), language },
    stage: found.stage,
    recent: found.status?.store === null ? [] : ROWS,
  };
}

/** A picture with the look of a QR code; it means nothing. */
function picture(seed: number): string {
  let state = seed * 7919 + 17;
  const cells: string[] = [];
  for (let y = 0; y < 25; y++) {
    for (let x = 0; x < 25; x++) {
      state = (state * 1103515245 + 12345) % 2147483648;
      const corner = (x < 8 && y < 8) || (x > 16 && y < 8) || (x < 8 && y > 16);
      if (!corner && state % 1000 < 480) cells.push(`M${x} ${y}h1v1h-1z`);
    }
  }
  const eye = (x: number, y: number): string =>
    `M${x} ${y}h7v7h-7zM${x + 1} ${y + 1}v5h5v-5zM${x + 2} ${y + 2}h3v3h-3z`;
  const path = cells.join('') + eye(0, 0) + eye(18, 0) + eye(0, 18);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 25 25"><path fill-rule="evenodd" d="${path}"/></svg>`;
}

const code = (text: string, group: string, caption: string, expect: string, i: number): PracticeCode => ({
  text,
  svg: picture(i),
  group,
  caption,
  expect,
});

export const PRACTICE: PracticeCode[] = [
  code('P7KQ4M2XA8F3TN5WYC6P', 'order', '三种商品的订单', 'offer', 1),
  code('P2D9X4RMH6ZB3QVT80AK', 'order', '已取走一部分', 'offer', 2),
  code('P5WJ1N7YC0SE9GKD4XMF', 'order', '只有一件商品', 'offer', 3),
  code('PA8T3VQ6ZH2RBN5XW9C1', 'order', '带顾客备注', 'offer', 4),
  code('C4M8ZQ2T6XW0RYB5NH7D', 'coupon', '满100减20', 'offer', 5),
  code('C9F3KD7VA1GJ6SPE2XQ8', 'coupon', '全场 8.5 折', 'offer', 6),
  code('T6B0HN4RC8YW2ZM5TX3K', 'times_card', '咖啡十次卡', 'offer', 7),
  code('M1QX5VD9SF3JG7KA2PEH', 'member', '金卡会员', 'member', 8),
  code('C0ZT4BN8WR2HY6CM5XQD', 'fails', '已过期的券', 'expired', 9),
  code('134567890123456789', 'fails', '付款码', 'payment_wechat', 10),
];
