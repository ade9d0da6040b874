/**
 * `LOG=crate:URL/TABLE`: the records of a log as rows of a table.
 *
 *     orders=crate:http://crate@localhost:4200/doc.orders           CrateDB
 *     orders=crate:embedded/orders                                  the server's own /_sql
 *     orders=postgres://ada:secret@localhost:5432/shop/orders       PostgreSQL, or CrateDB by its protocol
 *     …?columns=room:room,celsius:reading.celsius                   columns from fields of the value
 *     …?channel=loader&batch=500                                    by another channel, in smaller batches
 */

import { isLogName } from "@polylog/broker";
import { batchRowsDefault, batchRowsMax } from "../limits.ts";

export interface SinkRule {
  readonly log: string;
  readonly target: "crate" | "postgres" | "embedded";
  /** Without the table. Undefined for `embedded`. */
  readonly url: URL | undefined;
  /** Undefined: the target's default. */
  readonly schema: string | undefined;
  readonly table: string;
  readonly channel: string;
  readonly batchRows: number;
  /** Paths into the value, by column. */
  readonly columns: ReadonlyMap<string, readonly string[]>;
}

const form = "write LOG=crate:http://host:4200/table, LOG=crate:embedded/table or LOG=postgres://host/database/table";
const parameters = ["columns", "channel", "batch"];

/** What is wrong with a rule's text, or nothing. */
export function findSinkRuleProblem(text: string): string | undefined {
  const rule = readSinkRule(text);
  return typeof rule === "string" ? rule : undefined;
}

/** For a text in which `findSinkRuleProblem` found none. */
export function parseSinkRule(text: string): SinkRule {
  const rule = readSinkRule(text);
  if (typeof rule === "string") throw new TypeError(rule);
  return rule;
}

function readSinkRule(text: string): SinkRule | string {
  const equals = text.indexOf("=");
  if (equals === -1) return form;
  const log = text.slice(0, equals);
  if (!isLogName(log)) return `log "${log}" is not 1 to 64 of a-z A-Z 0-9 . _ - with an optional #ephemeral at the end`;
  const place = text.slice(equals + 1);
  if (place.startsWith("crate:embedded/")) return withTable("embedded", log, new URL(`embedded://${place.slice(6)}`));
  const address = place.replace(/^(crate|postgres):(?=[a-z]+:\/\/)/, "");
  if (!URL.canParse(address)) return form;
  const url = new URL(address);
  if (/^postgres(ql)?:$/.test(url.protocol)) return withTable("postgres", log, url);
  if (!/^https?:$/.test(url.protocol) || !place.startsWith("crate:")) return form;
  return withTable("crate", log, url);
}

function withTable(target: SinkRule["target"], log: string, url: URL): SinkRule | string {
  const segments = url.pathname.split("/").filter((segment) => segment !== "");
  const name = decodeURIComponent(segments.pop() ?? "").split(".");
  const [first, second] = name;
  const wanted = target === "postgres" ? 1 : 0;
  if (first === undefined || first === "" || second === "" || name.length > 2 || segments.length !== wanted)
    return form;
  for (const key of url.searchParams.keys())
    if (!parameters.includes(key)) return `"${key}" is none of ${parameters.join(", ")}`;
  const batchRows = Number(url.searchParams.get("batch") ?? batchRowsDefault);
  if (!Number.isInteger(batchRows) || batchRows < 1 || batchRows > batchRowsMax) return `batch is 1 to ${batchRowsMax}`;
  const channel = url.searchParams.get("channel") ?? "sink";
  if (!isLogName(channel)) return `channel "${channel}" is not a name`;
  const columns = readColumns(url.searchParams.get("columns") ?? "");
  if (typeof columns === "string") return columns;
  const base = new URL(url);
  base.search = "";
  base.pathname = segments.join("/");
  return Object.freeze({
    log,
    target,
    url: target === "embedded" ? undefined : base,
    schema: second === undefined ? undefined : first,
    table: second ?? first,
    channel,
    batchRows,
    columns,
  });
}

function readColumns(text: string): ReadonlyMap<string, readonly string[]> | string {
  const columns = new Map<string, readonly string[]>();
  for (const part of text.split(",").filter((each) => each !== "")) {
    const [column = "", path = column] = part.split(":");
    if (column === "" || path === "") return `columns: "${part}" is not COLUMN:FIELD or COLUMN:FIELD.FIELD`;
    columns.set(column, path.split("."));
  }
  return columns;
}
