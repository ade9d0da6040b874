/**
 * One table says what flags a command of NSQ's has; parsing, `--help` in Go's form and the reference page come from it.
 *
 *     const flags = {
 *       topic: { type: "strings", usage: "NSQ topic (may be given multiple times)" },
 *       n: { type: "int", default: 0, usage: "total messages to show (will wait if starved)" },
 *     } as const satisfies GoFlagTable;
 */

interface Row<Type extends string, Value> {
  readonly type: Type;
  /** What a flag that is not given is worth. */
  readonly default: Value;
  /** A word in back quotes names the value in the help, as in Go. */
  readonly usage: string;
}

export type GoFlagRow =
  | Row<"bool", boolean>
  | Row<"int" | "float", number>
  | Row<"string", string>
  /** Milliseconds. */
  | Row<"duration", number>
  /** A text that `problem` may find fault with, in Go's words. */
  | (Row<"text", string> & {
      readonly problem: (text: string) => string | undefined;
      /** What the flag alone means; it takes another value only after `=` then, as a boolean. */
      readonly bare?: string;
      /** The default as the help shows it; nothing when empty. Default: as it is. */
      readonly shown?: string;
    })
  /** May be given several times; each one adds. */
  | (Omit<Row<"strings", never>, "default"> & { readonly default?: undefined })
  /** A whole number that may be left out. */
  | (Omit<Row<"count", never>, "default"> & { readonly default?: undefined });

export type GoFlagTable = Readonly<Record<string, GoFlagRow>>;

interface ValuesByType {
  readonly bool: boolean;
  readonly int: number;
  readonly float: number;
  readonly string: string;
  readonly text: string;
  readonly duration: number;
  readonly strings: readonly string[];
  readonly count: number | undefined;
}

export type GoFlagValues<Table extends GoFlagTable> = {
  readonly [Name in keyof Table]: ValuesByType[Table[Name]["type"]];
};

/** How Go prints the value that it does not show as a default. */
export const zeroTexts: Readonly<Record<GoFlagRow["type"], string>> = {
  bool: "false",
  int: "0",
  float: "0",
  string: "",
  text: "",
  duration: "0s",
  strings: "",
  count: "",
};
