// Generated bursts for the wedge's figure, decoded as the page does it: writes one line of JSON for each scan, with what
// was sent, whether a key of it was damaged, and what the decoder handed in. `cargo test -p window-tests --test wedge`
// lets the core choose and counts. Arguments: a seed, and how many scans.
import { Decoder, type Burst } from '../src/wedge';
import { dice, PLAIN, play, send, type Event, type Layout, type Port } from './sender';

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const SCANS_PER_TILL = 20;
const DAMAGES = ['lost', 'doubled', 'swapped', 'hidden', 'split', 'joined'] as const;

const seed = Number(process.argv[2] ?? 1);
const scans = Number(process.argv[3] ?? 10_000);
const chance = dice(seed);
const pick = <T>(from: readonly T[]): T => from[Math.floor(chance() * from.length)] as T;
const digits = (count: number): string => Array.from({ length: count }, () => Math.floor(chance() * 10)).join('');

/** A code of ours: written a second time, from its description, so that nothing is checked against itself. */
function ours(): string {
  const body = pick([...'PCTM']) + Array.from({ length: 17 }, () => pick([...CROCKFORD])).join('');
  const sum = [...body].reduce((so, letter) => (so * 32 + CROCKFORD.indexOf(letter) + 1) % 1021, 0);
  return body + CROCKFORD.charAt(Math.floor(sum / 32)) + CROCKFORD.charAt(sum % 32);
}

/** What a customer may show: ours, a mall's digits, a payment code, an address. The first alone has check characters. */
function text(): { text: string; checked: boolean } {
  const dice = chance();
  if (dice < 0.6) return { text: ours(), checked: true };
  if (dice < 0.75) return { text: digits(12), checked: false };
  if (dice < 0.85) return { text: digits(8), checked: false };
  if (dice < 0.95) return { text: `13${digits(16)}`, checked: false };
  return { text: `https://u.wechat.com/${ours().toLowerCase().slice(1, 16)}_x`, checked: false };
}

interface Till {
  port: Port;
  gap: number;
}

/** A counter with its scanner and its machine. */
function till(): Till {
  const port: Port = {
    ...PLAIN,
    host: pick<Layout>(['us', 'us', 'us', 'de', 'fr', 'cz']),
    capsLock: chance() < 0.2,
    inputMethod: chance() < 0.4,
    altNumbers: chance() < 0.05,
    prefix: pick<Port['prefix']>(['none', 'none', 'none', 'enter', 'stx']),
    suffix: pick<Port['suffix']>(['enter', 'enter', 'enter', 'crlf', 'tab', 'etx', 'none']),
  };
  // A few scanners are set to the layout of their machine, and nothing hides what that makes of their keys.
  if (chance() < 0.05) {
    port.scanner = port.host = pick<Layout>(['de', 'fr', 'cz']);
    port.inputMethod = port.capsLock = port.altNumbers = false;
  }
  return { port, gap: 2 + chance() * (port.altNumbers ? 18 : 46) };
}

/** Damages the keys of a scan in one of the ways in which keys get damaged. */
function damage(events: Event[], how: (typeof DAMAGES)[number]): Event[] {
  const keys = events.flatMap(({ press }, i) => (press.key.length === 1 || press.key === 'Process' ? [i] : []));
  const at = keys[1 + Math.floor(chance() * (keys.length - 2))] ?? 1;
  const event = events[at];
  if (!event) return events;
  const { press, up } = event;
  if (how === 'lost') return events.filter((_, i) => i !== at);
  if (how === 'doubled') return events.flatMap((one, i) => (i === at ? [one, one] : [one]));
  if (how === 'hidden') return replaced(events, at, { press: { ...press, key: 'Process', code: '' }, up });
  if (how === 'swapped') {
    const next = events[at + 1];
    if (!next || !keys.includes(at + 1)) return events;
    const swapped = { press: { ...next.press, at: press.at }, up: next.up };
    return replaced(replaced(events, at, swapped), at + 1, { press: { ...press, at: next.press.at }, up });
  }
  const pause = 120 + chance() * 600;
  return how === 'split' ? events.map((one, i) => (i < at ? one : later(one, pause))) : events;
}

const replaced = (events: Event[], at: number, event: Event): Event[] =>
  events.map((one, i) => (i === at ? event : one));
const later = ({ press, up }: Event, by: number): Event => ({ press: { ...press, at: press.at + by }, up });

function main(): void {
  let bursts: Burst[] = [];
  let now = 1000;
  let done = 0;
  while (done < scans) {
    const { port, gap } = till();
    const decoder = new Decoder({
      scanned: (burst) => bursts.push(burst),
      typed: () => {},
      reading: () => {},
    });
    if (chance() < 0.5) decoder.expect({ suffix: port.suffix !== 'none', gap });
    for (let scan = 0; scan < SCANS_PER_TILL && done < scans; scan++, done++) {
      bursts = [];
      const { text: sent, checked } = text();
      const jitter = (): number => gap * (0.6 + 0.8 * chance());
      let events = send(sent, port, now, jitter);
      const texts = [sent];
      // A key that is lost without a trace leaves a code without check characters that nobody can tell from another.
      const possible = DAMAGES.filter((how) => {
        if (port.altNumbers) return false;
        if (how === 'split') return port.suffix !== 'none' && scan > 0;
        if (how === 'joined') return port.suffix === 'none' && checked;
        return checked || how === 'hidden';
      });
      const damaged = chance() < 0.3 && possible.length > 0 ? pick(possible) : null;
      if (damaged === 'joined') {
        const other = ours();
        texts.push(other);
        const last = events.at(-1)?.press.at ?? now;
        events = [...events, ...send(other, { ...port, prefix: 'none' }, last + gap, jitter)];
      } else if (damaged) events = damage(events, damaged);
      // The scanner reads the same code once more.
      const twice = !damaged && chance() < 0.1;
      const end = events.at(-1)?.press.at ?? now;
      const after = end - now + 150 + chance() * 2000;
      if (twice) events = [...events, ...events.map((event) => later(event, after))];
      play(decoder, events);
      decoder.idle();
      now = (events.at(-1)?.press.at ?? now) + 1500;
      if (chance() < 0.2) {
        // Somebody types in between.
        play(
          decoder,
          send(digits(3), { ...PLAIN, suffix: 'none' }, now, () => 140),
        );
        decoder.idle();
        now += 1500;
      }
      const handed = bursts.map(({ physical, logical, pauses, cut, how }) => ({
        physical,
        logical,
        caps: how.caps,
        pauses,
        cut,
      }));
      console.log(JSON.stringify({ sent: texts, damaged, scanner: port.scanner, twice, bursts: handed }));
    }
  }
}

main();
