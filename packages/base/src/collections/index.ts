export { RingBuffer } from "./ring-buffer.ts";
