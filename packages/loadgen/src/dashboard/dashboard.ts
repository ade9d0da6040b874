/**
 * The frame of a full-screen dashboard: draws what a tool's view shows at most four times a second, hands keys on, shows
 * the help, and gives the terminal back.
 */

import type { Clock, Timer } from "@polylog/base/clock";
import { type Keyboard, Screen, type Terminal } from "./screen.ts";
import { cut, paint, paints, wrapped } from "./screen-text.ts";

/** What a tool shows. */
export interface DashboardView {
  /** At most `rows` are shown; wider ones are cut. */
  lines(columns: number, rows: number): readonly string[];
  /** Its own keys, and what the figures mean. */
  readonly help: readonly string[];
  /** Behind the keys that every dashboard has. */
  readonly footer?: string;
  /** True when the key means something to it: it is drawn again. */
  onKey?(key: string): boolean;
}

export interface DashboardOptions {
  /** No colours: NO_COLOR, or a terminal that has none. */
  readonly isPlain: boolean;
  readonly clock: Clock;
  /** The user wants the run to end. */
  readonly onQuit: () => void;
}

const drawEveryMs = 250;
const historyMax = 240;

export class Dashboard {
  readonly #options: DashboardOptions;
  readonly #view: DashboardView;
  readonly #screen: Screen;
  #isHelpShown = false;
  #timer: Timer | undefined;

  constructor(view: DashboardView, options: DashboardOptions, terminal: Terminal, keyboard: Keyboard | undefined) {
    this.#options = options;
    this.#view = view;
    this.#screen = new Screen(
      terminal,
      keyboard,
      (columns, rows) => this.#lines(columns, rows),
      (key) => this.#onKey(key),
    );
  }

  start(): void {
    this.#screen.start();
  }

  /** Gives the terminal back; may be called twice. */
  stop(): void {
    this.#options.clock.clearTimer(this.#timer);
    this.#screen.stop();
  }

  /** What the view shows has changed. */
  drawSoon(): void {
    if (this.#timer !== undefined) return;
    this.#timer = this.#options.clock.setTimer(() => {
      this.#timer = undefined;
      this.#screen.draw();
    }, drawEveryMs);
  }

  #onKey(key: string): void {
    if (key === "?") {
      this.#isHelpShown = !this.#isHelpShown;
      this.#screen.draw();
    } else if (this.#view.onKey?.(key)) this.#screen.draw();
    else if (key === "q" || key === "\u0003") this.#options.onQuit(); // In raw mode Ctrl-C is a key like others.
  }

  #lines(columns: number, rows: number): readonly string[] {
    const room = Math.max(1, rows - 1);
    const { help, footer = "" } = this.#view;
    const helpLines = [...keyLines, ...help].flatMap((line) => wrapped(line, columns));
    const lines = this.#isHelpShown ? helpLines : this.#view.lines(columns, room);
    const last = paint(
      this.#options.isPlain,
      paints.dim,
      cut(`q ends the run   ? help   ${footer}`.trimEnd(), columns),
    );
    return [...lines.slice(0, room).map((line) => cut(line, columns)), last];
  }
}

const keyLines = [
  "Keys",
  "",
  "  q, Ctrl-C   end the run in order, and keep what was measured",
  "  ?           this, and back",
];

/** Colours are not wanted, or not there. */
export function isPlainTerminal(env: Readonly<Record<string, string | undefined>>): boolean {
  return (env["NO_COLOR"] ?? "") !== "" || env["TERM"] === "dumb";
}

/** Adds a value to those that a graph shows. */
export function remember<Value>(values: Value[], value: Value): void {
  values.push(value);
  if (values.length > historyMax) values.shift();
}
