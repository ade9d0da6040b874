export { type LookupdCommand, LookupdCommandReader } from "./command-reader.ts";
export { encodeAnswer, errorAnswer, lookupdWireErrors } from "./errors.ts";
export {
  encodeMagicV1,
  encodePeerIdentify,
  encodePing,
  encodeRegister,
  encodeUnregister,
  LookupdAnswerReader,
} from "./peer-commands.ts";
export { decodeLookupdFields, encodeLookupdFields, type LookupdFields, type PeerFields } from "./peer-fields.ts";
