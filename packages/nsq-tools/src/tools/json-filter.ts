/** nsq_to_nsq's look into JSON messages: which ones pass, and which of their fields. */

export interface JsonFilterOptions {
  readonly requireField: string;
  readonly requireValue: string;
  readonly whitelist: readonly string[];
}

/** `dropped` is finished without being passed on, `requeue` comes again later. */
export type Filtered =
  | { readonly pass: Buffer }
  | { readonly dropped: string | undefined }
  | { readonly requeue: string };

/** Only with one of the options set is the body looked at. */
export function filterJson(options: JsonFilterOptions, body: Buffer): Filtered {
  const { requireField, requireValue, whitelist } = options;
  if (requireField === "" && whitelist.length === 0) return { pass: body };
  const fields = parseObject(body);
  if (fields === undefined) return { dropped: `ERROR: Unable to decode json: ${body.toString("utf8")}` };
  if (requireField !== "") {
    if (!fields.has(requireField)) {
      if (requireValue === "") return { dropped: undefined };
      return { requeue: "ERROR: missing field to check required value" };
    }
    if (requireValue !== "" && !isRequired(fields.get(requireField), requireValue)) return { dropped: undefined };
  }
  return { pass: whitelist.length === 0 ? body : rebuild(fields, whitelist) };
}

function parseObject(body: Buffer): ReadonlyMap<string, unknown> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(body.toString("utf8"));
  } catch {
    return undefined;
  }
  // Go reads null as an object without fields.
  if (value === null) return new Map();
  if (typeof value !== "object" || Array.isArray(value)) return undefined;
  return new Map(Object.entries(value));
}

/** Strings compare as they are, numbers as doubles when the wanted value is one; nothing else is ever equal. */
function isRequired(value: unknown, wanted: string): boolean {
  if (typeof value === "string") return value === wanted;
  const isNumber = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(wanted);
  return isNumber && typeof value === "number" && value === Number(wanted);
}

function rebuild(fields: ReadonlyMap<string, unknown>, whitelist: readonly string[]): Buffer {
  const kept = new Map<string, unknown>();
  for (const name of whitelist) if (fields.has(name)) kept.set(name, fields.get(name));
  return Buffer.from(`{${goMembers(kept, topLevelJson).join(",")}}`, "utf8");
}

/** Go prints a whole number that fits 64 bits with all its digits. */
function topLevelJson(value: unknown): string {
  if (typeof value === "number" && Number.isInteger(value) && Math.abs(value) < 2 ** 63)
    return BigInt(value).toString();
  return goJson(value);
}

/** JSON as Go writes it: keys sorted by their bytes; < > & and two line separators escaped. */
function goJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(goJson).join(",")}]`;
  if (typeof value === "object" && value !== null)
    return `{${goMembers(new Map(Object.entries(value)), goJson).join(",")}}`;
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function goMembers(fields: ReadonlyMap<string, unknown>, json: (value: unknown) => string): string[] {
  const names = [...fields.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return names.map((name) => `${goJson(name)}:${json(fields.get(name))}`);
}
