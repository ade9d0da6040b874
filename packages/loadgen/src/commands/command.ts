/** What a command is handed, and what it is. */

import type { Keyboard, Terminal } from "../dashboard/screen.ts";
import type { ToolProfile } from "../measure/tool-profile.ts";

export interface Environment {
  /** Whose command it is. Results of the other tools are read all the same. */
  readonly tool: ToolProfile;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Resolves when the user wants a run to end early. */
  readonly stopRequested: Promise<unknown>;
  /** Where keys come from; undefined when that is no terminal. */
  readonly keyboard?: Keyboard | undefined;
  /** Called when the process ends, however it does. */
  onExit(callback: () => void): void;
  /** 0, 1 or 2, as `-v` and `-vv` ask for. */
  readonly verbosity: number;
}

export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  /** What a dashboard can be drawn on; undefined when that is no terminal. */
  readonly terminal?: Terminal | undefined;
}

export interface Command {
  readonly name: string;
  readonly summary: string;
  /** Loaded only when used. Resolves with the exit code. */
  readonly load: () => Promise<(argv: readonly string[], environment: Environment) => Promise<number>>;
}
