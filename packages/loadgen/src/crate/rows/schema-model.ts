/**
 * A table of the user's own, from a file.
 *
 *     TOML or JSON   primary_key = ["id"]          columns of the primary key; without it a row sent twice is there twice
 *                    [[columns]]
 *                    name = "id"                   as CrateDB names and types it
 *                    type = "TEXT"
 *                    generator = "id"              see `generators`; with `min`, `max`, `digits`, `values`, `length`, `pattern`
 *                    nulls = 0.1                   share of rows without a value; default 0
 *     .js, .mjs      export const columns = [{ name, type }, …]
 *                    export const primaryKey = ["id"]
 *                    export function createRows({ seed, thread, nextId, random }) { return (now) => [value, …]; }
 */

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parse } from "smol-toml";
import { loadgenErrors } from "../../errors.ts";
import { SeededRandom } from "./random.ts";
import type { RowIds } from "./row-ids.ts";
import type { Column, RowModel, RowSource, TableShape } from "./table-shape.ts";

/** What `generator` may say, and what it makes. */
export const generators = {
  id: "a text that never repeats, in the form of a UUID",
  now: "the time of writing, RFC 3339",
  integer: "a whole number from `min` (0) to `max` (100)",
  number: "a number from `min` (0) to `max` (1) with `digits` (2) behind the point",
  choice: "one of `values`",
  boolean: "true or false",
  text: "`length` (16) letters",
  sequence: "0, 1, 2, … in each thread",
  faker: "`pattern` of @faker-js/faker: {{internet.email}}",
} as const;

interface ColumnSpec extends Column {
  readonly generator: keyof typeof generators;
  readonly min?: number;
  readonly max?: number;
  readonly digits?: number;
  readonly values?: readonly unknown[];
  readonly length?: number;
  readonly pattern?: string;
  readonly nulls?: number;
}

interface Context {
  readonly random: SeededRandom;
  readonly ids: RowIds;
  readonly fake: (pattern: string) => string;
}

/** Makes the JSON text of one value. */
type Maker = (now: string) => string;

const makers: Readonly<Record<keyof typeof generators, (spec: ColumnSpec, context: Context) => Maker>> = {
  id:
    (_spec, { ids }) =>
    () =>
      `"${ids.next()}"`,
  now: () => (now) => now,
  integer: ({ min = 0, max = 100 }, { random }) => {
    const span = Math.max(1, max - min + 1);
    return () => String(min + Math.floor(random.fraction() * span));
  },
  number:
    ({ min = 0, max = 1, digits = 2 }, { random }) =>
    () =>
      (min + random.fraction() * (max - min)).toFixed(digits),
  choice: ({ values = [] }, { random }) => {
    const texts = values.map((value) => JSON.stringify(value));
    return () => texts[random.below(texts.length)]!;
  },
  boolean:
    (_spec, { random }) =>
    () =>
      random.below(2) === 0 ? "false" : "true",
  text:
    ({ length = 16 }, { random }) =>
    () => {
      let text = "";
      for (let i = 0; i < length; i++) text += String.fromCharCode(97 + random.below(26));
      return `"${text}"`;
    },
  sequence: () => {
    let next = 0;
    return () => String(next++);
  },
  faker:
    ({ pattern = "" }, { fake }) =>
    () =>
      JSON.stringify(fake(pattern)),
};

/** Rejects with FILE_UNREADABLE, SCHEMA_FILE_INVALID. */
export async function loadSchema(path: string): Promise<RowModel> {
  if (/\.m?js$/.test(path)) return moduleModel(path);
  const { shape, specs } = readSpecs(path);
  const needsFaker = specs.some(({ generator }) => generator === "faker");
  const fakerFor = needsFaker ? await loadFaker(path, specs) : () => (pattern: string) => pattern;
  return {
    shape,
    source: (seed, thread, ids) => {
      const random = new SeededRandom(seed, thread);
      const context = { random, ids, fake: fakerFor(random.next32() >>> 0) };
      const columns = specs.map((spec): Maker => {
        const make = makers[spec.generator](spec, context);
        const { nulls = 0 } = spec;
        return nulls === 0 ? make : (now) => (random.fraction() < nulls ? "null" : make(now));
      });
      return { row: (now) => `[${columns.map((make) => make(now)).join(",")}]` };
    },
  };
}

