// The decoder against every kind of port that a scanner may be plugged into: layouts, CapsLock, input methods, numbers
// typed with Alt, prefixes and suffixes; and against streams of keys that nobody has thought of.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { altCharacter, HOLE, type Press } from '../src/strokes';
import { Decoder, HOLD, type Burst } from '../src/wedge';
import { canType, dice, PLAIN, play, send, type Layout, type Port } from './sender';

const CODE = 'P7KQ4M2XA8F3TN5WYZ6P';
const SIGNED = 'CF1:7$K% Q*4M+2X-A8./F3';
const MIXED = 'https://u.wechat.com/Abc?x=1&Y=2_z';
// prettier-ignore
const PORTS: [string, Partial<Port>][] = [
  ['CapsLock', { capsLock: true }],
  ['a German layout', { host: 'de' }],
  ['a French layout', { host: 'fr' }],
  ['a Czech layout', { host: 'cz' }],
  ['a French layout and CapsLock', { host: 'fr', capsLock: true }],
  ['an input method', { inputMethod: true }],
  ['an input method, CapsLock and a Czech layout', { inputMethod: true, capsLock: true, host: 'cz' }],
  ['numbers typed with Alt', { altNumbers: true }],
  ['numbers typed with Alt, on a French layout', { altNumbers: true, host: 'fr' }],
  ['no suffix', { suffix: 'none' }],
  ['Tab', { suffix: 'tab' }],
  ['ETX', { suffix: 'etx', prefix: 'stx' }],
  ['CR and LF', { suffix: 'crlf' }],
  ['an Enter before the text', { prefix: 'enter', suffix: 'none' }],
  ['an Enter before and after the text', { prefix: 'enter' }],
];

interface Heard {
  bursts: Burst[];
  typed: string;
  released: number[];
  decoder: Decoder;
}

function listening(): Heard {
  const heard: Heard = { bursts: [], typed: '', released: [] } as unknown as Heard;
  heard.decoder = new Decoder({
    scanned: (burst) => heard.bursts.push(burst),
    typed: (text) => (heard.typed += text),
    reading: () => {},
    released: (at) => heard.released.push(at),
  });
  return heard;
}

/** Without the mark of its beginning. */
const bare = (text: string | undefined): string | undefined => text?.replace('\u0002', '');

describe.each(PORTS)('a scan through %s', (_, change) => {
  const port = { ...PLAIN, ...change };

  it.each([2, 8, 20, 50])('arrives whole at %i ms per key, and every key of it is swallowed', (gap) => {
    for (const text of [CODE, SIGNED, MIXED]) {
      const { decoder, bursts, released, ...rest } = listening();
      const swallowed = play(
        decoder,
        send(text, port, 1000, () => gap),
      );
      decoder.idle();
      // Where the prefix is an Enter and the scanner slow, the Enter has been a person's by the time the text comes.
      const early = port.prefix === 'enter' && gap >= HOLD;
      expect(bursts.map((burst) => bare(burst.physical))).toEqual([text]);
      expect(released.length, 'no Enter of it presses anything').toBe(early ? 1 : 0);
      expect(rest.typed).toBe('');
      const first = port.altNumbers ? 1 : 0; // Alt alone goes down before anybody can know what it is for.
      const seen = swallowed.slice(first).filter((one, i) => !one && !(port.altNumbers && i % 6 === 5));
      expect(seen).toEqual([]);
    }
  });
});

describe.each<[Layout, string]>([
  ['de', CODE],
  ['fr', 'QA12MZ98'],
  ['cz', 'ZY4821YZ'],
])('a scanner that is set to the layout of its %s machine', (layout, text) => {
  it('is right in the logical reading', () => {
    const { decoder, bursts } = listening();
    play(
      decoder,
      send(text, { ...PLAIN, scanner: layout, host: layout }, 1000, () => 5),
    );
    expect([...text].every((character) => canType(character, layout))).toBe(true);
    expect(bursts[0]?.logical).toBe(text);
    expect(bursts[0]?.physical, 'which the other one is not').not.toBe(text);
  });
});

