/** A word after `polylog`, and what it does. */

export interface Environment {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: AsyncIterable<Uint8Array | string>;
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
}

export interface Command {
  readonly name: string;
  /** One line for `polylog help`. */
  readonly summary: string;
  /** Loaded only when used, so that small commands start fast. Resolves with the exit code. */
  readonly load: () => Promise<(argv: readonly string[], environment: Environment) => Promise<number>>;
}
