/** The statements of a run, as CrateDB (and whoever speaks its HTTP) and PostgreSQL write them. */

import type { TableShape } from "../rows/table-shape.ts";

export type Dialect = "crate" | "postgres";

export interface TableSettings {
  /** `schema.table` or `table`. */
  readonly name: string;
  /** Undefined: the database decides. */
  readonly shards: number | undefined;
  readonly replicas: number;
  /** A column; empty: none. */
  readonly partitionedBy: string | undefined;
  readonly refreshIntervalMs: number | undefined;
  readonly translogDurability: "REQUEST" | "ASYNC" | undefined;
}

export function createTableSql(shape: TableShape, settings: TableSettings, dialect: Dialect): string {
  const keys = [...shape.primaryKey];
  // CrateDB wants the column of partitions in the primary key, where there is one.
  const { partitionedBy } = settings;
  if (keys.length > 0 && partitionedBy !== undefined && !keys.includes(partitionedBy)) keys.push(partitionedBy);
  const single = keys.length === 1 ? keys[0] : undefined;
  const elements = shape.columns.map(({ name, type }) => {
    const of = dialect === "crate" ? type : postgresType(type);
    return `${quoteName(name)} ${of}${name === single ? " PRIMARY KEY" : ""}`;
  });
  if (keys.length > 1) elements.push(`PRIMARY KEY (${keys.map(quoteName).join(", ")})`);
  const head = `CREATE TABLE IF NOT EXISTS ${quoteTable(settings.name)} (${elements.join(", ")})`;
  return dialect === "crate" ? `${head}${crateClauses(settings)}` : head;
}

function crateClauses({
  shards,
  replicas,
  partitionedBy,
  refreshIntervalMs,
  translogDurability,
}: TableSettings): string {
  const parameters = [
    `number_of_replicas = ${replicas}`,
    ...(refreshIntervalMs === undefined ? [] : [`refresh_interval = ${refreshIntervalMs}`]),
    ...(translogDurability === undefined ? [] : [`"translog.durability" = '${translogDurability}'`]),
  ];
  return [
    shards === undefined ? "" : ` CLUSTERED INTO ${shards} SHARDS`,
    partitionedBy === undefined ? "" : ` PARTITIONED BY (${quoteName(partitionedBy)})`,
    ` WITH (${parameters.join(", ")})`,
  ].join("");
}

const postgresTypes: readonly (readonly [pattern: RegExp, type: string])[] = [
  [/^OBJECT\b/i, "JSONB"],
  [/^(BYTE|CHAR)$/i, "SMALLINT"],
  [/^SHORT$/i, "SMALLINT"],
  [/^LONG$/i, "BIGINT"],
  [/^FLOAT$/i, "REAL"],
  [/^DOUBLE$/i, "DOUBLE PRECISION"],
  [/^STRING$/i, "TEXT"],
  [/^IP$/i, "INET"],
];

function postgresType(type: string): string {
  return postgresTypes.find(([pattern]) => pattern.test(type))?.[1] ?? type;
}

/** One row a parameter list, for `bulk_args`. */
export function insertSql(table: string, columns: readonly string[], suffix: string): string {
  return `INSERT INTO ${quoteTable(table)} (${columns.map(quoteName).join(", ")}) VALUES (${columns.map(() => "?").join(", ")})${suffix}`;
}

/** One column a parameter. */
export function unnestSql(table: string, columns: readonly string[], suffix: string): string {
  const names = columns.map(quoteName).join(", ");
  return `INSERT INTO ${quoteTable(table)} (${names}) (SELECT * FROM UNNEST(${columns.map(() => "?").join(", ")}))${suffix}`;
}

export const suffixOf = { nothing: " ON CONFLICT DO NOTHING", error: "" } as const;

export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** `schema.table` is two names. */
export function quoteTable(name: string): string {
  return name.split(".").map(quoteName).join(".");
}