describe('what was measured', () => {
  it('says how a burst came', () => {
    const { decoder, bursts } = listening();
    play(
      decoder,
      send(CODE, { ...PLAIN, capsLock: true, inputMethod: true, suffix: 'tab' }, 1000, () => 8),
    );
    expect(bursts[0]?.how).toEqual({
      keys: 20,
      gap_mean: 8,
      gap_most: 8,
      prefix: 'none',
      suffix: 'tab',
      caps: true,
      hidden: 20,
      alt_numbers: false,
    });
  });

  it('lets a slower scanner be read than anybody would guess', () => {
    const slow = (heard: Heard): void =>
      void play(
        heard.decoder,
        send(CODE, PLAIN, 1000, () => 75),
      );
    const unknown = listening();
    slow(unknown);
    expect(unknown.bursts, 'so slow is a person').toEqual([]);
    const measured = listening();
    measured.decoder.expect({ suffix: true, gap: 75 });
    slow(measured);
    expect(measured.bursts[0]?.physical).toBe(CODE);
  });

  it('holds an Enter longer before the text of a scanner that has sent one before', () => {
    const heard = listening();
    const port: Port = { ...PLAIN, prefix: 'enter', suffix: 'none' };
    play(
      heard.decoder,
      send(CODE, port, 1000, () => 8),
    );
    heard.decoder.idle();
    play(
      heard.decoder,
      send(CODE, port, 5000, () => 45),
    );
    heard.decoder.idle();
    expect([heard.bursts.length, heard.released]).toEqual([2, []]);
  });

  it('says where two texts may part', () => {
    const heard = listening();
    play(
      heard.decoder,
      send('ABC123', PLAIN, 0, () => 5),
    );
    const first = send('ABC123', { ...PLAIN, suffix: 'none' }, 1000, () => 5);
    play(heard.decoder, [...first, ...send('XYZ789', PLAIN, 1025 + 150, () => 5)]);
    expect(heard.bursts.map(({ physical, pauses }) => [physical, pauses])).toEqual([
      ['ABC123', []],
      ['ABC123XYZ789', [6]],
    ]);
  });
});

describe('a key of which nothing is known', () => {
  it('leaves a hole, so that nobody takes the rest for the whole', () => {
    const { decoder, bursts } = listening();
    const events = send(CODE, PLAIN, 1000, () => 5);
    const third = events[2];
    if (third) third.press = { ...third.press, key: 'Unidentified', code: '' };
    play(decoder, events);
    expect(bursts[0]?.physical).toBe(`${CODE.slice(0, 2)}${HOLE}${CODE.slice(3)}`);
  });
});

it('numbers typed with Alt are characters where every machine agrees', () => {
  expect(['065', '65', '0169', '200', '0999'].map(altCharacter)).toEqual(['A', 'A', '©', null, null]);
});

// Any of the scanners above, with gaps that jitter.
const ports = fc.record({
  scanner: fc.constant<Layout>('us'),
  host: fc.constantFrom<Layout>('us', 'de', 'fr', 'cz'),
  capsLock: fc.boolean(),
  inputMethod: fc.boolean(),
  altNumbers: fc.boolean(),
  prefix: fc.constantFrom<Port['prefix']>('none', 'stx'),
  suffix: fc.constantFrom<Port['suffix']>('none', 'enter', 'tab', 'etx', 'crlf'),
});
const texts = fc.string({
  unit: fc.constantFrom(...'0123456789ABCDEFXYZabcxyz-:/.%$+*?=&'),
  minLength: 12,
  maxLength: 60,
});
const presses: fc.Arbitrary<Omit<Press, 'at'> & { after: number }> = fc.record({
  key: fc.constantFrom(
    'a',
    'Z',
    '1',
    '!',
    ' ',
    'Enter',
    'Tab',
    'Shift',
    'Alt',
    'Process',
    'Unidentified',
    'Dead',
    'F3',
  ),
  code: fc.constantFrom('KeyA', 'KeyZ', 'Digit1', 'Numpad6', 'Space', 'Enter', 'Tab', 'AltLeft', '', 'F3', 'IntlRo'),
  shift: fc.boolean(),
  ctrl: fc.boolean(),
  alt: fc.boolean(),
  caps: fc.boolean(),
  repeat: fc.boolean(),
  after: fc.constantFrom(0, 1, 2, 8, 20, 35, 50, 90, 110, 450),
});

