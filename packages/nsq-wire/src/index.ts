export { type CommandHooks, CommandReader } from "./command-reader.ts";
export type { BodyErrors, BodyFraming, CommandLine, CommandRow } from "./command-row.ts";
export {
  type AuthResponse,
  decodeAuth,
  decodeAuthResponse,
  encodeAuth,
  encodeAuthResponse,
} from "./commands/auth.ts";
export { encodeCls } from "./commands/cls.ts";
export { decodeDpub, encodeDpub } from "./commands/dpub.ts";
export { decodeFin, encodeFin } from "./commands/fin.ts";
export { decodeIdentify, encodeIdentify, type Identify } from "./commands/identify.ts";
export {
  decodeIdentifyResponse,
  encodeIdentifyResponse,
  type IdentifyResponse,
} from "./commands/identify-response.ts";
export { encodeMpub } from "./commands/mpub.ts";
export { encodeNop } from "./commands/nop.ts";
export { encodePub } from "./commands/pub.ts";
export { decodeRdy, encodeRdy } from "./commands/rdy.ts";
export { decodeReq, encodeReq } from "./commands/req.ts";
export { decodeSub, encodeSub, type Sub } from "./commands/sub.ts";
export { decodeTouch, encodeTouch } from "./commands/touch.ts";
export { errorFrameBody, failureReasons, nsqWireErrors } from "./errors.ts";
export {
  closeWaitFrame,
  decodeMessage,
  errorFrame,
  FrameReader,
  frameTypes,
  heartbeatFrame,
  type MessageView,
  messageFrameSize,
  okFrame,
  responseFrameSize,
  writeMessageHeader,
  writeResponse,
} from "./frames.ts";
export { goQuote } from "./go-quote.ts";
export { defaultLimits, lineSizeMax, messageIdSize, nameSizeMax, type ProtocolLimits } from "./limits.ts";
export { encodeMagic } from "./magic.ts";
export { type MessageId, readMessageId, writeMessageId } from "./message-id.ts";
export { isTopicOrChannelName, isTopicOrChannelNameString } from "./names.ts";
export {
  type ConnectionSettings,
  initialSettings,
  negotiate,
  negotiatedResponse,
  type ServerFeatures,
} from "./negotiation.ts";
export { commands, type Verb, verbs } from "./verbs.ts";
