/**
 * A full-screen view on a terminal: the alternate screen, redrawn line by line where a line has changed. Whatever ends the
 * process, `stop` gives the terminal back as it was; it may be called twice.
 */

export interface Terminal {
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
  on(event: "resize", listener: () => void): unknown;
  off(event: "resize", listener: () => void): unknown;
}

export interface Keyboard {
  setRawMode?(isRaw: boolean): unknown;
  resume(): unknown;
  pause(): unknown;
  on(event: "data", listener: (bytes: Buffer) => void): unknown;
  off(event: "data", listener: (bytes: Buffer) => void): unknown;
}

const enter = "\u001b[?1049h\u001b[?25l";
const leave = "\u001b[?25h\u001b[?1049l";
const columnsDefault = 80;
const rowsDefault = 24;

export class Screen {
  readonly #terminal: Terminal;
  readonly #keyboard: Keyboard | undefined;
  readonly #onKey: (key: string) => void;
  readonly #render: (columns: number, rows: number) => readonly string[];
  #shown: readonly string[] = [];
  #isOpen = false;
  readonly #onResize = () => {
    this.#shown = [];
    this.#terminal.write("\u001b[2J");
    this.draw();
  };
  /** Keys that are pressed fast come together; those that are a sequence of characters mean nothing here. */
  readonly #onData = (bytes: Buffer) => {
    const keys = bytes.toString("utf8");
    if (!keys.startsWith("\u001b")) for (const key of keys) this.#onKey(key);
  };

  constructor(
    terminal: Terminal,
    keyboard: Keyboard | undefined,
    render: (columns: number, rows: number) => readonly string[],
    onKey: (key: string) => void,
  ) {
    this.#terminal = terminal;
    this.#keyboard = keyboard;
    this.#render = render;
    this.#onKey = onKey;
  }

  start(): void {
    this.#isOpen = true;
    this.#terminal.write(`${enter}\u001b[2J`);
    this.#terminal.on("resize", this.#onResize);
    this.#keyboard?.setRawMode?.(true);
    this.#keyboard?.on("data", this.#onData);
    this.#keyboard?.resume();
    this.draw();
  }

  stop(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#terminal.off("resize", this.#onResize);
    this.#keyboard?.off("data", this.#onData);
    this.#keyboard?.setRawMode?.(false);
    this.#keyboard?.pause();
    this.#terminal.write(leave);
  }

  /** Writes the lines that differ from those shown, in one write. */
  draw(): void {
    if (!this.#isOpen) return;
    const { columns = columnsDefault, rows = rowsDefault } = this.#terminal;
    const lines = this.#render(columns, rows).slice(0, rows);
    let text = "";
    for (let row = 0; row < Math.max(lines.length, this.#shown.length); row++) {
      const line = lines[row] ?? "";
      if (line !== this.#shown[row]) text += `\u001b[${row + 1};1H${line}\u001b[0m\u001b[K`;
    }
    this.#shown = lines;
    if (text !== "") this.#terminal.write(text);
  }
}