describe('whatever comes', () => {
  it('scans 150 ms apart are each read whole, through any port', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(texts, ports, fc.integer({ min: 2, max: 40 }), fc.nat()), { maxLength: 4 }),
        (scans) => {
          const { decoder, bursts, typed } = listening();
          let at = 1000;
          for (const [text, port, gap, seed] of scans) {
            const chance = dice(seed);
            const events = send(text, port, at, () => gap * (0.5 + chance()));
            play(decoder, events);
            at = (events.at(-1)?.press.at ?? at) + 150;
            // A machine that waits for a suffix waits longer than that: only the whole tells where one text ends.
            if (port.suffix === 'none') decoder.idle();
          }
          expect(bursts.map((burst) => bare(burst.physical))).toEqual(scans.map(([text]) => text));
          expect(typed).toBe('');
        },
      ),
      { numRuns: 300 },
    );
  });

  it('no key is invented, none that types reaches anything else, and everything ends', () => {
    fc.assert(
      fc.property(fc.array(presses, { maxLength: 60 }), (stream) => {
        const heard = listening();
        let at = 1000;
        const events = stream.map(({ after, ...press }) => ({ press: { ...press, at: (at += after) }, up: false }));
        const swallowed = play(heard.decoder, events);
        heard.decoder.idle();
        expect(heard.decoder.busy || heard.decoder.holds, 'nothing is left under way').toBe(false);
        const told = heard.bursts.reduce((sum, burst) => sum + burst.how.keys, heard.typed.length);
        expect(told).toBeLessThanOrEqual(stream.length);
        events.forEach(({ press }, i) => {
          const types = press.key.length === 1 && !press.ctrl && !press.alt && !/^(Enter|Tab)$/.test(press.code);
          if (types) expect(swallowed[i], JSON.stringify(press)).toBe(true);
        });
      }),
      { numRuns: 500 },
    );
  });

  it('a person who types is never a scanner', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(...'0123456789abcXYZ'), fc.integer({ min: 85, max: 400 }))),
        (keys) => {
          const heard = listening();
          let at = 1000;
          for (const [character, gap] of keys) {
            play(
              heard.decoder,
              send(character, { ...PLAIN, suffix: 'none' }, (at += gap), () => 0),
            );
          }
          heard.decoder.idle();
          expect(heard.bursts).toEqual([]);
          expect(heard.typed).toBe(keys.map(([character]) => character).join(''));
        },
      ),
    );
  });
});

describe('a text that is cut off by a long pause', () => {
  it('is said to be part of one, and so is its rest, while whole scans are not', () => {
    const heard = listening();
    play(
      heard.decoder,
      send('482139071234', PLAIN, 0, () => 5),
    );
    const whole = send('482139071234', PLAIN, 1000, () => 5);
    const late = whole.map(({ press, up }, i) => ({ press: { ...press, at: press.at + (i < 8 ? 0 : 500) }, up }));
    play(heard.decoder, late);
    play(
      heard.decoder,
      send('482139071234', PLAIN, 9000, () => 5),
    );
    expect(heard.bursts.map(({ physical, cut }) => [physical, cut])).toEqual([
      ['482139071234', false],
      ['48213907', true],
      ['1234', true],
      ['482139071234', false],
    ]);
  });
});
