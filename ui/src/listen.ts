// From the window's events to the decoder's keys, and back: which events nobody else may see, which fields are cleared.
// Knows nothing of codes or screens.
import type { Press } from './strokes';
import { Decoder, IDLE, type Habits, type Sink } from './wedge';

/** A text field that got no key for so long loses the focus (ms): scans must not land in it. */
export const FIELD_REST = 15_000;

/** Listening to a window. */
export interface Listening {
  /** Takes over what was measured of the scanners here. */
  expect(habits: Habits): void;
  stop(): void;
}

type Field = HTMLInputElement | HTMLTextAreaElement;

// When the key of an event went down that was held back and sent on later.
const HELD = new WeakMap<Event, number>();

/** When the key or click of an event came (ms), whether or not it was held back. */
export function cameAt(event: Event): number {
  return HELD.get(event) ?? event.timeStamp;
}

/** Whether a text field has the focus. */
export function isField(element: Element | null): element is Field {
  return element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement;
}

/** Listens on `view` and feeds a decoder. */
export function listen(view: Window, sink: Sink): Listening {
  const listener = new Listener(view, sink);
  listener.start();
  return listener;
}

class Listener implements Listening {
  private readonly decoder: Decoder;
  private readonly swallowed = new Set<string>();
  private readonly stops: (() => void)[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;
  private rest: ReturnType<typeof setTimeout> | undefined;
  // Since when an input method composes (ms).
  private composedSince: number | null = null;
  // What stood in a field before the burst that goes into it.
  private before: { field: Field; text: string; at: number } | null = null;

  constructor(
    private readonly view: Window,
    private readonly sink: Sink,
  ) {
    this.decoder = new Decoder({
      scanned: (burst) => sink.scanned(burst),
      typed: (text, entered) => this.typed(text, entered),
      reading: (now) => sink.reading(now),
      strayed: () => this.strayed(),
      released: (at) => this.released(at),
    });
  }

  expect(habits: Habits): void {
    this.decoder.expect(habits);
  }

  start(): void {
    this.on('keydown', (event) => this.down(event as KeyboardEvent), { capture: true });
    this.on('keyup', (event) => this.up(event as KeyboardEvent), { capture: true });
    this.on('beforeinput', (event) => this.remember(event), { capture: true });
    this.on('input', (event) => this.changed(event), { capture: true });
    this.on('compositionstart', (event) => (this.composedSince = event.timeStamp), { capture: true });
    this.on('compositionend', () => (this.composedSince = null), { capture: true });
    this.on('focusin', () => this.restSoon());
    this.on('pointerup', () => this.tapped());
    this.on('wheel', (event) => void ((event as WheelEvent).ctrlKey && event.preventDefault()), { passive: false });
  }

  stop(): void {
    clearTimeout(this.timer);
    clearTimeout(this.rest);
    for (const stop of this.stops) stop();
  }

  private on(name: string, heard: (event: Event) => void, options?: AddEventListenerOptions): void {
    this.view.addEventListener(name, heard, options);
    this.stops.push(() => this.view.removeEventListener(name, heard, options));
  }

  private get focused(): Element | null {
    return this.view.document.activeElement;
  }

  private arm(wait: number, patience: number): void {
    clearTimeout(this.timer);
    const due = performance.now() + wait;
    this.timer = setTimeout(() => {
      // A busy page runs timers before the keys that came meanwhile: let those in first.
      if (patience > 0 && performance.now() - due > 20) this.arm(30, patience - 1);
      else this.decoder.idle();
    }, wait);
  }

  private down(event: KeyboardEvent): void {
    if (HELD.has(event)) return;
    const press = pressOf(event);
    const inBurst = this.decoder.busy && (press.ctrl === true || /^Numpad\d$/.test(press.code));
    if (isAccelerator(event) && !inBurst) return stop(event);
    if (event.metaKey || (press.alt && !/^(Numpad\d|Alt\w*)$/.test(press.code))) return;
    const field = isField(this.focused);
    if (field) this.remember(event);
    if (this.decoder.press(press, field)) {
      this.swallowed.add(event.code);
      stop(event);
    }
    if (this.decoder.busy || this.decoder.holds) this.arm(this.decoder.patience, 2);
    if (field) this.restSoon();
  }

  private up(event: KeyboardEvent): void {
    const taken = this.decoder.release(pressOf(event));
    if (this.swallowed.delete(event.code) || taken) stop(event);
    if (taken) this.arm(this.decoder.patience, 2);
  }

  /** Keeps what stands in the field, unless a burst is just going into it. */
  private remember(event: Event): void {
    const field = this.focused;
    if (!isField(field)) return;
    const { before } = this;
    const going = before?.field === field && event.timeStamp - before.at < IDLE;
    this.before = { field, text: going ? before.text : field.value, at: event.timeStamp };
  }

  private changed(event: Event): void {
    // What a person types or pastes fires this too; what the page itself sets is not trusted.
    if (event.isTrusted && isField(this.focused)) {
      const typed = event instanceof InputEvent && /^insert(Text|\w*Composition\w*)$/.test(event.inputType);
      const characters = typed ? [...(event.data ?? '')].length : 1;
      this.decoder.changed(event.timeStamp, characters, this.composedSince ?? event.timeStamp);
    }
    if (this.decoder.busy) this.arm(this.decoder.patience, 2);
  }

  private strayed(): void {
    const { before } = this;
    const field = this.focused;
    if (isField(field)) field.blur();
    if (before && before.field.value !== before.text) {
      before.field.value = before.text;
      before.field.dispatchEvent(new Event('input', { bubbles: true }));
    }
    this.sink.strayed?.();
  }

  private typed(text: string, entered: boolean): void {
    const focused = this.focused;
    // A person who walks the buttons by keyboard presses them with the space bar. It waited: a text may begin with it.
    if (text === ' ' && focused instanceof HTMLButtonElement) focused.click();
    else this.sink.typed(text, entered);
  }

  /** Sends the Enter on that was held back. */
  private released(at: number): void {
    const target = this.focused ?? this.view.document.body;
    const event = new KeyboardEvent('keydown', { key: 'Enter', code: 'Enter', bubbles: true, cancelable: true });
    HELD.set(event, at);
    if (target.dispatchEvent(event) && target instanceof HTMLButtonElement) target.click();
  }

  /** A tapped button must not keep the focus, or the next scan's Enter would be aimed at it. */
  private tapped(): void {
    const focused = this.focused;
    if (focused instanceof HTMLElement && !isField(focused)) focused.blur();
  }

  private restSoon(): void {
    clearTimeout(this.rest);
    const field = this.focused;
    if (!isField(field)) return;
    this.rest = setTimeout(() => field.blur(), FIELD_REST);
  }
}

function pressOf(event: KeyboardEvent): Press {
  // Windows gives AltGr as Control and Alt together.
  const graph = event.getModifierState('AltGraph');
  return {
    key: event.keyCode === 229 && event.key.length !== 1 ? 'Process' : event.key,
    code: event.code,
    shift: event.shiftKey,
    ctrl: event.ctrlKey && !graph && event.key !== 'Control',
    alt: event.altKey && !graph,
    caps: event.getModifierState('CapsLock'),
    repeat: event.repeat,
    at: event.timeStamp,
  };
}

function stop(event: Event): void {
  event.preventDefault();
  event.stopImmediatePropagation();
}

/** Keys with which a web view reloads, prints, searches, zooms or goes back: none of them belongs to a till. */
function isAccelerator(event: KeyboardEvent): boolean {
  if (['F5', 'F6', 'F7', 'F12'].includes(event.key)) return true;
  if (event.ctrlKey || event.metaKey) return /^[prf=+0-]$/i.test(event.key);
  return event.altKey && (event.key === 'ArrowLeft' || event.key === 'ArrowRight');
}
