/**
 * One table is the only definition of a program's options. Types, checks, flags, environment variables, config-file
 * keys, help text, the example config and the reference page are all derived from it.
 *
 *     export const serveOptions = defineOptions({
 *       mqttListen: { flag: "mqtt-listen", type: "listen", default: "127.0.0.1:1883", group: "Listeners", help: "…" },
 *     });
 *     type ServeOptions = OptionValues<typeof serveOptions>; // { readonly mqttListen: ListenOption }
 *
 * One flag gives all names: `--mqtt-listen` on the command line, `<PREFIX>MQTT_LISTEN` in the environment and
 * `mqtt_listen` in a config file. Defaults and bounds are written as a user writes them: `"64KiB"`, `"10s"`.
 */

import type { ListenAddress } from "../transport/index.ts";

/** `off` switches a listener off. `port` 0 takes a free one. `host` is without brackets. */
export type ListenOption = ListenAddress | "off";

/** Where a value may be given. */
export type OptionOrigin = "flag" | "environment" | "file";

interface RowBase {
  /** Kebab-case, without dashes; must not start with `no-`. */
  readonly flag: string;
  /** One letter that stands for the flag: `h` makes `-h`. */
  readonly short?: string;
  /** One sentence for help, example config and reference, without the default. */
  readonly help: string;
  /** The heading it stands under; groups appear in the order of their first option. */
  readonly group: string;
  /** What stands for the value in the help. Default: the type's own, `SIZE` for a size. */
  readonly placeholder?: string;
  /** A value for the example config when there is no default. */
  readonly example?: string;
  /** Default: all three. */
  readonly from?: readonly OptionOrigin[];
}

/** `check` says what is wrong with a value that its type allows, or nothing. */
interface Single<Value, Written> {
  readonly repeatable?: false;
  /** Without it the option is optional, and its value `undefined` when not given. */
  readonly default?: Written;
  readonly check?: (value: Value) => string | undefined;
}

interface Repeatable<Value, Written> {
  /** Flag: once per value. Environment: comma-separated, so no comma in a value. File: a list. The winner is not merged. */
  readonly repeatable: true;
  /** Default: the empty list. */
  readonly default?: readonly Written[];
  /** Called with each value. */
  readonly check?: (value: Value) => string | undefined;
}

/** Inclusive; a size or duration may be written as text: `"64KiB"`, `"1h"`. */
interface Bounds {
  readonly min?: number | string;
  readonly max?: number | string;
}

type Row<Type extends string, Value, Written> = RowBase & { readonly type: Type } & (
    | Single<Value, Written>
    | Repeatable<Value, Written>
  );

export type OptionRow =
  | Row<"string", string, string>
  /** Not empty; used as given, so a relative one starts at the working directory. */
  | Row<"path", string, string>
  | Row<"boolean", boolean, boolean>
  | (Row<"integer", number, number> & Bounds & { readonly unit?: string })
  /** In bytes. Units are powers of 1024. */
  | (Row<"size", number, string> & Bounds)
  /** In milliseconds, with a fraction when so written. At least 0. */
  | (Row<"duration", number, string> & Bounds)
  | (Row<"choice", string, string> & { readonly values: readonly string[] })
  | Row<"listen", ListenOption, string>;

export type OptionType = OptionRow["type"];
export type OptionTable = Readonly<Record<string, OptionRow>>;

type ValueOf<R> = R extends { type: "boolean" }
  ? boolean
  : R extends { type: "integer" | "size" | "duration" }
    ? number
    : R extends { type: "listen" }
      ? ListenOption
      : R extends { type: "choice"; values: readonly (infer Choice)[] }
        ? Choice
        : string;

/** What `resolveOptions` gives for a table: one frozen value per option. */
export type OptionValues<T extends OptionTable> = {
  readonly [Name in keyof T]: T[Name] extends { repeatable: true }
    ? readonly ValueOf<T[Name]>[]
    : T[Name] extends { default: string | number | boolean }
      ? ValueOf<T[Name]>
      : ValueOf<T[Name]> | undefined;
};

export function environmentName(row: OptionRow, prefix: string): string {
  return prefix + row.flag.replaceAll("-", "_").toUpperCase();
}

export function fileKey(row: OptionRow): string {
  return row.flag.replaceAll("-", "_");
}

export function mayComeFrom(row: OptionRow, origin: OptionOrigin): boolean {
  return row.from === undefined || row.from.includes(origin);
}

/** The default as texts to parse: none, one, or a repeatable option's list. */
export function defaultTexts(row: OptionRow): readonly string[] {
  return row.default === undefined ? [] : [row.default].flat().map(String);
}
