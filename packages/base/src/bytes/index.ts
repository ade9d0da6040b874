export { ByteMap } from "./byte-map.ts";
export { ByteWriter } from "./byte-writer.ts";
export { bytesEqual, hashBytes } from "./hash.ts";
