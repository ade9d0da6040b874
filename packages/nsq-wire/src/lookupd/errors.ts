/**
 * What goes wrong in protocol V1, with nsqlookupd's words: the answer is `wireCode + " " + text`, byte for byte, so no row
 * has a `help`. Every error closes the connection. Rows without a `wireCode` are never sent.
 *
 * Texts are byte strings: one character per byte (latin1), since nsqlookupd echoes what it got.
 */

import { type CodedError, defineErrors } from "@polylog/base/errors";

export const lookupdWireErrors = defineErrors("nsq-lookupd", {
  /** Its answer is the code alone. */
  BAD_PROTOCOL: {
    text: "the first four bytes are not the magic of protocol V1",
    wireCode: "E_BAD_PROTOCOL",
    fatal: true,
  },
  /** No answer; nsqlookupd would read on. */
  LINE_TOO_LONG: { text: "no line feed within {max} bytes", fatal: true },
  INVALID_COMMAND: { text: "invalid command {command}", wireCode: "E_INVALID", fatal: true },

  IDENTIFIED_ALREADY: { text: "cannot IDENTIFY again", wireCode: "E_INVALID", fatal: true },
  BODY_SIZE_UNREAD: { text: "IDENTIFY failed to read body size", wireCode: "E_BAD_BODY", fatal: true },
  /** Less than 0: it ends the process of an nsqlookupd. */
  BODY_SIZE_INVALID: { text: "IDENTIFY invalid body size {size}", wireCode: "E_BAD_BODY", fatal: true },
  /** nsqlookupd has no bound. */
  BODY_TOO_BIG: { text: "IDENTIFY body too big {size} > {max}", wireCode: "E_BAD_BODY", fatal: true },
  BODY_UNREAD: { text: "IDENTIFY failed to read body", wireCode: "E_BAD_BODY", fatal: true },
  BODY_UNDECODABLE: { text: "IDENTIFY failed to decode JSON body", wireCode: "E_BAD_BODY", fatal: true },
  MISSING_FIELDS: { text: "IDENTIFY missing fields", wireCode: "E_BAD_BODY", fatal: true },

  /** REGISTER, UNREGISTER. */
  NOT_IDENTIFIED: { text: "client must IDENTIFY", wireCode: "E_INVALID", fatal: true },
  TOO_FEW_PARAMS: { text: "{command} insufficient number of params", wireCode: "E_INVALID", fatal: true },
  BAD_TOPIC: { text: "{command} topic name '{name}' is not valid", wireCode: "E_BAD_TOPIC", fatal: true },
  BAD_CHANNEL: { text: "{command} channel name '{name}' is not valid", wireCode: "E_BAD_CHANNEL", fatal: true },
  /** nsqlookupd has no bound. */
  REGISTRATION_LIMIT: {
    text: "REGISTER failed, {limit} topics and channels are registered",
    wireCode: "E_REGISTER_FAILED",
    fatal: true,
  },

  // As an nsqd sees it.
  ANSWER_SIZE_INVALID: { text: "an answer of {size} bytes is outside of 0 to {max}", fatal: true },
  ANSWER_UNDECODABLE: { text: "the answer to IDENTIFY is not the JSON object it should be: {answer}", fatal: true },
});

/** The answer that tells the peer of `error`; undefined when the connection is to be closed without one. */
export function errorAnswer(error: CodedError): Buffer | undefined {
  const { wireCode } = error;
  if (typeof wireCode !== "string") return undefined;
  return encodeAnswer(wireCode === "E_BAD_PROTOCOL" ? wireCode : `${wireCode} ${error.message}`);
}

/** An answer has no type: `[int32 size][text]`. `text` is a byte string. */
export function encodeAnswer(text: string): Buffer {
  const answer = Buffer.allocUnsafe(4 + text.length);
  answer.writeInt32BE(text.length);
  answer.write(text, 4, "latin1");
  return answer;
}
