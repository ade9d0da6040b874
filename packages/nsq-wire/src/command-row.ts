/**
 * What the reader must know of a command: its verb, how its body is framed, and which checks come between line and
 * body. Each file in `commands/` gives one row; `verbs.ts` gathers them.
 */

import type { CodedError } from "@polylog/base/errors";
import { nsqWireErrors } from "./errors.ts";
import type { ProtocolLimits } from "./limits.ts";

/** A command as the reader found it: ranges of `bytes`, which the reader never overwrites. */
export interface CommandLine {
  readonly bytes: Buffer;
  /** Parameters behind the verb, empty ones counted. Only the first two are kept: no command has more. */
  readonly paramCount: number;
  readonly paramStart: Int32Array;
  readonly paramEnd: Int32Array;
  /** The body, for commands that have one. */
  readonly bodyStart: number;
  readonly bodyEnd: number;
}

/** Texts and limit of a body's size: nsqd words them differently for a message and for any other body. */
export interface BodyErrors {
  readonly sizeMax: "msgSizeMax" | "bodySizeMax";
  readonly sizeUnread: (details: { command: string }) => CodedError;
  readonly sizeInvalid: (details: { command: string; size: number }) => CodedError;
  readonly tooBig: (details: { command: string; size: number; max: number }) => CodedError;
  readonly unread: (details: { command: string }) => CodedError;
}

/** IDENTIFY, AUTH, MPUB. */
export const bodyErrors: BodyErrors = {
  sizeMax: "bodySizeMax",
  sizeUnread: nsqWireErrors.BODY_SIZE_UNREAD,
  sizeInvalid: nsqWireErrors.BODY_SIZE_INVALID,
  tooBig: nsqWireErrors.BODY_TOO_BIG,
  unread: nsqWireErrors.BODY_UNREAD,
};

/** PUB, DPUB. */
export const messageErrors: BodyErrors = {
  sizeMax: "msgSizeMax",
  sizeUnread: nsqWireErrors.MESSAGE_SIZE_UNREAD,
  sizeInvalid: nsqWireErrors.MESSAGE_SIZE_INVALID,
  tooBig: nsqWireErrors.MESSAGE_TOO_BIG,
  unread: nsqWireErrors.MESSAGE_UNREAD,
};

/**
 * `none`: the line is all. `sized`: an int32 size and that many bytes. `mpub`: an int32 size, of which only the range
 * counts, an int32 count and that many times an int32 size and bytes.
 */
export type BodyFraming = "none" | "sized" | "mpub";

export interface CommandRow {
  readonly name: string;
  readonly body: BodyFraming;
  /** Only for commands with a body. */
  readonly errors?: BodyErrors;
  /**
   * Checks that need the line alone and come before the body is waited for. Commands without a body have none: their
   * `decode` is called by the server, after its own checks of the connection's state.
   */
  readonly checkLine?: (line: CommandLine, limits: ProtocolLimits) => void;
}
