/**
 * IDENTIFY: who the client is and what it would like.
 *
 *     "IDENTIFY" LF, int32 size (1..max-body-size), size bytes of JSON
 *
 * Reply: `OK`, or with feature_negotiation the JSON of `identify-response.ts`.
 *
 * The document is decoded as Go's encoding/json does it for nsqd: `null`, alone or as a value, is "unset"; unknown keys are
 * ignored; keys match whatever their case; of equal keys the last counts; an integer may have no fraction and no
 * exponent and must fit 64 bits (sample_rate 32). Any other shape is IDENTIFY_UNDECODABLE.
 */

import type { ByteWriter } from "@polylog/base/bytes";
import { bodyErrors, type CommandRow } from "../command-row.ts";
import { nsqWireErrors } from "../errors.ts";
import { decodeJsonString, foldKey, scanJsonObject } from "../go-json.ts";
import {
  heartbeatIntervalMinMs,
  msgTimeoutMinMs,
  outputBufferSizeMin,
  type ProtocolLimits,
  sampleRateMax,
} from "../limits.ts";

export const identify: CommandRow = { name: "IDENTIFY", body: "sized", errors: bodyErrors };

/** The request, with the wire's own keys. What the client did not set is "", false or 0. */
export interface Identify {
  client_id: string;
  hostname: string;
  user_agent: string;
  feature_negotiation: boolean;
  /** ms; -1 off, 0 default. */
  heartbeat_interval: number;
  /** Bytes; -1 none, 0 default. */
  output_buffer_size: number;
  /** ms; -1 off, 0 default. */
  output_buffer_timeout: number;
  tls_v1: boolean;
  snappy: boolean;
  deflate: boolean;
  /** At most 0 means the default, 6. Any integer is legal. */
  deflate_level: number;
  /** 0..99; 0 off. */
  sample_rate: number;
  /** ms; 0 default. */
  msg_timeout: number;
  topology_region: string;
  topology_zone: string;
}

type FieldType = "string" | "bool" | "int64" | "int32";

const fieldTypes: Readonly<Record<keyof Identify, FieldType>> = {
  client_id: "string",
  hostname: "string",
  user_agent: "string",
  feature_negotiation: "bool",
  heartbeat_interval: "int64",
  output_buffer_size: "int64",
  output_buffer_timeout: "int64",
  tls_v1: "bool",
  snappy: "bool",
  deflate: "bool",
  deflate_level: "int64",
  sample_rate: "int32",
  msg_timeout: "int64",
  topology_region: "string",
  topology_zone: "string",
};

/** An integer and the digits it came from: an error text shows all of them, also beyond 2^53. */
interface Integer {
  value: number;
  text: string;
}

/**
 * Decodes and checks the body `bytes[start, end)`. Throws IDENTIFY_UNDECODABLE, or IDENTIFY_OPTION_INVALID for the
 * first value out of range in nsqd's order.
 */
export function decodeIdentify(bytes: Buffer, start: number, end: number, limits: ProtocolLimits): Identify {
  const fields = new Map<string, string | boolean | Integer>();
  const decoded = scanJsonObject(bytes.toString("utf8", start, end), (key, json) => {
    const name = foldKey(key);
    if (!Object.hasOwn(fieldTypes, name) || json === "null") return true;
    const value = decodeField(fieldTypes[name as keyof Identify], json);
    if (value === undefined) return false;
    fields.set(name, value);
    return true;
  });
  if (!decoded) throw nsqWireErrors.IDENTIFY_UNDECODABLE();
  checkRanges(fields, limits);
  return collectFields(fields);
}

/** Writes the command. Keys that are left out are not sent. Nothing is checked. */
export function encodeIdentify(writer: ByteWriter, fields: Partial<Identify>): void {
  const body = Buffer.from(JSON.stringify(fields), "utf8");
  writer.utf8("IDENTIFY\n");
  writer.u32be(body.length);
  writer.bytes(body);
}

function decodeField(type: FieldType, json: string): string | boolean | Integer | undefined {
  switch (type) {
    case "string":
      return decodeJsonString(json);
    case "bool":
      return json === "true" ? true : json === "false" ? false : undefined;
    case "int64":
      return decodeInteger(json, 64);
    case "int32":
      return decodeInteger(json, 32);
  }
}

function decodeInteger(json: string, bits: number): Integer | undefined {
  // 20 characters: the longest is -9223372036854775808. JSON has no leading zeros that could make it longer.
  if (json.length > 20 || !/^-?\d+$/.test(json)) return undefined;
  const exact = BigInt(json);
  if (BigInt.asIntN(bits, exact) !== exact) return undefined;
  return { value: Number(exact), text: exact.toString() };
}

function checkRanges(fields: ReadonlyMap<string, string | boolean | Integer>, limits: ProtocolLimits): void {
  const check = (key: keyof Identify, allowed: readonly number[], min: number, max: number): void => {
    const integer = fields.get(key);
    if (typeof integer !== "object") return;
    const { value, text } = integer;
    if (allowed.includes(value) || (value >= min && value <= max)) return;
    throw nsqWireErrors.IDENTIFY_OPTION_INVALID({ option: key.replaceAll("_", " "), value: text });
  };
  check("heartbeat_interval", [-1, 0], heartbeatIntervalMinMs, limits.heartbeatIntervalMaxMs);
  check("output_buffer_timeout", [-1, 0], limits.outputBufferTimeoutMinMs, limits.outputBufferTimeoutMaxMs);
  check("output_buffer_size", [-1, 0], outputBufferSizeMin, limits.outputBufferSizeMax);
  check("sample_rate", [], 0, sampleRateMax);
  check("msg_timeout", [0], msgTimeoutMinMs, limits.msgTimeoutMaxMs);
}

function collectFields(fields: ReadonlyMap<string, string | boolean | Integer>): Identify {
  const text = (key: keyof Identify): string => (fields.get(key) as string | undefined) ?? "";
  const flag = (key: keyof Identify): boolean => fields.get(key) === true;
  const integer = (key: keyof Identify): number => (fields.get(key) as Integer | undefined)?.value ?? 0;
  return {
    client_id: text("client_id"),
    hostname: text("hostname"),
    user_agent: text("user_agent"),
    feature_negotiation: flag("feature_negotiation"),
    heartbeat_interval: integer("heartbeat_interval"),
    output_buffer_size: integer("output_buffer_size"),
    output_buffer_timeout: integer("output_buffer_timeout"),
    tls_v1: flag("tls_v1"),
    snappy: flag("snappy"),
    deflate: flag("deflate"),
    deflate_level: integer("deflate_level"),
    sample_rate: integer("sample_rate"),
    msg_timeout: integer("msg_timeout"),
    topology_region: text("topology_region"),
    topology_zone: text("topology_zone"),
  };
}