function readSpecs(path: string): { readonly shape: TableShape; readonly specs: readonly ColumnSpec[] } {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw loadgenErrors.FILE_UNREADABLE({ path, reason: (error as Error).message }, error);
  }
  let file: { readonly primary_key?: unknown; readonly columns?: unknown };
  try {
    file = (path.endsWith(".json") ? JSON.parse(text) : parse(text)) as typeof file;
  } catch (error) {
    throw loadgenErrors.SCHEMA_FILE_INVALID({ path, problem: (error as Error).message }, error);
  }
  const { columns = [], primary_key: primaryKey = [] } = file;
  return {
    shape: checkShape(path, columns, primaryKey),
    specs: (columns as unknown[]).map((it) => checkSpec(path, it)),
  };
}

function checkShape(path: string, columns: unknown, primaryKey: unknown): TableShape {
  const invalid = (problem: string) => loadgenErrors.SCHEMA_FILE_INVALID({ path, problem });
  if (!Array.isArray(columns) || columns.length === 0) throw invalid("it needs `columns`, a list");
  const checked = columns.map((each: Partial<Column> | null) => {
    const { name, type } = each ?? {};
    if (typeof name !== "string" || typeof type !== "string") throw invalid("each column needs a name and a type");
    return { name, type };
  });
  if (!Array.isArray(primaryKey)) throw invalid("primary_key is a list of columns");
  const names = new Set(checked.map(({ name }) => name));
  const missing = primaryKey.find((name) => !names.has(String(name)));
  if (missing !== undefined) throw invalid(`primary_key names ${String(missing)}, which is no column`);
  if (names.size < checked.length) throw invalid("two columns have the same name");
  return { columns: checked, primaryKey: primaryKey.map(String) };
}

function checkSpec(path: string, column: unknown): ColumnSpec {
  const spec = column as ColumnSpec;
  const invalid = (problem: string) => loadgenErrors.SCHEMA_FILE_INVALID({ path, problem: `${spec.name}: ${problem}` });
  const { generator, min = 0, max = Number.POSITIVE_INFINITY, values, nulls = 0, pattern } = spec;
  if (!Object.hasOwn(generators, generator ?? ""))
    throw invalid(`generator is one of ${Object.keys(generators).join(", ")}`);
  for (const name of ["min", "max", "digits", "length", "nulls"] as const)
    if (spec[name] !== undefined && typeof spec[name] !== "number") throw invalid(`${name} is a number`);
  if (min > max) throw invalid("min is larger than max");
  if (nulls < 0 || nulls > 1) throw invalid("nulls is from 0 to 1");
  if (generator === "choice" && (!Array.isArray(values) || values.length === 0)) throw invalid("it needs values");
  if (generator === "faker" && typeof pattern !== "string") throw invalid("it needs a pattern");
  return spec;
}

/** Answers a maker of texts for each seed. Every pattern is tried once, so that a wrong one is told before the run. */
async function loadFaker(
  path: string,
  specs: readonly ColumnSpec[],
): Promise<(seed: number) => (pattern: string) => string> {
  const { Faker, en, base } = await import("@faker-js/faker");
  const create = (seed: number) => {
    const faker = new Faker({ locale: [en, base], seed });
    return (pattern: string) => faker.helpers.fake(pattern);
  };
  for (const { name, pattern } of specs) {
    try {
      if (pattern !== undefined) create(0)(pattern);
    } catch (error) {
      throw loadgenErrors.SCHEMA_FILE_INVALID({ path, problem: `${name}: ${(error as Error).message}` }, error);
    }
  }
  return create;
}

interface SchemaModule {
  readonly columns?: unknown;
  readonly primaryKey?: unknown;
  readonly createRows?: (given: {
    readonly seed: number;
    readonly thread: number;
    readonly nextId: () => string;
    /** 0 to below 1. */
    readonly random: () => number;
  }) => (now: string) => readonly unknown[];
}

async function moduleModel(path: string): Promise<RowModel> {
  let module: SchemaModule;
  try {
    module = (await import(pathToFileURL(resolve(path)).href)) as SchemaModule;
  } catch (error) {
    throw loadgenErrors.FILE_UNREADABLE({ path, reason: (error as Error).message }, error);
  }
  const { columns, primaryKey = [], createRows } = module;
  const shape = checkShape(path, columns, primaryKey);
  if (typeof createRows !== "function")
    throw loadgenErrors.SCHEMA_FILE_INVALID({ path, problem: "it exports no function createRows" });
  return {
    shape,
    source: (seed, thread, ids): RowSource => {
      const random = new SeededRandom(seed, thread);
      const next = createRows({ seed, thread, nextId: () => ids.next(), random: () => random.fraction() });
      return { row: (now) => JSON.stringify(next(now.slice(1, -1))) };
    },
  };
}
