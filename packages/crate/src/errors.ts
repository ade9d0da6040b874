/**
 * The errors of `/_sql`, with CrateDB's numbers: the first three digits are the HTTP status. Clients look at the number; the
 * texts begin with the name of CrateDB's exception, because some clients look at that instead.
 */

import { defineErrors, type PolylogError } from "@polylog/base/errors";

export const crateErrors = defineErrors("crate", {
  BAD_REQUEST: { text: "SQLParseException[{reason}]", wireCode: 4000 },
  SYNTAX: { text: "SQLParseException[{reason}]", wireCode: 4000 },
  ANALYSIS: { text: "ColumnValidationException[{reason}]", wireCode: 4000 },
  INVALID_RELATION_NAME: { text: 'InvalidRelationName[Relation name "{name}" is invalid]', wireCode: 4002 },
  INVALID_VALUE: { text: "ColumnValidationException[Validation failed: {reason}]", wireCode: 4003 },
  UNSUPPORTED: { text: "UnsupportedFeatureException[{what}]", wireCode: 4004 },
  NOT_AUTHORIZED: { text: "MissingPrivilegeException[Missing '{action}' privilege for user '{user}']", wireCode: 4011 },
  RELATION_UNKNOWN: { text: "RelationUnknown[{reason}]", wireCode: 4041 },
  COLUMN_UNKNOWN: { text: "ColumnUnknownException[{reason}]", wireCode: 4043 },
  SCHEMA_UNKNOWN: { text: "SchemaUnknownException[{reason}]", wireCode: 4045 },
  FUNCTION_UNKNOWN: { text: "UnsupportedFunctionException[{reason}]", wireCode: 4049 },
  DUPLICATE_KEY: { text: "DuplicateKeyException[A document with the same primary key exists already]", wireCode: 4091 },
  RELATION_EXISTS: { text: "RelationAlreadyExists[{reason}]", wireCode: 4093 },
  BODY_TOO_LARGE: { text: "the body is larger than {sizeMax} bytes", help: "send smaller batches", wireCode: 4130 },
  INTERNAL: { text: "SQLException[{reason}]", wireCode: 5000 },
  DATA_TOO_LARGE: {
    text: "CircuitBreakingException[Data too large: {reason}]",
    help: "ask for fewer rows, or send smaller batches",
    retryable: true,
    wireCode: 5000,
  },
  KILLED: { text: "JobKilledException[{reason}]", wireCode: 5005 },
  UNAVAILABLE: { text: "the database is not available: {reason}", retryable: true, wireCode: 5030 },
  OVERLOADED: { text: "{count} statements are waiting", help: "try again later", retryable: true, wireCode: 4290 },
});

/** The HTTP status of a coded error: what its number begins with. */
export function statusOf(error: PolylogError): number {
  return typeof error.wireCode === "number" ? Math.floor(error.wireCode / 10) : 500;
}

/** CrateDB's body of a refusal. */
export function errorBody(error: PolylogError): string {
  return `${JSON.stringify({ error: { message: error.message, code: error.wireCode ?? 5000 } })}\n`;
}
