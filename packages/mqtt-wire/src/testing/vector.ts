/**
 * The shape of a test vector: one packet as bytes, and the value or the error it must give.
 */

import type { mqttWireErrors } from "../errors.ts";
import type { PacketName, PacketValues } from "./packet-codecs.ts";

interface VectorBase {
  /** A sentence about the packet `type`. */
  readonly name: string;
  /** Hexadecimal digits, spaces ignored; ASCII text may stand in single quotes: `0003 'a/b'`. */
  readonly hex: string;
  /** The id of the statement of MQTT 3.1.1 it shows; undefined when the text has no id for it. */
  readonly clause: string | undefined;
}

export interface ValidVector<Name extends PacketName> extends VectorBase {
  readonly type: Name;
  readonly value: PacketValues[Name];
  /** False when other bytes say the same and the encoder writes those. Default true. */
  readonly canonical?: boolean;
}

export interface InvalidVector extends VectorBase {
  /** Undefined for a reserved packet type. */
  readonly type: PacketName | undefined;
  readonly error: keyof (typeof mqttWireErrors)["table"];
}

export type AnyValidVector = { [Name in PacketName]: ValidVector<Name> }[PacketName];
export type Vector = AnyValidVector | InvalidVector;

export function isValidVector(vector: Vector): vector is AnyValidVector {
  return "value" in vector;
}

/** The bytes a vector's `hex` stands for. */
export function vectorBytes(text: string): Buffer {
  const parts: Buffer[] = [];
  for (const [index, part] of text.split("'").entries()) parts.push(index % 2 === 1 ? ascii(part) : hex(part));
  return Buffer.concat(parts);
}

export function ascii(text: string): Buffer {
  return Buffer.from(text, "latin1");
}

/** Throws for anything but hexadecimal digits and spaces. */
export function hex(text: string): Buffer {
  const digits = text.replaceAll(" ", "");
  if (!/^([0-9a-f]{2})*$/.test(digits)) throw new Error(`not hexadecimal: ${text}`);
  return Buffer.from(digits, "hex");
}
